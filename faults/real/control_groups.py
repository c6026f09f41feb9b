"""Memory limits that the kernel keeps: a control group of our own for one process, version 1 or 2.

What a process has already stays charged where it was; the limit is on what it takes from then on. At the end
the process goes back to the group that it was in, and ours is removed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "roost-faults-"
REMOVED_TRIES = 100


@dataclass(frozen=True, slots=True)
class Memory:
    """Where this machine has its groups for memory."""

    folder: Path
    limit: str
    """The file with the limit in bytes."""
    line: str
    """What begins the line about it in /proc/PID/cgroup."""

    def of(self, pid: int) -> Path:
        """The group that a process is in."""
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            found = re.fullmatch(self.line + "(.*)", line)
            if found is not None:
                return self.folder / found[1].lstrip("/")
        return self.folder


VERSION_1 = Memory(ROOT / "memory", "memory.limit_in_bytes", r"\d+:memory:")
VERSION_2 = Memory(ROOT, "memory.max", "0::")


def memory_groups() -> Memory | None:
    """What this machine has; None if it is nothing that we may use."""
    try:
        if "memory" in (VERSION_2.folder / "cgroup.subtree_control").read_text().split():
            return VERSION_2 if os.access(VERSION_2.folder, os.W_OK) else None
    except OSError:
        pass
    return VERSION_1 if os.access(VERSION_1.folder / "cgroup.procs", os.W_OK) else None


@contextmanager
def memory_limited(pid: int, more: int) -> Iterator[None]:
    """Let a process have so many bytes more than it has, for the length of a block.

    Raises:
        OSError: this machine has no groups, or the process has ended.
    """
    memory = memory_groups()
    if memory is None:
        raise FileNotFoundError("no control groups for memory")
    before = memory.of(pid)
    ours = memory.folder / f"{PREFIX}{os.getpid()}"
    _sweep(memory.folder)
    ours.mkdir()
    try:
        (ours / memory.limit).write_text(str(more))
        (ours / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        try:
            (before / "cgroup.procs").write_text(str(pid))
        except OSError:
            pass  # it has ended
        _remove(ours)


def _sweep(folder: Path) -> None:
    """Remove what runs have left that were killed."""
    for left in folder.glob(f"{PREFIX}*"):
        try:
            left.rmdir()
        except OSError:
            pass  # another run has it


def _remove(folder: Path) -> None:
    """The kernel says "busy" as long as somebody in there is not quite dead."""
    for left in reversed(range(REMOVED_TRIES)):
        try:
            folder.rmdir()
            return
        except OSError:
            if not left:
                raise
            os.sched_yield()
