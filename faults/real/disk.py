"""A small disk for the node's data: a file system of its own, which can be filled up, and fail as a whole.

An ext4 in a file (a loop device) behaves as a real one does; where there are no loop devices it is a tmpfs of
limited size, which can be filled, and does not fail. Only root may mount; a watcher unmounts if we are
killed.
"""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Protocol

import trio

MIB = 1 << 20

DEFAULT_BYTES = 384 * MIB
"""Six times what a node keeps free; the file in which it lies takes only what was ever written."""

LEFT_TO_NOBODY = 4096
"""Less than a block is no room."""


class Kind(Enum):
    """What a small disk is made of."""

    EXT4 = "ext4 in a file"
    TMPFS = "tmpfs"


class DiskError(Exception):
    """A mount, or the like, was refused."""


class MountMinder(Protocol):
    """Is told what has been mounted, so that it can be undone if we are killed."""

    def mind_mount(self, folder: Path) -> None:
        """Something has been mounted there."""


class SmallDisk:
    """A file system of limited size. Make one with `open_small_disk`.

    Args:
        folder: where it is mounted.
        image: the file that it lies in; beside it nothing is left when it is gone.
        kind: what it is made of.
        size: in bytes.
    """

    def __init__(self, folder: Path, image: Path, kind: Kind, size: int) -> None:
        self.folder = folder
        self.kind = kind
        self._image = image
        self._size = size
        self._weight = folder / "somebody else's"

    # ---- how full it is ----

    def free_bytes(self) -> int:
        """What an ordinary user may still write."""
        disk = os.statvfs(self.folder)
        return disk.f_bavail * disk.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Take all room but so much, as somebody else's files would; in no time, as nothing is written.

        With nothing to leave, what others free meanwhile is theirs until this is called again.
        """
        descriptor = os.open(self._weight, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            step = self._size
            while step >= LEFT_TO_NOBODY:
                spare = self.free_bytes() - leave
                if spare < LEFT_TO_NOBODY:
                    return
                step = min(step, spare)
                try:
                    os.posix_fallocate(descriptor, os.fstat(descriptor).st_size, step)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    step //= 2  # the file system's own records need some of it
        finally:
            os.close(descriptor)

    def empty(self) -> None:
        """Give back what `fill` has taken."""
        self._weight.unlink(missing_ok=True)

    # ---- how it fails ----

    async def fail(self) -> None:
        """From now on it can be read and not be written, as after an error of the device; until `mend`.

        Raises:
            DiskError: a disk of this kind does not fail.
        """
        if self.kind is not Kind.EXT4:
            raise DiskError(f"{self.kind.value} cannot be made to fail")
        await _run(["mount", "-o", "remount,abort", str(self.folder)])

    async def mend(self) -> None:
        """Mount it anew, as one does after a failure. Nobody may have anything open on it.

        Raises:
            DiskError: somebody has.
        """
        await _run(["umount", str(self.folder)])
        await self.mount()

    # ---- its life ----

    async def make(self) -> None:
        """Make it, empty, and mount it. Raises DiskError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.kind is Kind.EXT4:
            with self._image.open("wb") as file:
                file.truncate(self._size)
            # Nothing is reserved for root: the node may be root here, and elsewhere is not.
            await _run(["mkfs.ext4", "-q", "-F", "-m", "0", str(self._image)])
        await self.mount()

    async def mount(self) -> None:
        """Mount it. Raises DiskError."""
        folder, image = str(self.folder), str(self._image)
        if self.kind is Kind.EXT4:
            await _run(["mount", "-o", "loop", image, folder])
        else:
            await _run(["mount", "-t", "tmpfs", "-o", f"size={self._size}", "tmpfs", folder])

    def is_mounted(self) -> bool:
        """Whether it is there at the moment."""
        return os.path.ismount(self.folder)

    async def unmount(self) -> None:
        """Unmount it for good; if somebody still has something open there, as soon as he has not."""
        if self.is_mounted():
            await _run(["umount", "--lazy", str(self.folder)])
        self._image.unlink(missing_ok=True)


@asynccontextmanager
async def open_small_disk(
    folder: Path, *, size: int = DEFAULT_BYTES, minder: MountMinder | None = None
) -> AsyncIterator[SmallDisk]:
    """A small disk that is mounted at `folder` for the length of a block.

    Raises:
        DiskError: none can be had here; `why_not` says it beforehand.
    """
    kind = Kind.EXT4 if has_loop_devices() else Kind.TMPFS
    disk = SmallDisk(folder, folder.with_name(f"{folder.name}.image"), kind, size)
    try:
        if minder is not None:
            minder.mind_mount(folder)  # before it is there: between the two we might be killed
        await disk.make()
        yield disk
    finally:
        with trio.CancelScope(shield=True):
            await disk.unmount()


@cache
def why_not() -> str | None:
    """Why no small disk can be had here, in a few words; None if one can. Found out by trying."""
    if os.geteuid() != 0:
        return "needs root, to mount a small disk"
    with tempfile.TemporaryDirectory() as folder:
        refused = _refused(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder])
        if refused is None:
            _refused(["umount", folder])
    return f"needs mounts: {refused}" if refused else None


@cache
def has_loop_devices() -> bool:
    """Whether a file can be a disk here; found out by trying."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        image, place = Path(folder) / "image", Path(folder) / "place"
        place.mkdir()
        with image.open("wb") as file:
            file.truncate(8 * MIB)
        if _refused(["mkfs.ext4", "-q", "-F", str(image)]) or _refused(
            ["mount", "-o", "loop", str(image), str(place)]
        ):
            return False
        return _refused(["umount", str(place)]) is None


def _refused(words: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(words, check=False, capture_output=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        return str(error)
    return _last_words(words, done) if done.returncode else None


async def _run(words: Sequence[str]) -> None:
    try:
        done = await trio.run_process(list(words), check=False, capture_stdout=True, capture_stderr=True)
    except OSError as error:
        raise DiskError(str(error)) from error
    if done.returncode:
        raise DiskError(_last_words(words, done))


def _last_words(words: Sequence[str], done: subprocess.CompletedProcess[bytes]) -> str:
    said = (done.stderr or done.stdout or b"").decode(errors="replace").strip()
    return said or f"{words[0]} ended with {done.returncode}"
