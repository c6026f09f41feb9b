"""OsProcess: an operating-system process as an actor, so that one tree spans them all; OTP's port.

Owns: the ready pipe, and a watcher (process_watcher.py) that holds the process itself.
Talks to: its supervisor, as any actor; its watcher, by a link; whoever looks at its `Succession`.
Guarantees: its end is this actor's end, with the exit status as the reason; however this actor ends, the
process does not survive it.
Restarts as: whatever its child specification says; the intensity counts it like any child.

Life of one, in order:
1. `on_start` starts the process and waits for its ready signal. It ends or dawdles first: the start fails.
   With `Command.in_background` it does not wait: siblings start side by side, and a restart that takes long
   does not hold up their supervisor. What comes before the signal is then a crash like any other.
2. The process ends by itself: this actor stops, NORMAL for status 0, else a crash by ProcessEndedError.
3. The supervisor says SHUTDOWN: SIGTERM, then wait. When the supervisor's patience (the spec's shutdown time)
   is over it kills this actor, and with it the process (SIGKILL).
4. This actor is killed at any moment: its link ends the watcher, and the watcher's last act is SIGKILL.
5. The next life of the same child begins when the process of the one before was reaped: no two overlap.

Should the whole parent die by SIGKILL, nobody can act any more. So the child's standard input is a pipe whose
other end only the parent holds: a child that must not outlive its parent ends when it reads its end there.
The process has a process group of its own: Ctrl-C in the parent's terminal is the parent's business, which
then ends its children in the order that is right.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import trio

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    CallTimeoutError,
    Exit,
    ExitReason,
    StartError,
    Task,
    TaskDone,
    crash,
    start_task,
)
from supervisors.child_spec import ChildSpec, Restart, Shutdown
from supervisors.errors import ChildSpecError, ProcessEndedError, ProcessNotReadyError
from supervisors.intensity import is_duration
from supervisors.process import (
    READY_FD_VARIABLE,
    Started,
    describe_status,
    exit_reason,
    start_process,
)
from supervisors.process_watcher import ProcessWatcher, Watched
from supervisors.reserve import Reserve

DEFAULT_START_SECONDS = 30.0

READY = b"ready"
"""The word that a child says when it is; white space around it does not matter."""

ORDERLY_ENDS = (0, -signal.SIGTERM)
"""How a process ends that was asked to: by itself, or by the request if it takes no notice of signals."""

LAST_WORD_SECONDS = 1.0
"""For a pipe whose writer has ended, and which therefore has an end."""

MAX_WORD_BYTES = 4096
"""What a child may say instead: a complaint of a few lines."""

MAX_INPUT_BYTES = 32 * 1024
"""Half of what a pipe holds on Linux: it is written at once, before the child has read anything."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run.

    Attributes:
        argv: the program and its arguments; no shell is involved.
        env: added to the environment of this process; ROOST_READY_FD is added, or taken out, by itself.
        ready: whether the child will say that it is ready, by writing to that descriptor (see `tell_ready`).
            False: it counts as ready as soon as it runs.
        start_seconds: how long it may take to be ready.
        in_background: whether the start is over as soon as it runs, and getting ready is part of its life.
        input: what it finds on its standard input, which then stays open; not in `ps`, not in any repr.
        pass_fds: descriptors that it inherits, by the same numbers.
        reserve: where such a process may wait that was started ahead; it is taken from there if there is one.

    Raises:
        ChildSpecError: a field has a value that makes no sense.
    """

    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    ready: bool = False
    start_seconds: float = DEFAULT_START_SECONDS
    in_background: bool = False
    input: bytes = field(default=b"", repr=False)
    pass_fds: Sequence[int] = ()
    reserve: Reserve | None = None

    def __post_init__(self) -> None:
        if isinstance(self.argv, str) or not self.argv:
            raise ChildSpecError("argv", self.argv, "a program and its arguments")
        if not is_duration(self.start_seconds):
            raise ChildSpecError("start_seconds", self.start_seconds, "a number of seconds, 0 or more")
        if len(self.input) > MAX_INPUT_BYTES:
            raise ChildSpecError("input", len(self.input), f"at most {MAX_INPUT_BYTES} bytes long")

    @property
    def program(self) -> str:
        """The program's name without its folder."""
        return os.path.basename(self.argv[0])

    async def start(self) -> Started:
        """A process that runs this: the one in reserve, or a new one.

        Raises:
            OSError: the program cannot be run.
        """
        waiting = self.reserve.take() if self.reserve is not None else None
        return waiting if waiting is not None else await self.start_anew()

    async def start_anew(self) -> Started:
        """A new process that runs this.

        Raises:
            OSError: the program cannot be run.
        """
        return await start_process(self.argv, self.env, self.pass_fds, ready=self.ready)


