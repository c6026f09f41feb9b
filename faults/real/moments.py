"""Moments in the work of a worker at which it can be killed, and the traps that are laid for it there.

A trap is a file in the folder of what is within the node (within.py): it names the moment, the worker, and
how many times the worker may still pass. Whoever falls into it takes it away first, so a trap kills once, and
leaves another file behind that says which process it was. The fault that has laid it waits for that file.

Not here: where in the product each moment is (failpoints.py), which only workers import.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from enum import Enum
from pathlib import Path


class Moment(Enum):
    """When a worker can be killed."""

    BEFORE_COMMIT = "before-commit"
    """A batch with messages is written into its transaction, which is not committed."""
    AFTER_COMMIT = "after-commit"
    """A batch with messages is on the disk, and nobody was told."""
    AFTER_DELIVER = "after-deliver"
    """The kernel was given a frame with a message for a device, and no acknowledgement of it was read."""
    GIVING = "giving"
    """A connection was detached to be handed to another worker, and has not left this one."""
    TAKING = "taking"
    """A connection has come from another worker, and belongs to no actor of this one."""
    STARTING = "starting"
    """A worker has opened its store and started its tree, and has not told its parent that it is ready."""


class Trap:
    """What is laid for one worker at one moment. Make it with `lay`."""

    def __init__(self, folder: Path, moment: Moment, worker: int) -> None:
        self.path = _trap_path(folder, moment, worker)
        self._fallen = f"{self.path.name}.fallen-"

    def fallen(self) -> int | None:
        """The process that fell into it; None as long as none has."""
        for path in self.path.parent.glob(f"{self._fallen}*"):
            return int(path.name.removeprefix(self._fallen))
        return None

    def take_away(self) -> None:
        """Nobody falls into it any more, and nothing is left of it."""
        self.path.unlink(missing_ok=True)
        for path in self.path.parent.glob(f"{self._fallen}*"):
            path.unlink(missing_ok=True)


def lay(folder: Path, moment: Moment, worker: int, passes: int = 1) -> Trap:
    """Lay a trap that kills a worker when it passes a moment for the so-manieth time from now on."""
    trap = Trap(folder, moment, worker)
    trap.take_away()
    folder.mkdir(parents=True, exist_ok=True)
    partial = trap.path.with_suffix(".partial")
    partial.write_text(str(passes))
    partial.replace(trap.path)  # in one step: nobody reads half a file
    return trap


def _trap_path(folder: Path, moment: Moment, worker: int) -> Path:
    return folder / f"{moment.value}-{worker}"


class Passage:
    """A moment, as the worker comes by there: it looks for a trap, which costs a stat.

    Args:
        folder: where traps are laid.
        moment: which it is.
        number: the worker that this process is; None as long as it does not know.
    """

    def __init__(self, folder: Path, moment: Moment, number: Callable[[], int | None]) -> None:
        self._folder = folder
        self._moment = moment
        self._number = number
        self._passed = 0  # times, since there has been a trap

    def come_by(self) -> None:
        """Die here, if there is a trap and it is time."""
        number = self._number()
        if number is None:
            return
        path = _trap_path(self._folder, self._moment, number)
        if not path.exists():
            self._passed = 0
            return
        self._passed += 1
        try:
            if self._passed >= int(path.read_text()):
                path.rename(f"{path}.fallen-{os.getpid()}")
                os.kill(os.getpid(), signal.SIGKILL)
        except FileNotFoundError:
            pass  # taken away in this moment
