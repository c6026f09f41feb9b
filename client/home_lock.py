"""One process is the phone: an exclusive lock on the home folder.

The lock is ``flock`` on a file, so the kernel drops it when its holder dies, however that happens: no stale
lock is ever left behind, and no process id has to be checked. It says who may talk to the relay; opening the
store needs no lock (``roost send`` may queue while ``roost listen`` runs).
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from client.errors import HomeInUseError

LOCK_FILE_NAME = "phone.lock"


class HomeLock:
    """Holds a home. Get it with ``acquire`` or ``try_acquire``; leave the ``with`` block to give it back."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def try_acquire(cls, home: Path) -> Self | None:
        """Take the lock if it is free; None at once if another process (or this one) holds it."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(home / LOCK_FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    @classmethod
    def acquire(cls, home: Path) -> Self:
        """Take the lock.

        Raises:
            HomeInUseError: it is held elsewhere.
        """
        lock = cls.try_acquire(home)
        if lock is None:
            raise HomeInUseError(home)
        return lock

    def release(self) -> None:
        """Give the lock back; harmless twice. The file stays: removing it would race with the next taker."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()