def process_spec(
    id: str,  # noqa: A002 - the field's name in ChildSpec
    command: Command,
    restart: Restart = Restart.PERMANENT,
    shutdown: float | Shutdown | None = None,
    line: Succession | None = None,
) -> ChildSpec:
    """The child specification of an OS process; `line` is for whoever wants to know how its lives go."""
    lives = line if line is not None else Succession()
    return ChildSpec(id, lambda: OsProcess(command, lives), restart, shutdown)


def tell_ready(environ: Mapping[str, str] = os.environ) -> bool:
    """For the child process: say that it is ready. False if nobody wants to know (it was started by hand).

    Raises:
        OSError: the parent is gone.
    """
    return _tell(READY + b"\n", environ)


def tell_failure(complaint: str, environ: Mapping[str, str] = os.environ) -> bool:
    """For the child process: say, instead, why it cannot be ready; then end. False as for `tell_ready`.

    Whoever watches the parent reads it once, in the parent's words, and not once for each attempt.

    Raises:
        OSError: the parent is gone.
    """
    return _tell(complaint.encode()[:MAX_WORD_BYTES], environ)


def _tell(word: bytes, environ: Mapping[str, str]) -> bool:
    descriptor = environ.get(READY_FD_VARIABLE)
    if descriptor is None:
        return False
    os.write(int(descriptor), word)
    os.close(int(descriptor))
    return True


@dataclass(frozen=True, slots=True)
class WhatPid:
    """To an OsProcess: which process is it?"""


class Succession:
    """The lives of one child: lets the next wait until the process of the one before is gone.

    And tells outsiders how the present one is doing, without asking anybody: `on_change` is called, in the
    loop, after each change. It must not raise.
    """

    __slots__ = ("complaint", "lives", "on_change", "pid", "ready_since", "times_ready", "watcher")

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self.watcher: ActorRef | None = None  # of the latest life
        self.on_change = on_change
        self.pid: int | None = None  # None between two lives
        self.ready_since: float | None = None  # on trio's clock; None unless it runs and is ready
        self.lives = 0  # processes that were started
        self.times_ready = 0  # those of them that have been ready
        self.complaint: str | None = None  # what the latest that could not get ready gave as its reason

    @property
    def is_ready(self) -> bool:
        """Whether the process runs and has said that it is ready (or is not expected to say so)."""
        return self.ready_since is not None

    def began(self, pid: int | None) -> None:
        """A process was started."""
        self.lives += 1
        self.pid, self.ready_since = pid, None
        self.on_change()

    def is_up(self) -> None:
        """The process is ready."""
        self.times_ready += 1
        self.ready_since = trio.current_time()
        self.on_change()

    def ended(self) -> None:
        """The process is gone, or about to be."""
        self.pid = self.ready_since = None
        self.on_change()


