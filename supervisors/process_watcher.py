"""ProcessWatcher: holds one OS process for its OsProcess, and never lets go of it alive.

An actor of its own because something has to wait for the process while OsProcess listens to its boss.
It does nothing but wait in one handler, so that whatever ends it (a kill, its link, the closing of the
system) ends that wait, and the way out of it is SIGKILL and the reaping of the process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from actors import Actor
from supervisors.process import Started, end_now, exit_reason


class Watched:
    """The process, shared by the watcher, which waits for it, and its OsProcess, which signals it."""

    __slots__ = ("process", "ready")

    def __init__(self) -> None:
        self.process: trio.Process | None = None  # from its start on
        self.ready: trio.lowlevel.FdStream | None = (
            None  # where it says that it is ready; OsProcess closes it
        )

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
        program: str,
        start: Callable[[], Awaitable[Started]],
        input: bytes = b"",  # noqa: A002 - the name that subprocess has for it
    ) -> None:
        self._watched = watched
        self._program = program
        self._start = start
        self._input = input

    async def on_start(self) -> None:
        """Start the process.

        Raises:
            OSError: the program cannot be run.
        """
        # Queued first: between the start and the wait there is then no moment in which this actor is parked,
        # where a kill would find no handler to get out of.
        self.ref.tell_nowait(Watch())
        started = await self._start()
        process = self._watched.process = started.process
        self._watched.ready = started.ready
        try:
            # Killed during the start: it was not cancelled then, and is here.
            await trio.lowlevel.checkpoint_if_cancelled()
            await _tell(process, self._input)
        except trio.Cancelled:
            await end_now(process)
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
            await end_now(process)
        self.stop(exit_reason(self._program, status))


async def _tell(process: trio.Process, words: bytes) -> None:
    """Put the first words into the process's standard input; if it has ended already, its end tells."""
    assert process.stdin is not None
    if words:
        try:
            await process.stdin.send_all(words)
        except trio.BrokenResourceError:
            pass
