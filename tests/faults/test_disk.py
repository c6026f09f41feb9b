from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from faults.real.disk import MIB, DiskError, Kind, SmallDisk, has_loop_devices, open_small_disk, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

SIZE = 16 * MIB


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[SmallDisk]:
    async with open_small_disk(tmp_path / "disk", size=SIZE) as disk:
        yield disk


class Minder:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.mounts: list[Path] = []

    def mind_mount(self, folder: Path) -> None:
        self.mounts.append(folder)


def refused_with(file: Path, data: bytes) -> int | None:
    """The error's number of a write that is synced, or None."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        return error.errno
    return None


async def test_a_disk_is_full_when_it_was_filled_and_has_room_when_it_was_emptied(disk: SmallDisk) -> None:
    file = disk.folder / "file"
    disk.fill()
    assert disk.free_bytes() < 4096
    assert refused_with(file, b"x" * 8192) == errno.ENOSPC
    disk.empty()
    assert disk.free_bytes() > SIZE // 2
    assert refused_with(file, b"x" * 8192) is None


async def test_as_much_room_is_left_as_was_wanted(disk: SmallDisk) -> None:
    disk.fill(leave=MIB)
    assert MIB <= disk.free_bytes() < MIB + 64 * 1024


@pytest.mark.skipif(not has_loop_devices(), reason="needs loop devices")
async def test_a_disk_that_has_failed_can_be_read_and_not_written_until_it_is_mounted_anew(
    disk: SmallDisk,
) -> None:
    file = disk.folder / "file"
    assert refused_with(file, b"before") is None
    await disk.fail()
    assert refused_with(file, b"after") in (errno.EROFS, errno.EIO)
    assert file.read_bytes() == b"before"
    await disk.mend()
    assert refused_with(file, b"after.") is None
    assert file.read_bytes() == b"after."


async def test_a_tmpfs_is_not_said_to_have_failed(tmp_path: Path) -> None:
    disk = SmallDisk(tmp_path / "disk", tmp_path / "image", Kind.TMPFS, SIZE)
    await disk.make()
    try:
        disk.fill()
        assert disk.free_bytes() < 4096
        with pytest.raises(DiskError, match="tmpfs"):
            await disk.fail()
    finally:
        await disk.unmount()


async def test_nothing_is_left_of_a_disk_though_somebody_has_a_file_open_on_it(tmp_path: Path) -> None:
    minder = Minder()
    folder = tmp_path / "disk"
    async with open_small_disk(folder, size=SIZE, minder=minder) as disk:
        open_file = (folder / "file").open("wb")
        assert disk.is_mounted()
    with open_file:
        assert not disk.is_mounted()
    assert os.listdir(tmp_path) == ["disk"]
    assert minder.mounts == [folder]


async def test_a_refused_mount_says_why(tmp_path: Path) -> None:
    disk = SmallDisk(tmp_path / "disk", tmp_path / "no image", Kind.EXT4, SIZE)
    (tmp_path / "disk").mkdir()
    with pytest.raises(DiskError, match="no image"):
        await disk.mount()
