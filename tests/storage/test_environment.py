from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from storage import (
    DataFolderInUseError,
    DeleteRange,
    Environment,
    MapTooSmallError,
    Put,
    open_environment,
    verify,
)
from storage.committer import Committer
from storage.tables import QUEUE, Op
from tests.storage.conftest import MIB


def write(environment: Environment, *ops: Op) -> None:
    assert Committer(environment).commit([ops]) == [None]


def fill(environment: Environment, megabytes: int, prefix: bytes = b"") -> None:
    for number in range(megabytes * 16):
        write(environment, Put(QUEUE, prefix + b"%08d" % number, b"v" * 65_000))


def test_what_was_written_is_there_after_closing_and_opening(tmp_path: Path) -> None:
    with open_environment(tmp_path) as environment:
        write(environment, Put(QUEUE, b"k", b"v"))
    with open_environment(tmp_path) as environment, environment.read() as reader:
        assert reader.get(QUEUE, b"k") == b"v"


def test_only_the_owner_may_look_into_the_data(tmp_path: Path) -> None:
    with open_environment(tmp_path / "data"):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "data" / "durable" / "data.mdb").stat().st_mode) == 0o600


def test_a_large_map_costs_no_disk(tmp_path: Path) -> None:
    with open_environment(tmp_path) as environment:
        seen = environment.statistics()
    assert seen.map_bytes >= 64 << 30
    assert seen.file_bytes < MIB


def test_a_second_opening_in_the_same_process_is_refused_and_harms_nothing(environment: Environment) -> None:
    with pytest.raises(DataFolderInUseError) as raised:
        open_environment(environment.data)
    assert raised.value.pid == os.getpid()
    write(environment, Put(QUEUE, b"k", b"v"))


@pytest.mark.slow
def test_a_second_process_is_refused_and_told_who_holds_the_folder(environment: Environment) -> None:
    script = f"import pathlib, storage; storage.open_environment(pathlib.Path({str(environment.data)!r}))"
    other = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert other.returncode == 1
    assert f"is in use by process {os.getpid()}" in other.stderr


def test_a_reader_sees_the_moment_in_which_it_began(environment: Environment) -> None:
    write(environment, Put(QUEUE, b"k", b"old"))
    with environment.read() as reader:
        write(environment, Put(QUEUE, b"k", b"new"))
        assert reader.get(QUEUE, b"k") == b"old"
    with environment.read() as reader:
        assert reader.get(QUEUE, b"k") == b"new"


def test_a_reader_is_of_no_use_outside_its_with_block(environment: Environment) -> None:
    with environment.read() as reader:
        pass
    with pytest.raises(RuntimeError, match="with block"):
        reader.get(QUEUE, b"k")


def test_scan_gives_the_rows_between_both_bounds_in_order(environment: Environment) -> None:
    write(environment, *[Put(QUEUE, key, b"v") for key in (b"d", b"b", b"a", b"c", b"e")])
    with environment.read() as reader:
        assert [key for key, _ in reader.scan(QUEUE, b"b", b"d")] == [b"b", b"c", b"d"]
        assert [key for key, _ in reader.scan(QUEUE, b"aa", b"bb")] == [b"b"]
        assert list(reader.scan(QUEUE, b"f", b"z")) == []


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (b"a", b"c", b"c"),
        (b"a", b"bz", b"b"),
        (b"a", b"z", b"e"),
        (b"cc", b"d", None),
        (b"0", b"1", None),
        (b"f", b"z", None),
    ],
)
def test_last_gives_the_highest_row_between_both_bounds(
    environment: Environment, first: bytes, last: bytes, found: bytes | None
) -> None:
    write(environment, *[Put(QUEUE, key, b"v") for key in (b"a", b"b", b"c", b"e")])
    with environment.read() as reader:
        row = reader.last(QUEUE, first, last)
    assert (None if row is None else row[0]) == found


def test_statistics_tell_live_from_free_pages(environment: Environment) -> None:
    fill(environment, 2)
    full = environment.statistics()
    write(environment, DeleteRange(QUEUE, b"0", b"9"))
    empty = environment.statistics()
    assert full.live_bytes > 2 * MIB > MIB > empty.live_bytes
    assert empty.high_water_bytes >= full.high_water_bytes
    assert empty.map_used < full.map_used < 1
    assert (full.rows[QUEUE], empty.rows[QUEUE]) == (32, 0)


