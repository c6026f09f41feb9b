"""Processes as the kernel shows them in /proc: who is whose child, who has a file open, how much memory."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")

_STATE, _PARENT, _SESSION = 0, 1, 3
"""Places in /proc/PID/stat behind the name."""


def _stat(pid: int) -> list[str] | None:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def is_running(pid: int) -> bool:
    """Whether a process lives; one that is dead and not yet reaped does not."""
    fields = _stat(pid)
    return fields is not None and fields[_STATE] not in "ZX"


def is_stopped(pid: int) -> bool:
    """Whether a process has been stopped by a signal, and not been continued."""
    fields = _stat(pid)
    return fields is not None and fields[_STATE] in "Tt"


def _pids() -> Iterator[int]:
    for entry in os.listdir(PROC):
        if entry.isdigit():
            yield int(entry)


def children(pid: int) -> list[int]:
    """The living children of a process."""
    return sorted(other for other in _pids() if is_running(other) and _field(other, _PARENT) == pid)


def of_session(leader: int) -> list[int]:
    """The living processes of the session that a process has founded, whoever is their parent now."""
    return sorted(other for other in _pids() if is_running(other) and _field(other, _SESSION) == leader)


def _field(pid: int, place: int) -> int | None:
    fields = _stat(pid)
    return int(fields[place]) if fields is not None else None


def open_files(pid: int) -> list[Path]:
    """The files that a process has open; none if it is gone."""
    folder = PROC / str(pid) / "fd"
    found = []
    try:
        for entry in os.listdir(folder):
            try:
                found.append(Path(os.readlink(folder / entry)))
            except OSError:
                continue  # closed meanwhile
    except OSError:
        return []
    return found


def resident_bytes(pid: int) -> int:
    """The memory that a process has in the machine's; 0 if it is gone."""
    try:
        pages = int((PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def kill_session(leader: int) -> None:
    """Kill every process of a session, those that are stopped included, until there is none."""
    while True:
        living = of_session(leader)
        if not living:
            return
        for pid in living:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it has ended by itself
