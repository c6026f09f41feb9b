"""Making a store ready: what it creates, what it refuses, and that it may be killed before any step."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.ids import DeviceAddress, DeviceId, UserId
from storage import (
    DataFolderInUseError,
    Layout,
    MisplacedEnvironmentError,
    MissingEnvironmentError,
    NoRoomToMoveError,
    Route,
    StorageError,
    StorageFullError,
    holder_of,
    open_environment,
    open_routing_table,
    open_store,
    preparation,
    prepare_store,
    read_layout,
    resharding,
)
from storage.errors import FolderUnusableError, UnreadableStoreError
from storage.offline import Write
from tests.storage.conftest import MIB
from tests.storage.crashes import Crash, Crashes, crashes
from tests.storage.whole_store import Rows, everything, prepare, put, random_rows, remove

__all__ = ["crashes"]


def say_nothing(_line: str) -> None: ...


def test_a_new_store_has_an_environment_for_each_worker(tmp_path: Path) -> None:
    prepare(tmp_path / "data", 3)
    assert read_layout(tmp_path / "data").environments == 3
    for number in range(3):
        assert (tmp_path / "data" / f"durable{f'.{number}' if number else ''}" / "data.mdb").exists()


def test_nothing_is_said_to_change_and_no_room_is_asked_for_where_there_was_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", "roost.storage")
    monkeypatch.setattr(resharding, "disk_free_bytes", lambda _: 0)
    prepare(tmp_path, 2)
    assert "layout_changed" not in caplog.messages
    with pytest.raises(NoRoomToMoveError):
        prepare_store(tmp_path, 3, say_nothing)
    monkeypatch.undo()
    prepare(tmp_path, 3)
    assert caplog.messages.count("layout_changed") == 1


def test_the_right_to_run_a_node_is_held_until_it_is_given_back(tmp_path: Path) -> None:
    with prepare_store(tmp_path, 1, say_nothing):
        assert holder_of(tmp_path) == os.getpid()
        with pytest.raises(DataFolderInUseError):
            prepare_store(tmp_path, 1, say_nothing)
        open_environment(tmp_path, 0).close()
    assert holder_of(tmp_path) is None


def test_a_worker_that_outlives_its_killed_parent_keeps_the_next_node_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "LEFTOVER_PATIENCE_SECONDS", 0.0)
    prepare(tmp_path, 2)
    with open_environment(tmp_path, 1) as left_over:
        with pytest.raises(DataFolderInUseError, match=f"process {os.getpid()}"):
            prepare_store(tmp_path, 2, say_nothing)
        assert holder_of(tmp_path) == os.getpid()
        left_over.close()
    prepare(tmp_path, 2)


@pytest.mark.slow  # a real process, and a real wait for it
def test_a_worker_that_is_about_to_end_is_waited_for(tmp_path: Path) -> None:
    prepare(tmp_path, 1)
    script = (
        "import pathlib, sys, time, storage; e = storage.open_environment(pathlib.Path(sys.argv[1]));"
        "print('open', flush=True); time.sleep(0.3)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"open\n"
        prepare(tmp_path, 1)


def test_an_older_store_without_a_layout_has_one_environment_and_can_have_more(tmp_path: Path) -> None:
    open_environment(tmp_path, map_bytes=64 * MIB, reserve_bytes=0).close()
    rows = random_rows(Random(1), 20)
    put(tmp_path, rows)
    assert not (tmp_path / "layout").exists()
    prepare(tmp_path, 1)
    assert read_layout(tmp_path) == Layout(1, 0)
    prepare(tmp_path, 3)
    assert everything(tmp_path) == rows


def test_who_is_connected_does_not_outlive_the_node(tmp_path: Path) -> None:
    prepare(tmp_path, 1)
    device = DeviceAddress(UserId(7), DeviceId(1))
    with open_routing_table(tmp_path) as table:
        table.connect(device, Route(0, 1, 1))
    prepare(tmp_path, 1)
    with open_routing_table(tmp_path) as table:
        assert table.route(device) is None


@pytest.mark.parametrize("number", [0, 1])
def test_a_part_that_is_missing_is_not_replaced_by_an_empty_one(tmp_path: Path, number: int) -> None:
    prepare(tmp_path, 2)
    folder = tmp_path / ("durable.1" if number else "durable")
    shutil.rmtree(folder)
    for workers in (1, 2):
        with pytest.raises(MissingEnvironmentError, match=str(folder)):
            prepare_store(tmp_path, workers, say_nothing)
    assert not folder.exists()


def test_parts_that_were_mixed_up_are_noticed(tmp_path: Path) -> None:
    prepare(tmp_path, 3)
    (tmp_path / "durable.1").rename(tmp_path / "aside")
    (tmp_path / "durable.2").rename(tmp_path / "durable.1")
    (tmp_path / "aside").rename(tmp_path / "durable.2")
    with pytest.raises(MisplacedEnvironmentError):
        prepare_store(tmp_path, 3, say_nothing)


@pytest.mark.parametrize("workers", [0, 65])
def test_a_number_of_workers_that_cannot_be_is_refused(tmp_path: Path, workers: int) -> None:
    with pytest.raises(ValueError, match="1 to 64 workers"):
        prepare_store(tmp_path / "data", workers, say_nothing)
    assert not (tmp_path / "data").exists()


def test_too_little_room_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(tmp_path, 2)
    rows = random_rows(Random(1), 20)
    put(tmp_path, rows)
    before = read_layout(tmp_path)
    monkeypatch.setattr(resharding, "disk_free_bytes", lambda _folder: 0)
    for workers in (1, 3):
        with pytest.raises(NoRoomToMoveError):
            prepare_store(tmp_path, workers, say_nothing)
        assert holder_of(tmp_path) is None
    assert (read_layout(tmp_path), everything(tmp_path)) == (before, rows)
    assert not (tmp_path / "durable.2").exists()
    prepare(tmp_path, 2)


def test_a_disk_that_is_full_in_the_middle_gets_its_room_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path, 2)
    rows = random_rows(Random(1), 40)
    put(tmp_path, rows)
    batches = count(1)
    copy = resharding._copy_batch

    def run_full(write: Write, *rest: object) -> None:
        if next(batches) == 8:
            raise StorageFullError("storage is full")
        copy(write, *rest)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(resharding, "_copy_batch", run_full)
    with pytest.raises(StorageFullError):
        prepare(tmp_path, 3)
    assert (read_layout(tmp_path).environments, everything(tmp_path)) == (2, rows)
    assert not (tmp_path / "durable.2").exists()


# Crashes ----------------------------------------------------------------------------------------------------


def prepare_until(data: Path, workers: int, crashes: Crashes, steps: int) -> bool:
    """Prepare with a crash after so many steps; returns whether it came to that."""
    crashes.before_step(steps)
    try:
        prepare(data, workers)
    except (Crash, StorageError):
        # A crash inside a commit leaves a journal as a failed commit does.
        assert crashes.happened
    finally:
        crashes.never()
    return crashes.happened


@pytest.fixture
def divided(tmp_path: Path) -> tuple[Path, Rows]:
    """A store of two workers, and its rows."""
    data = tmp_path / "template"
    prepare(data, 2)
    rows = random_rows(Random(1), 12)
    put(data, rows)
    return data, rows


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "then"), [(3, [3]), (3, [2]), (3, [1]), (1, [1]), (1, [2]), (1, [4]), (4, [3, 2])]
)
def test_killed_before_any_step_the_next_start_finds_every_row_once(
    divided: tuple[Path, Rows], tmp_path: Path, crashes: Crashes, workers: int, then: Sequence[int]
) -> None:
    template, rows = divided
    for steps in count():
        data = tmp_path / "data"
        shutil.copytree(template, data)
        crashed = prepare_until(data, workers, crashes, steps)
        for each in then:
            prepare(data, each)
            assert everything(data) == rows, steps
        shutil.rmtree(data)
        if not crashed:
            break
    assert steps > 20


@pytest.mark.slow
def test_killed_while_a_store_is_made_the_next_start_makes_it(tmp_path: Path, crashes: Crashes) -> None:
    for steps in count():
        data = tmp_path / f"data-{steps}"
        crashed = prepare_until(data, 3, crashes, steps)
        prepare(data, 2)
        assert everything(data) == {}
        if not crashed:
            break


starts = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 150)), min_size=1, max_size=6)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), starts=starts, last=st.integers(1, 6))
def test_no_history_of_killed_starts_loses_or_doubles_a_row(
    tmp_path_factory: pytest.TempPathFactory,
    crashes: Crashes,
    seed: int,
    starts: list[tuple[int, int]],
    last: int,
) -> None:
    """Between two starts a node may have run: rows come and go where the layout says that they are."""
    data, random = tmp_path_factory.mktemp("data"), Random(seed)
    prepare(data, 1)
    rows: Rows = {}
    for workers, steps in starts:
        if not prepare_until(data, workers, crashes, steps):
            more = random_rows(random, 4, 1)
            put(data, more)
            rows |= more
            gone = random.sample(sorted(rows), len(rows) // 3)
            remove(data, gone)
            for each in gone:
                del rows[each]
    prepare(data, last)
    assert everything(data) == rows


@pytest.mark.slow  # real processes that are really killed
def test_whenever_a_start_is_killed_the_next_one_finds_every_row_once(tmp_path: Path) -> None:
    data, random = tmp_path / "data", Random(1)
    prepare(data, 1)
    rows = random_rows(random, 200, 6)
    put(data, rows)
    script = (
        "import pathlib, sys, storage; folder, workers = sys.argv[1:];"
        "print('begun', flush=True);"
        "storage.prepare_store(pathlib.Path(folder), int(workers), print, reserve_bytes=0)"
    )
    for _ in range(6):
        command = [sys.executable, "-c", script, str(data), str(random.randrange(1, 5))]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as start:
            assert start.stdout is not None
            assert start.stdout.readline() == b"begun\n"
            with suppress(subprocess.TimeoutExpired):
                start.wait(random.random() * 0.3)
            start.kill()
        prepare(data, random.randrange(1, 5))
        assert everything(data) == rows


@pytest.mark.parametrize("inside", ["", "data"])
def test_a_data_folder_that_cannot_be_made_is_refused_by_name(tmp_path: Path, inside: str) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(FolderUnusableError, match=r"the data folder .*/file.* cannot be used: .* no folder"):
        prepare_store(file / inside, 1, print)


def test_a_store_that_is_no_store_is_refused_in_one_sentence_and_leaves_the_folder_free(
    tmp_path: Path,
) -> None:
    prepare_store(tmp_path, 1, print).release()
    (tmp_path / "durable" / "data.mdb").write_bytes(b"not a store" * 1000)
    for _ in range(2):
        with pytest.raises(UnreadableStoreError, match=r"the store in .*durable cannot be opened: "):
            prepare_store(tmp_path, 1, print)


def test_too_little_address_space_says_which_limit_to_lift(tmp_path: Path) -> None:
    with pytest.raises(UnreadableStoreError, match=r"ulimit -v unlimited"):
        prepare_store(tmp_path, 1, print, map_bytes=1 << 62)


def damage_pages(data: Path) -> None:
    """Take from each page, but for the two that all is found from, the word that it is one of a tree."""
    file = data / "durable" / "data.mdb"
    pages = bytearray(file.read_bytes())
    for page in range(2 * 4096, len(pages), 4096):
        pages[page + 10 : page + 12] = b"\0\0"
    file.write_bytes(pages)


def test_a_store_with_damaged_pages_is_refused_in_one_sentence(tmp_path: Path) -> None:
    prepare(tmp_path, 1)
    damage_pages(tmp_path)
    with pytest.raises(UnreadableStoreError, match="cannot be opened"):
        prepare(tmp_path, 1)
    with pytest.raises(UnreadableStoreError, match="cannot be opened"):
        open_store(tmp_path, 0)
