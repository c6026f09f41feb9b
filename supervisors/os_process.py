"""OsProcess: an operating-system process as an actor, so that one tree spans them all; OTP's port.

Owns: the ready pipe, and a watcher (process_watcher.py) that holds the process itself.
Talks to: its supervisor, as any actor; its watcher, by a link.
Guarantees: a start is over when the process says it is ready; its end is this actor's end, with the exit
status as the reason; however this actor ends, the process does not survive it.
Restarts as: whatever its child specification says; the intensity counts it like any child.

Life of one, in order:
1. `on_start` starts the process and waits for its ready signal. It ends or dawdles first: the start fails.
2. The process ends by itself: this actor stops, NORMAL for status 0, else a crash by ProcessEndedError.
3. The supervisor says SHUTDOWN: SIGTERM, then wait. When the supervisor's patience (the spec's shutdown time)
   is over it kills this actor, and with it the process (SIGKILL).
4. This actor is killed at any moment: its link ends the watcher, and the watcher's last act is SIGKILL.
5. The next life of the same child begins when the process of the one before was reaped: no two overlap.

Should the whole parent die by SIGKILL, nobody can act any more. So the child's standard input is a pipe whose
other end only the parent holds: a child that must not outlive its parent ends when it reads its end there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import trio

from actors import Actor, ActorRef, Exit, ExitReason, StartError
from supervisors.child_spec import ChildSpec, Restart, Shutdown
from supervisors.errors import ChildSpecError, ProcessEndedError, ProcessNotReadyError
from supervisors.intensity import is_duration
from supervisors.process_watcher import ProcessWatcher, Watched, describe_status

READY_FD_VARIABLE = "ROOST_READY_FD"
"""The environment variable with the number of the descriptor to which a child writes when it is ready."""

DEFAULT_START_SECONDS = 30.0
_READY_CHUNK_BYTES = 64


@dataclass(frozen=True, slots=True)
class Command:
    """What to run.

    Attributes:
        argv: the program and its arguments; no shell is involved.
        env: added to the environment of this process; ROOST_READY_FD is added, or taken out, by itself.
        ready: whether the child will say that it is ready, by writing to that descriptor (see `tell_ready`).
            False: it counts as ready as soon as it runs.
        start_seconds: how long it may take to be ready.

    Raises:
        ChildSpecError: a field has a value that makes no sense.
    """

    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    ready: bool = False
    start_seconds: float = DEFAULT_START_SECONDS

    def __post_init__(self) -> None:
        if isinstance(self.argv, str) or not self.argv:
            raise ChildSpecError("argv", self.argv, "a program and its arguments")
        if not is_duration(self.start_seconds):
            raise ChildSpecError("start_seconds", self.start_seconds, "a number of seconds, 0 or more")

    @property
    def program(self) -> str:
        """The program's name without its folder."""
        return os.path.basename(self.argv[0])


def process_spec(
    id: str,  # noqa: A002 - the field's name in ChildSpec
    command: Command,
    restart: Restart = Restart.PERMANENT,
    shutdown: float | Shutdown | None = None,
) -> ChildSpec:
    """The child specification of an OS process."""
    line = Succession()
    return ChildSpec(id, lambda: OsProcess(command, line), restart, shutdown)


def tell_ready(environ: Mapping[str, str] = os.environ) -> bool:
    """For the child process: say that it is ready. False if nobody wants to know (it was started by hand).

    Raises:
        OSError: the parent is gone.
    """
    descriptor = environ.get(READY_FD_VARIABLE)
    if descriptor is None:
        return False
    os.write(int(descriptor), b"ready\n")
    os.close(int(descriptor))
    return True


@dataclass(frozen=True, slots=True)
class WhatPid:
    """To an OsProcess: which process is it?"""


class Succession:
    """The lives of one child: lets the next wait until the process of the one before is gone."""

    __slots__ = ("watcher",)

    def __init__(self) -> None:
        self.watcher: ActorRef | None = None  # of the latest life


class OsProcess(Actor):
    """One OS process. Make it by `process_spec`, or start it as any actor."""

    def __init__(self, command: Command, line: Succession | None = None) -> None:
        self.command = command
        self._line = line if line is not None else Succession()
        self._watcher: ActorRef | None = None  # while the process lives
        self._watched = Watched()

    async def on_start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            OSError: the program cannot be run.
            ProcessEndedError: it ended before it was ready.
            ProcessNotReadyError: it took too long; it has been killed.
        """
        self.trap_exit = True
        if self._line.watcher is not None:
            await self._line.watcher.wait_stopped()
        reader, writer = os.pipe()
        async with trio.lowlevel.FdStream(reader) as ready:
            try:
                self._watcher = self._line.watcher = await self._start_watcher(writer)
            finally:
                os.close(writer)  # the child has its own; ours would keep the pipe from ever ending
            if self.command.ready:
                await self._wait_until_ready(ready)

    async def _start_watcher(self, ready_writer: int) -> ActorRef:
        environ = {**os.environ, **(self.command.env or {})}
        environ.pop(READY_FD_VARIABLE, None)  # it may be our own, from the parent that started us
        inherited: tuple[int, ...] = ()
        if self.command.ready:
            environ[READY_FD_VARIABLE] = str(ready_writer)
            inherited = (ready_writer,)
        argv, watched = list(self.command.argv), self._watched
        try:
            return await self.system.start(
                lambda: ProcessWatcher(watched, argv, environ, pass_fds=inherited), link_to=self.ref
            )
        except StartError as failure:
            raise (failure.reason.error or failure) from None  # the program's own trouble is what counts

    async def _wait_until_ready(self, ready: trio.lowlevel.FdStream) -> None:
        process = self._watched.process
        assert process is not None
        with trio.move_on_after(self.command.start_seconds):
            if await ready.receive_some(_READY_CHUNK_BYTES):
                return
            # The pipe ended without a word: the process has ended, or it closed it and never will be ready.
            status = await process.wait()
            raise ProcessEndedError(self.command.program, describe_status(status), status)
        raise ProcessNotReadyError(self.command.program, self.command.start_seconds)

    def handle(self, message: object) -> object:
        """The process's end, and `WhatPid`, which is answered with the number or None."""
        match message:
            case Exit(ref, reason) if ref is self._watcher:
                self._watcher = None
                self.stop(reason)
            case WhatPid():
                return self._watched.pid
            case _:
                self.unexpected(message)
        return None

    async def on_stop(self, reason: ExitReason) -> None:
        """Ask the process to end and wait; whoever loses patience kills this actor."""
        if self._watcher is not None:
            self._watched.terminate()
            await self._watcher.wait_stopped()
