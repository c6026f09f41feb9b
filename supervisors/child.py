"""What a supervisor remembers of one child, and what it tells others of it. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from actors import Actor, ActorRef, TimerRef
from supervisors.child_spec import ChildSpec, ChildType, Restart


class ChildState(Enum):
    """How a child is doing."""

    RUNNING = "running"
    RESTARTING = "restarting"  # it ended, and its next start is planned
    STOPPED = "stopped"  # it ended for good, was terminated, or had nothing to do (StartIgnored)


class Retry:
    """A supervisor's note to itself: the wait before a child's next start is over. Known by its identity."""

    __slots__ = ("child", "timer")

    def __init__(self, child: Child) -> None:
        self.child = child
        self.timer: TimerRef | None = None

    @property
    def is_wanted(self) -> bool:
        """False if the child was terminated or started otherwise since this note was written."""
        return self.child.retry is self


class Child:
    """One child, for as long as its supervisor remembers it; it outlives the actors that it stands for.

    Invariants: `ref` is set exactly while the state is RUNNING; `retry` at most while it is RESTARTING.
    """

    __slots__ = (
        "arguments",
        "attempt",
        "last_ref",
        "ref",
        "restarts",
        "retry",
        "spec",
        "started_at",
        "state",
    )

    def __init__(self, spec: ChildSpec, arguments: tuple[object, ...] = ()) -> None:
        self.spec = spec
        self.arguments = arguments  # what `spec.start` is called with; let go of when it is not needed again
        self.state = ChildState.STOPPED
        self.ref: ActorRef | None = None
        self.last_ref: ActorRef | None = None  # of the present life, or else of the one before
        self.restarts = 0
        self.attempt = 0  # restarts since the last healthy life; what the back-off grows with
        self.started_at = 0.0  # on trio's clock
        self.retry: Retry | None = None  # the start that is planned

    def make_actor(self) -> Actor:
        """What the system calls to start it, or start it again."""
        return self.spec.start(*self.arguments)

    def runs(self, ref: ActorRef, now: float) -> None:
        """It was started. One that is never started again keeps no arguments (nor does it in OTP)."""
        self.forget_retry()
        if self.spec.restart is Restart.TEMPORARY:
            self.arguments = ()
        self.ref = self.last_ref = ref
        self.state = ChildState.RUNNING
        self.started_at = now

    def ended(self) -> None:
        """It is not running and nothing is planned."""
        self.forget_retry()
        self.ref = None
        self.state = ChildState.STOPPED

    def awaits_restart(self, retry: Retry) -> None:
        """It is not running, and `retry` will bring it back."""
        self.forget_retry()
        self.ref = None
        self.state = ChildState.RESTARTING
        self.retry = retry

    def forget_retry(self) -> None:
        """Whatever start was planned is not wanted any more."""
        if self.retry is not None:
            if self.retry.timer is not None:
                self.retry.timer.cancel()
            self.retry = None

    def info(self) -> ChildInfo:
        """What others may know."""
        return ChildInfo(self.spec.id, self.ref, self.state, self.spec.type, self.restarts)


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """One child as `which_children` lists it."""

    id: str
    ref: ActorRef | None
    state: ChildState
    type: ChildType
    restarts: int


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """What `count_children` answers: OTP's four numbers."""

    # Children that are remembered, running or not.
    specs: int
    # Children that run.
    active: int
    # Children of type SUPERVISOR, running or not.
    supervisors: int
    # Children of type WORKER, running or not.
    workers: int
