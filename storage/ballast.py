"""Disk space that is held back, so that a disk which somebody else has filled can still be emptied.

LMDB copies every page that it changes, so even an acknowledgement, which makes room, needs some first. The
reserve (environment.py) keeps our own messages from taking the last of it. Against others on the same disk
only space that we hold already helps: a file of zeros, given up when a batch that makes room does not fit,
and made again when there is plenty.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from storage.folder import FILE_MODE

log = logging.getLogger("roost.storage")

_CHUNK = bytes(1 << 16)


class Ballast:
    """A file of `size` bytes that can be thrown overboard. With size 0 there is none."""

    __slots__ = ("_held", "_path", "_size")

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self._held = size > 0 and path.exists() and path.stat().st_size >= size

    @property
    def missing_bytes(self) -> int:
        """What `refill` would write; 0 while the ballast is aboard."""
        return 0 if self._held else self._size

    def spend(self) -> bool:
        """Give the space back to the disk; False if there was none to give."""
        if not self._held:
            return False
        os.truncate(self._path, 0)
        self._held = False
        log.warning("ballast_spent", extra={"bytes": self._size})
        return True

    def refill(self) -> None:
        """Take the space again. The caller has seen that there is plenty; if it is gone, nothing is held."""
        # Written and not only made long: a hole takes no space.
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
        try:
            with os.fdopen(fd, "wb", buffering=0) as file:
                for start in range(0, self._size, len(_CHUNK)):
                    file.write(_CHUNK[: self._size - start])
        except OSError:
            os.truncate(self._path, 0)
            return
        self._held = self._path.stat().st_size >= self._size
