"""ProcessWatcher: holds one OS process for its OsProcess, and never lets go of it alive.

An actor of its own because something has to wait for the process while OsProcess listens to its boss.
It does nothing but wait in one handler, so that whatever ends it (a kill, its link, the closing of the
system) ends that wait, and the way out of it is SIGKILL and the reaping of the process.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import trio

from actors import NORMAL, Actor, ExitReason, crash
from supervisors.errors import ProcessEndedError


class Watched:
    """The process, shared by the watcher, which waits for it, and its OsProcess, which signals it."""

    __slots__ = ("process",)

    def __init__(self) -> None:
        self.process: trio.Process | None = None  # from its start on

    @property
    def pid(self) -> int | None:
        """Its number; None before it runs."""
        return self.process.pid if self.process is not None else None

    def terminate(self) -> None:
        """Ask it to end (SIGTERM). Harmless if it has ended."""
        if self.process is not None:
            self.process.terminate()


@dataclass(frozen=True, slots=True)
class Watch:
    """To itself: wait for the process now."""


class ProcessWatcher(Actor):
    """Starts a process and ends with it: NORMAL if its status was 0, else a crash by ProcessEndedError."""

    def __init__(
        self,
        watched: Watched,
        argv: Sequence[str],
        environ: Mapping[str, str],
        pass_fds: Sequence[int],
        input: bytes = b"",  # noqa: A002 - the name that subprocess has for it
    ) -> None:
        self._watched = watched
        self._argv = argv
        self._environ = environ
        self._pass_fds = pass_fds
        self._input = input

    async def on_start(self) -> None:
        """Start the process.

        Raises:
            OSError: the program cannot be run.
        """
        # Queued first: between the start and the wait there is then no moment in which this actor is parked,
        # where a kill would find no handler to get out of.
        self.ref.tell_nowait(Watch())
        process = self._watched.process = await trio.lowlevel.open_process(
            list(self._argv),
            stdin=subprocess.PIPE,
            env=self._environ,
            pass_fds=self._pass_fds,
            process_group=0,  # out of reach of the terminal's Ctrl-C
        )
        try:
            # Killed during the start: it was not cancelled then, and is here.
            await trio.lowlevel.checkpoint_if_cancelled()
            await _tell(process, self._input)
        except trio.Cancelled:
            await _end_now(process)
            raise

    async def handle(self, message: object) -> None:
        """Wait until the process has ended, however that comes."""
        process = self._watched.process
        if not isinstance(message, Watch) or process is None:
            self.unexpected(message)
            return
        try:
            status = await process.wait()
        finally:
            await _end_now(process)
        self.stop(exit_reason(os.path.basename(self._argv[0]), status))


async def _tell(process: trio.Process, words: bytes) -> None:
    """Put the first words into the process's standard input; if it has ended already, its end tells."""
    assert process.stdin is not None
    if words:
        try:
            await process.stdin.send_all(words)
        except trio.BrokenResourceError:
            pass


async def _end_now(process: trio.Process) -> None:
    """Kill the process if it lives, and do not leave before it has been reaped."""
    with trio.CancelScope(shield=True):
        process.kill()  # does nothing if its status is known
        await process.wait()
        if process.stdin is not None:
            await process.stdin.aclose()


def exit_reason(program: str, status: int) -> ExitReason:
    """A process's exit status as an actor's exit reason: 0 is normal, all else is a crash."""
    return NORMAL if status == 0 else crash(ProcessEndedError(program, describe_status(status), status))


def describe_status(status: int) -> str:
    """`exited with status 3`, or `was ended by SIGKILL`."""
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
