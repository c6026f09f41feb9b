"""Ends what a run has started if the run itself is killed: `python -m faults.real.orphans`.

Nobody can tidy up after SIGKILL, so a run has one of these beside it. It is told which sessions of processes
there are and which folders are mounted, a line of JSON each, and waits for the end of its input, which the
kernel brings about however the run ends. Then it kills what is still there, and unmounts.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from faults.real.processes import kill_session

SOURCE = Path(__file__).parents[2]


class Watcher:
    """Started beside a run; a context manager, at whose end nothing is left to be ended."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.real.orphans"],
            cwd=SOURCE,
            stdin=subprocess.PIPE,
            start_new_session=True,  # what ends the run's terminal must not end this one first
        )

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        """End all that it still knows of; for what has ended there is nothing to do."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def mind_session(self, leader: int) -> None:
        """A process that leads a session of its own (`start_new_session`) has been started."""
        self._tell(session=leader)

    def mind_mount(self, folder: Path) -> None:
        """Something has been mounted there."""
        self._tell(mount=str(folder))

    def _tell(self, **facts: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(facts).encode() + b"\n")
        self._process.stdin.flush()


@dataclass(slots=True)
class Estate:
    """What there is to be ended."""

    sessions: dict[int, int] = field(default_factory=dict)
    """{leader: a descriptor that stands for it (pidfd)}: its number may be another's one day."""
    mounts: list[str] = field(default_factory=list)

    def note(self, line: bytes) -> None:
        """Something has been started, or mounted."""
        facts = json.loads(line)
        if "mount" in facts:
            self.mounts.append(facts["mount"])
            return
        try:
            self.sessions[facts["session"]] = os.pidfd_open(facts["session"])
        except ProcessLookupError:
            pass  # it has ended already

    def end(self) -> None:
        """End all of it."""
        for leader, descriptor in self.sessions.items():
            if not has_ended(descriptor):
                kill_session(leader)
        for folder in reversed(self.mounts):
            if os.path.ismount(folder):
                subprocess.run(["umount", "--lazy", folder], check=False)


def has_ended(descriptor: int) -> bool:
    """Whether the process that a pidfd stands for has ended."""
    return bool(select.select([descriptor], [], [], 0)[0])


def watch(lines: Iterable[bytes]) -> None:
    """Note what there is until the lines end, and end it."""
    estate = Estate()
    for line in lines:
        estate.note(line)
    estate.end()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch(sys.stdin.buffer)
