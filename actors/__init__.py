"""The actor runtime: Erlang's processes on trio, with Erlang's words. Knows nothing of messaging."""

from actors.actor import Actor
from actors.envelope import Reply
from actors.errors import (
    ActorDeadError,
    ActorError,
    CallingSelfError,
    CallTimeoutError,
    MailboxFullError,
    NameTakenError,
    StartError,
    StartIgnored,
    SystemClosedError,
    UnexpectedMessageError,
)
from actors.exits import (
    KILL,
    KILLED,
    NOPROC,
    NORMAL,
    SHUTDOWN,
    Exit,
    ExitKind,
    ExitReason,
    crash,
    shutdown,
)
from actors.mailbox import MailboxStatistics, Overflow
from actors.monitors import Down, MonitorRef
from actors.ref import ActorRef
from actors.registry import Address, Registry, Via
from actors.system import ActorSystem, open_actor_system
from actors.timers import TimerRef

__all__ = [
    "KILL",
    "KILLED",
    "NOPROC",
    "NORMAL",
    "SHUTDOWN",
    "Actor",
    "ActorDeadError",
    "ActorError",
    "ActorRef",
    "ActorSystem",
    "Address",
    "CallTimeoutError",
    "CallingSelfError",
    "Down",
    "Exit",
    "ExitKind",
    "ExitReason",
    "MailboxFullError",
    "MailboxStatistics",
    "MonitorRef",
    "NameTakenError",
    "Overflow",
    "Registry",
    "Reply",
    "StartError",
    "StartIgnored",
    "SystemClosedError",
    "TimerRef",
    "UnexpectedMessageError",
    "Via",
    "crash",
    "open_actor_system",
    "shutdown",
]
