"""Exit reasons, as OTP has them: why an actor ended, and which ends count as abnormal.

| OTP | here |
|---|---|
| `normal` | `NORMAL` |
| `shutdown`, `{shutdown, Term}` | `SHUTDOWN`, `shutdown(term)` |
| `exit(Pid, kill)` | `KILL`, the order that nobody can trap; its victim's reason is `KILLED` |
| `killed` | `KILLED` |
| `noproc` | `NOPROC`, for a target that was dead before it was linked or monitored |
| `{Exception, Stacktrace}` | `crash(error)` |
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from types import CodeType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType

    from actors.ref import ActorRef

Frame = tuple[CodeType, int]
"""A place in the code: function and line. Cheap to take, formatted only if someone reads it."""

MAX_FRAMES_KEPT = 32
"""How deep a crash's stack is remembered: a runaway recursion must not be kept a thousand frames long."""


class ExitKind(enum.Enum):
    """The kinds of end; the value is OTP's word."""

    NORMAL = "normal"
    SHUTDOWN = "shutdown"
    KILL = "kill"
    KILLED = "killed"
    NOPROC = "noproc"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class ExitReason:
    """Why an actor ended. Build one with the constants and functions of this module."""

    kind: ExitKind
    detail: object = None
    """The term of a shutdown, the exception of a crash; otherwise None."""
    stack: tuple[Frame, ...] = ()
    """Where a crash was raised, outermost frame first."""
    during: str | None = None
    """The type name of the message whose handling crashed (or the callback's name)."""

    @property
    def is_abnormal(self) -> bool:
        """Whether a transient child is restarted after this: all but normal and the two shutdowns."""
        return self.kind is not ExitKind.NORMAL and self.kind is not ExitKind.SHUTDOWN

    @property
    def error(self) -> BaseException | None:
        """The exception of a crash, without its traceback (see `stack`); None for any other end."""
        return self.detail if isinstance(self.detail, BaseException) else None

    def format_stack(self) -> str:
        """The stack of a crash as lines of `file:line in function`; source text is not included."""
        return "\n".join(f"{code.co_filename}:{line} in {code.co_qualname}" for code, line in self.stack)

    def __str__(self) -> str:
        # An exception's text may quote a message, and reasons are logged: the type's name is all we say.
        if self.kind is ExitKind.CRASH:
            return f"crash: {type(self.detail).__name__}"
        if self.detail is None:
            return str(self.kind.value)
        return f"{self.kind.value}: {self.detail}"


NORMAL: Final = ExitReason(ExitKind.NORMAL)
SHUTDOWN: Final = ExitReason(ExitKind.SHUTDOWN)
KILL: Final = ExitReason(ExitKind.KILL)
KILLED: Final = ExitReason(ExitKind.KILLED)
NOPROC: Final = ExitReason(ExitKind.NOPROC)


def shutdown(term: object) -> ExitReason:
    """OTP's `{shutdown, Term}`: as orderly as SHUTDOWN, with a word on why."""
    return ExitReason(ExitKind.SHUTDOWN, term)


def crash(error: BaseException, during: str | None = None) -> ExitReason:
    """The end by an exception. Takes the traceback OFF the error and keeps only where it was.

    A traceback holds every frame and so the actor, its state and the message, in a reference cycle
    with this reason: a storm of crashes would then be a storm for the garbage collector too.
    """
    stack = _places(error.__traceback__)
    _strip_tracebacks(error)
    return ExitReason(ExitKind.CRASH, error, stack, during)


def _places(traceback: TracebackType | None) -> tuple[Frame, ...]:
    places: list[Frame] = []
    while traceback is not None and len(places) < MAX_FRAMES_KEPT:
        places.append((traceback.tb_frame.f_code, traceback.tb_lineno))
        traceback = traceback.tb_next
    return tuple(places)


def _strip_tracebacks(error: BaseException) -> None:
    """Also of what it was raised from: those frames hold the actor just as well."""
    pending: list[BaseException | None] = [error]
    done: dict[int, None] = {}
    while pending:
        link = pending.pop()
        if link is None or id(link) in done:
            continue
        done[id(link)] = None
        link.__traceback__ = None
        pending += (link.__cause__, link.__context__)
        if isinstance(link, BaseExceptionGroup):
            pending += link.exceptions


@dataclass(frozen=True, slots=True)
class Exit:
    """What an actor that traps exits is told when a linked actor ends (OTP's `{'EXIT', Pid, Reason}`)."""

    ref: ActorRef
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Stop:
    """The request to end after the current message; overtakes what is queued. Never reaches a handler."""

    reason: ExitReason
