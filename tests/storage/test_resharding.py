"""Moving users: every row once, and where it belongs, whatever the numbers of workers are.

What happens when it is interrupted is tried in test_preparation.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.slots import MAX_WORKERS
from storage import Environment, Layout, NoRoomToMoveError, Put, open_environment, resharding
from storage.offline import open_writer
from storage.resharding import check_room, copy_moving_users, needed_bytes, sweep
from storage.tables import PHONES, QUEUE, USERS
from tests.storage.conftest import MIB
from tests.storage.whole_store import Rows, everything, prepare, put, random_rows


@pytest.fixture
def random() -> Random:
    return Random(1)


@pytest.fixture
def environments(tmp_path: Path, random: Random) -> Iterator[list[Environment]]:
    """Two environments, the first with 40 users."""
    prepare(tmp_path, 1)
    put(tmp_path, random_rows(random, 40))
    with ExitStack() as stack:
        yield [
            stack.enter_context(open_environment(tmp_path, number, map_bytes=64 * MIB, reserve_bytes=0))
            for number in range(2)
        ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (1, 2),
        (2, 1),
        (2, 3),
        (3, 2),
        (4, 4),
        (5, 3),
        pytest.param(1, MAX_WORKERS, marks=pytest.mark.slow),
    ],
)
def test_every_row_is_there_once_and_where_it_belongs(
    tmp_path: Path, random: Random, before: int, after: int
) -> None:
    prepare(tmp_path, before)
    rows = random_rows(random, 30)
    put(tmp_path, rows)
    prepare(tmp_path, after)
    assert everything(tmp_path) == rows
    assert sorted(path.name for path in tmp_path.glob("durable*")) == sorted(
        ["durable", *(f"durable.{number}" for number in range(1, after))]
    )


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4))
@pytest.mark.slow
def test_random_rows_survive_random_numbers_of_workers(
    tmp_path_factory: pytest.TempPathFactory, seed: int, sizes: list[int]
) -> None:
    data, random = tmp_path_factory.mktemp("data"), Random(seed)
    rows: Rows = {}
    for workers in sizes:
        prepare(data, workers)
        assert everything(data) == rows
        more = random_rows(random, 5)
        put(data, more)
        rows |= more
    assert everything(data) == rows


def test_it_goes_in_small_transactions(
    environments: list[Environment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resharding, "BATCH_ROWS", 7)
    before = environments[1].last_transaction()
    with environments[0].read() as reader:
        rows = sum(reader.count(table) for table in (USERS, QUEUE))
    copy_moving_users(environments, Layout(1), Layout(2, 1), lambda _line: None)
    assert environments[1].last_transaction() - before > rows / 2 / 7


def test_a_batch_ends_also_by_its_bytes(
    environments: list[Environment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resharding, "BATCH_BYTES", 300)
    key = (200 << 55).to_bytes(8, "big")
    with open_writer(environments[0]) as write:
        write([Put(QUEUE, key + bytes([number]), b"v" * 200) for number in range(10)])
    batches = list(resharding._batches(environments[0], QUEUE, key, key + b"\xff"))
    assert [len(batch) for batch in batches] == [2] * 5


def test_it_says_how_far_it_is(environments: list[Environment], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resharding, "BATCH_ROWS", 7)
    monkeypatch.setattr(resharding, "TELL_EVERY_ROWS", 50)
    told: list[str] = []
    copy_moving_users(environments, Layout(1), Layout(2, 1), told.append)
    assert len(told) > 2
    for_two = "moving users, for 2 workers from now on:"
    assert re.fullmatch(for_two + r" \d+ of about [\d,]+ rows are copied", told[0])
    assert re.fullmatch(for_two + r" all [\d,]+ rows are copied", told[-1])


def test_nothing_is_said_where_nobody_moves(tmp_path: Path) -> None:
    told: list[str] = []
    prepare(tmp_path, 3, told)
    assert told == []


def test_a_disk_without_room_for_the_copies_is_found_before_anything_is_changed(
    environments: list[Environment], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resharding, "disk_free_bytes", lambda _folder: MIB // 2)
    with pytest.raises(NoRoomToMoveError, match=r"from 1 to 2 workers needs about [\d,]+ bytes") as raised:
        check_room(tmp_path, environments[:1], Layout(1), Layout(2, 1))
    assert raised.value.needed > raised.value.free == MIB // 2
    monkeypatch.setattr(resharding, "disk_free_bytes", lambda _folder: raised.value.needed)
    check_room(tmp_path, environments[:1], Layout(1), Layout(2, 1))


def test_the_estimate_is_about_what_is_copied(environments: list[Environment]) -> None:
    key = (200 << 55).to_bytes(8, "big")
    with open_writer(environments[0]) as write:
        for slot in range(256):
            first = slot << 55
            write(
                [Put(QUEUE, (first + number).to_bytes(8, "big") + key, b"v" * 500) for number in range(1, 11)]
            )
    expected = needed_bytes(environments, Layout(1), Layout(2, 1))
    copy_moving_users(environments, Layout(1), Layout(2, 1), lambda _line: None)
    assert 0.3 * expected < environments[1].live_bytes() < expected


def test_a_healthy_store_is_swept_without_writing(environments: list[Environment], tmp_path: Path) -> None:
    environments[1].close()
    before = environments[0].last_transaction()
    sweep(tmp_path, environments[:1], Layout(1))
    assert environments[0].last_transaction() == before
    assert not (tmp_path / "durable.1").exists()
    assert not (tmp_path / "lock.1").exists()


def test_rows_that_do_not_count_are_swept(
    environments: list[Environment], tmp_path: Path, random: Random
) -> None:
    copy_moving_users(environments, Layout(1), Layout(2, 1), lambda _line: None)
    for environment in environments:
        with open_writer(environment) as write:
            write([Put(table, key, value) for (table, key), value in random_rows(random, 20).items()])
    sweep(tmp_path, environments, Layout(2, 1))
    with environments[0].read() as left, environments[1].read() as right:
        for table in (USERS, QUEUE):
            assert left.last(table, b"\0", b"\xff" * 64)[0] < b"\x40"  # type: ignore[index]  # there are rows
            assert next(right.scan(table, b"\0", b"\xff" * 64))[0] >= b"\x40"
        assert right.count(PHONES) == 0
