"""faults/real/power_loss.py: what is lost, and noticed; test_failing_disk.py has a node."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from faults.real.fault import Broken
from faults.real.power_loss import _descriptors, _lose, _Tape
from storage import open_environment, verify


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with open_environment(tmp_path, reserve_bytes=0):
        pass
    return tmp_path / "durable" / "data.mdb"


def tape(file: Path, *lines: str) -> _Tape:
    recording = file.with_name("recording")
    recording.write_text("".join(line + "\n" for line in lines))
    return _Tape(file, file.read_bytes(), recording, (6,), {5: 0})


def test_of_what_was_not_synced_some_is_lost_and_the_rest_is_as_it_was(file: Path) -> None:
    before = file.read_bytes()
    page = "\\x78" * 4096
    lines = [f'7 pwrite64(5<{file}>, "{page}", 4096, {len(before)}) = 4096', f"7 fdatasync(5<{file}> = ?"]
    for seed in range(8):
        told = _lose(tape(file, *lines), Random(seed))
        assert "of 4096 bytes" in told
        assert file.read_bytes()[: len(before)] == before
        assert verify(file.parent) == []
        file.write_bytes(before)


def test_syncs_count_when_they_are_done(file: Path) -> None:
    done = f"7 fdatasync(5<{file}>) = 0"
    assert tape(file, done, "7 <... fdatasync resumed>) = 0", "7 fdatasync(5</x>) = ?").count_syncs() == 2


def test_a_store_that_is_damaged_afterwards_is_a_broken_promise(file: Path) -> None:
    zeros = "\\x00" * 8192
    lines = [f'7 pwrite64(5<{file}>, "{zeros}", 8192, 0) = 8192', f"7 fdatasync(5<{file}>) = 0"]
    with pytest.raises(Broken, match="a power loss left durable damaged"):
        _lose(tape(file, *lines), Random(1))


def test_descriptors_that_write_through_are_told_from_others(file: Path) -> None:
    plain, through = os.open(file, os.O_RDWR), os.open(file, os.O_WRONLY | os.O_DSYNC)
    try:
        os.lseek(plain, 100, os.SEEK_SET)
        assert _descriptors(os.getpid(), file) == ((through,), {plain: 100, through: 0})
    finally:
        os.close(plain)
        os.close(through)