def test_room_counts_what_is_free_inside_the_file(tmp_path: Path) -> None:
    with open_environment(
        tmp_path, map_bytes=4 * MIB, max_map_bytes=4 * MIB, reserve_bytes=3 * MIB
    ) as environment:
        fill(environment, 2)
        assert environment.room_bytes() < 2 * MIB
        write(environment, DeleteRange(QUEUE, b"0", b"9"))
        assert environment.room_bytes() > 3 * MIB


def test_the_map_grows_before_it_is_full(tmp_path: Path) -> None:
    with open_environment(tmp_path, map_bytes=MIB, reserve_bytes=0) as environment:
        fill(environment, 3)
        assert environment.statistics().map_bytes >= 4 * MIB
        assert environment.statistics().rows[QUEUE] == 48


def test_the_map_does_not_move_under_a_reader(environment: Environment) -> None:
    write(environment, Put(QUEUE, b"k", b"v"))
    with environment.read() as reader:
        with pytest.raises(MapTooSmallError, match="1 read transactions are open"):
            environment.grow()
        assert reader.get(QUEUE, b"k") == b"v"
    before = environment.statistics().map_bytes
    environment.grow()
    assert environment.statistics().map_bytes == 2 * before


def test_a_map_that_could_not_grow_yet_is_reported_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_environment(tmp_path, map_bytes=MIB, reserve_bytes=0) as environment:
        fill_bytes = [Put(QUEUE, b"%04d" % n, b"v" * 60_000) for n in range(13)]
        with environment.read(), caplog.at_level(logging.WARNING):
            write(environment, *fill_bytes)
            # Once, not with every commit: each attempt may have to wait.
            write(environment, Put(QUEUE, b"k", b"v"))
        assert [record.message for record in caplog.records] == ["map_not_grown"]
        write(environment, Put(QUEUE, b"l", b"v" * 70_000))
        assert environment.statistics().map_bytes == 2 * MIB


def test_readers_that_come_while_the_map_moves_wait_and_then_read(tmp_path: Path) -> None:
    with open_environment(tmp_path, map_bytes=MIB, reserve_bytes=0) as environment:
        write(environment, Put(QUEUE, b"k", b"v"))
        stop = threading.Event()
        wrong: list[bytes | None] = []

        def read_again_and_again() -> None:
            while not stop.is_set():
                with environment.read() as reader:
                    if (value := reader.get(QUEUE, b"k")) != b"v":
                        wrong.append(value)

        thread = threading.Thread(target=read_again_and_again)
        thread.start()
        for _ in range(10):
            environment.grow()
        stop.set()
        thread.join()
        assert wrong == []
        assert environment.statistics().map_bytes == 1024 * MIB


def test_growth_ends_at_the_limit(tmp_path: Path) -> None:
    with open_environment(tmp_path, map_bytes=MIB, max_map_bytes=3 * MIB, reserve_bytes=0) as environment:
        environment.grow()
        environment.grow()
        assert environment.statistics().map_bytes == 3 * MIB
        with pytest.raises(MapTooSmallError, match="limited to 3145728"):
            environment.grow()


def test_a_reopened_environment_goes_on(environment: Environment) -> None:
    write(environment, Put(QUEUE, b"k", b"v"))
    environment.reopen()
    write(environment, Put(QUEUE, b"l", b"w"))
    with environment.read() as reader:
        assert [key for key, _ in reader.scan(QUEUE, b"a", b"z")] == [b"k", b"l"]


def test_a_copy_shows_one_moment_and_is_sound(environment: Environment, tmp_path: Path) -> None:
    fill(environment, 1)
    (tmp_path / "copy").mkdir()
    environment.copy(tmp_path / "copy")
    assert verify(tmp_path / "copy") == []


def test_verify_finds_a_damaged_page(environment: Environment) -> None:
    fill(environment, 1)
    environment.close()
    assert verify(environment.folder) == []
    path = environment.folder / "data.mdb"
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 + 10 : page * 4096 + 16] = b"\xff" * 6
    path.write_bytes(data)
    assert verify(environment.folder) != []


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\0" * 8192, b"no store at all", None],
    ids=["empty", "zeros", "something else", "cut short"],
)
def test_verify_says_of_a_file_that_is_no_store_any_more_what_is_wrong(
    environment: Environment, damaged: bytes | None
) -> None:
    environment.close()
    path = environment.folder / "data.mdb"
    path.write_bytes(path.read_bytes()[:4000] if damaged is None else damaged)
    assert len(verify(environment.folder)) == 1
