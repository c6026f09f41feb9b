"""The actor runtime: Erlang's processes on trio, with Erlang's words. Knows nothing of messaging."""

from actors.actor import Actor
from actors.collector import CollectorStatistics, CollectorWatch, calm_collector
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
from actors.groups import Groups
from actors.introspection import (
    ActorInfo,
    SystemInfo,
    actor_info,
    all_actors,
    busiest,
    children,
    system_info,
)
from actors.mailbox import MailboxStatistics, Overflow
from actors.monitors import Down, MonitorRef
from actors.passivation import PASSIVATED, PassiveActor, PassiveActors, PassiveName
from actors.rates import RateSnapshot
from actors.ref import ActorRef
from actors.registry import Address, Registry, Via
from actors.state_machine import StateMachine, StateTimeout
from actors.system import ActorSystem, open_actor_system
from actors.task import Task, TaskDone, TaskFailed, start_task
from actors.timers import TimerRef

__all__ = [
    "KILL",
    "KILLED",
    "NOPROC",
    "NORMAL",
    "PASSIVATED",
    "SHUTDOWN",
    "Actor",
    "ActorDeadError",
    "ActorError",
    "ActorInfo",
    "ActorRef",
    "ActorSystem",
    "Address",
    "CallTimeoutError",
    "CallingSelfError",
    "CollectorStatistics",
    "CollectorWatch",
    "Down",
    "Exit",
    "ExitKind",
    "ExitReason",
    "Groups",
    "MailboxFullError",
    "MailboxStatistics",
    "MonitorRef",
    "NameTakenError",
    "Overflow",
    "PassiveActor",
    "PassiveActors",
    "PassiveName",
    "RateSnapshot",
    "Registry",
    "Reply",
    "StartError",
    "StartIgnored",
    "StateMachine",
    "StateTimeout",
    "SystemClosedError",
    "SystemInfo",
    "Task",
    "TaskDone",
    "TaskFailed",
    "TimerRef",
    "UnexpectedMessageError",
    "Via",
    "actor_info",
    "all_actors",
    "busiest",
    "calm_collector",
    "children",
    "crash",
    "open_actor_system",
    "shutdown",
    "start_task",
    "system_info",
]