class OsProcess(Actor):
    """One OS process. Make it by `process_spec`, or start it as any actor."""

    def __init__(self, command: Command, line: Succession | None = None) -> None:
        self.command = command
        self._line = line if line is not None else Succession()
        self._watcher: ActorRef | None = None  # while the process lives
        self._watched = Watched()
        self._listening: Task[bytes | None] | None = None  # for its word, in the background

    async def on_start(self) -> None:
        """Start the process and wait until it is ready, unless that is to happen in the background.

        Raises:
            OSError: the program cannot be run.
            ProcessEndedError: it ended before it was ready.
            ProcessNotReadyError: it took too long; it has been killed.
        """
        self.trap_exit = True
        if self._line.watcher is not None:
            await self._line.watcher.wait_stopped()
        try:
            self._watcher = self._line.watcher = await self._start_watcher()
            self._line.began(self._watched.pid)
            await self._get_ready()
        except BaseException:
            if self._watched.ready is not None:
                await trio.aclose_forcefully(self._watched.ready)
            self._line.ended()
            raise

    async def _start_watcher(self) -> ActorRef:
        command, watched = self.command, self._watched
        try:
            return await self.system.start(
                lambda: ProcessWatcher(watched, command.program, command.start, input=command.input),
                link_to=self.ref,
            )
        except StartError as failure:
            raise (failure.reason.error or failure) from None  # the program's own trouble is what counts

    async def _get_ready(self) -> None:
        ready = self._watched.ready
        assert ready is not None
        if not self.command.ready:
            await ready.aclose()
            self._line.is_up()
        elif self.command.in_background:
            self._listening = await start_task(
                self.system, lambda: self._listen(ready), link_to=self.ref, report_to=self.ref
            )
        else:
            failure = await self._failure(await self._listen(ready))
            if failure is not None:
                raise failure

    async def _listen(self, ready: trio.lowlevel.FdStream) -> bytes | None:
        """What the process says; nothing if it ends or closes the pipe without a word; None: not in time."""
        async with ready:
            with trio.move_on_after(self.command.start_seconds):
                return bytes(await ready.receive_some(MAX_WORD_BYTES))
            return None

    async def _failure(self, word: bytes | None) -> Exception | None:
        """What a word means: None if the process is ready. Else it has ended, or is late."""
        if word is not None and word.strip() == READY:
            self._line.is_up()
            return None
        if word is None:
            return ProcessNotReadyError(self.command.program, self.command.start_seconds)
        if word:
            self._line.complaint = word.decode(errors="replace")
        process = self._watched.process
        assert process is not None
        with trio.move_on_after(self.command.start_seconds):
            status = await process.wait()
            return ProcessEndedError(self.command.program, describe_status(status), status)
        return ProcessNotReadyError(self.command.program, self.command.start_seconds)

    async def handle(self, message: object) -> object:
        """The process's word and its end, and `WhatPid`, which is answered with the number or None."""
        match message:
            case Exit(ref, reason) if ref is self._watcher:
                self._watcher = None
                await self._hear_last_word()
                self._line.ended()
                self.stop(reason)
            case TaskDone(_, word):
                self._listening = None
                await self._hear(word)
            case Exit():
                pass  # the task that has listened for the word
            case WhatPid():
                return self._watched.pid
            case _:
                self.unexpected(message)
        return None

    async def _hear(self, word: bytes | None) -> None:
        failure = await self._failure(word)
        if isinstance(failure, ProcessNotReadyError) and self._watcher is not None:
            self._watcher.kill()  # who knows whether it would listen to SIGTERM
            self.stop(crash(failure))
        # If it has ended: the watcher's own end is on its way, and is this actor's.

    async def _hear_last_word(self) -> None:
        """What a process said just before it ended may be heard just after: the reason, so wait for it."""
        if self._listening is None:
            return
        try:
            word = await self._listening.result(LAST_WORD_SECONDS)
        except (CallTimeoutError, ActorDeadError):
            return  # somebody else has inherited the pipe and keeps it open
        if word and word.strip() != READY:
            self._line.complaint = word.decode(errors="replace")

    async def on_stop(self, reason: ExitReason) -> ExitReason | None:
        """Ask the process to end and wait; whoever loses patience kills this actor.

        Returns:
            A crash by ProcessEndedError if it crashed over its end, or something else killed it meanwhile.
            Not raised: the supervisor reports it, once, and without a stack, which would only be ours.
        """
        self._line.ended()
        process = self._watched.process
        if self._watcher is None or process is None:
            return None
        self._watched.terminate()
        await self._watcher.wait_stopped()
        status = process.returncode
        if not reason.is_abnormal and status is not None and status not in ORDERLY_ENDS:
            return exit_reason(self.command.program, status)
        return None
