"""A wall clock that can be set, in the processes of one node and nowhere else on the machine.

How far a worker's clock is off stands in a file in the folder of what is within the node (within.py). The
worker looks at each reading of its clock whether the file has changed, so a jump is there at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.substitution import substituted


class Jump:
    """What a worker's clock is told; its processes to come are told the same.

    Args:
        folder: what is within the node.
        worker: whose clock.
        seconds: how far it is ahead of the machine's from now on; negative: behind it.
    """

    def __init__(self, folder: Path, worker: int, seconds: float) -> None:
        path = _skew_path(folder, worker)
        self._seen = _seen_path(folder, worker)
        self._seen.unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, repr(seconds))

    @property
    def has_happened(self) -> bool:
        """Whether the worker has looked at its clock since then."""
        return self._seen.exists()


def forget_clock(folder: Path, worker: int) -> None:
    """Let the wall clock of a worker be the machine's again."""
    _skew_path(folder, worker).unlink(missing_ok=True)
    _seen_path(folder, worker).unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """In one step: nobody reads half a file, and each time it is another one."""
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


def _skew_path(folder: Path, worker: int) -> Path:
    return folder / f"clock-{worker}"


def _seen_path(folder: Path, worker: int) -> Path:
    return folder / f"clock-{worker}-seen"


class Skew:
    """How far the wall clock of this process, a worker, is off.

    Args:
        folder: where that is written.
        number: the worker that this process is; None as long as it does not know.
    """

    def __init__(self, folder: Path, number: Callable[[], int | None]) -> None:
        self._folder = folder
        self._number = number
        self._seen: tuple[int, int] | None = None  # which file `_seconds` was read from, and of when it is
        self._seconds = 0.0

    def seconds(self) -> float:
        """How much it is ahead now."""
        number = self._number()
        if number is None:
            return 0.0
        path = _skew_path(self._folder, number)
        try:
            found = os.stat(path)
            file = (found.st_ino, found.st_mtime_ns)
            if file != self._seen:
                self._seconds = float(path.read_text())
                self._seen = file
                _write(_seen_path(self._folder, number), "")
        except FileNotFoundError:
            self._seen, self._seconds = None, 0.0
        return self._seconds


@contextmanager
def skewed(clock: object, skew: Skew) -> Iterator[None]:
    """Let a clock of the product go wrong by so much, for the length of a block."""
    kind = type(clock)
    now = kind.now  # type: ignore[attr-defined]  # it is a Clock

    def now_skewed(self: object) -> float:
        return float(now(self)) + skew.seconds()

    with substituted(kind, "now", now_skewed):
        yield
