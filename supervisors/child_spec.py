"""What a supervisor has to know of a child: how to start it, when to restart it, how to stop it.

OTP's words and defaults. A specification is checked when it is made, so that a mistake shows where it was
written and not in the night in which the child first crashes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from actors import Actor
from supervisors.backoff import Backoff
from supervisors.errors import ChildSpecError
from supervisors.intensity import is_duration

WORKER_SHUTDOWN_SECONDS = 5.0  # OTP's default; a supervisor child has as long as its own children need


class Restart(Enum):
    """When a child that ended is started again."""

    PERMANENT = "permanent"  # always
    TRANSIENT = "transient"  # only after a crash: not after normal, shutdown or a reasoned shutdown
    TEMPORARY = "temporary"  # never; the child is forgotten when it ends


class Shutdown(Enum):
    """How much time a child has to stop, beside a plain number of seconds."""

    NOW = "now"  # killed without being asked (OTP's brutal_kill)
    FOREVER = "forever"  # asked, then waited for, however long it takes (OTP's infinity)


class ChildType(Enum):
    """Whether the child is itself a supervisor; decides the default shutdown and shows in the tree."""

    WORKER = "worker"
    SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One child of a supervisor.

    `start` makes a fresh actor each time it is called, with the arguments that `start_child` was given, if
    any; what it closes over survives a restart, what the actor holds does not. An actor whose `on_start`
    raises StartIgnored (OTP's `ignore`) has nothing to do now: the child is listed as stopped and can be
    started later with `restart_child`.

    Raises:
        ChildSpecError: a field has a value that makes no sense; the message names both.
    """

    id: str
    start: Callable[..., Actor]
    restart: Restart = Restart.PERMANENT
    # Seconds between the request to stop and the kill, or NOW, or FOREVER.
    # None: 5 seconds for a worker, FOREVER for a supervisor.
    shutdown: float | Shutdown | None = None
    type: ChildType = ChildType.WORKER
    # Whether its own ending may end the whole supervisor (see AutoShutdown).
    significant: bool = False
    # Waits between restarts; None restarts at once, as OTP does.
    backoff: Backoff | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id:
            raise ChildSpecError("id", self.id, "a text that is not empty")
        if not callable(self.start):
            raise ChildSpecError("start", self.start, "a function that makes the actor")
        if not isinstance(self.restart, Restart):
            raise ChildSpecError("restart", self.restart, "a Restart")
        if not isinstance(self.type, ChildType):
            raise ChildSpecError("type", self.type, "a ChildType")
        if not _is_shutdown(self.shutdown):
            raise ChildSpecError("shutdown", self.shutdown, "a number of seconds, a Shutdown or None")
        if not isinstance(self.significant, bool):
            raise ChildSpecError("significant", self.significant, "True or False")
        if self.significant and self.restart is Restart.PERMANENT:
            # A permanent child never ends for good, so it could never bring its supervisor down.
            raise ChildSpecError("significant", self.significant, "False for a permanent child")
        if self.backoff is not None and not isinstance(self.backoff, Backoff):
            raise ChildSpecError("backoff", self.backoff, "a Backoff or None")

    @property
    def grace_seconds(self) -> float:
        """Seconds between the request to stop and the kill: 0.0 is at once, infinity never."""
        match self.shutdown:
            case Shutdown.NOW:
                return 0.0
            case Shutdown.FOREVER:
                return math.inf
            case None:
                return WORKER_SHUTDOWN_SECONDS if self.type is ChildType.WORKER else math.inf
            case seconds:
                return float(seconds)


def _is_shutdown(value: object) -> bool:
    return value is None or isinstance(value, Shutdown) or is_duration(value)


def check_unique_ids(specs: Sequence[ChildSpec]) -> None:
    """Refuse a list in which an id stands twice.

    Raises:
        ChildSpecError: names the id.
    """
    seen: dict[str, None] = {}
    for spec in specs:
        if spec.id in seen:
            raise ChildSpecError("id", spec.id, "unique among its siblings")
        seen[spec.id] = None
