"""Ends what a bench has started if the bench itself is killed: `python -m bench.orphans PID FOLDER`.

Nobody can tidy up after SIGKILL, so each server of a bench has one of these beside it. It waits for the end
of its input, which the kernel brings about however the bench ends. If the server still runs then, it ends
the server's process group and removes the folder; if the bench had said `b"done"`, it does nothing.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

DONE = b"done"

SOURCE = Path(__file__).parents[1]


class Watcher:
    """Started beside a server, and dismissed when the bench has ended that itself.

    Args:
        pid: the server, which leads a process group of its own.
        folder: where it has everything.
    """

    def __init__(self, pid: int, folder: Path) -> None:
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.orphans", str(pid), str(folder)],
            cwd=SOURCE,
            stdin=subprocess.PIPE,
            start_new_session=True,  # what ends the bench's terminal must not end this one first
        )
        assert process.stdin is not None
        self.pipe = process.stdin
        """Its end is the bench's end."""

    def dismiss(self) -> None:
        """The server has ended."""
        self._process.communicate(DONE)


def main(argv: Sequence[str] | None = None) -> int:
    """Wait for the bench's end; returns the exit status."""
    words = sys.argv[1:] if argv is None else argv
    pid, folder = int(words[0]), Path(words[1])
    try:
        server = os.pidfd_open(pid)  # stands for this process, even when its number is another's
    except ProcessLookupError:
        return 0
    # Not up to the end: a load process, which has forked from the bench, may still hold the pipe.
    if sys.stdin.buffer.read(len(DONE)) != DONE:
        end(pid, server)
        shutil.rmtree(folder, ignore_errors=True)
    os.close(server)
    return 0


def end(pid: int, server: int) -> None:
    """Kill a server's process group, if the server is still there, and wait for it.

    Args:
        pid: its number, and its group's.
        server: a descriptor that stands for it (pidfd).
    """
    if select.select([server], [], [], 0)[0]:
        return  # it has ended, and the number may be another's
    os.killpg(pid, signal.SIGKILL)
    select.select([server], [], [])


if __name__ == "__main__":
    sys.exit(main())
