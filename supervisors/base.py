"""What both kinds of supervisor share: starting a child, counting restarts, giving up, the reports.

Owns: nothing of its own; the children are its subclasses' (by id here, by ref there).
Rule 1: a supervisor does nothing but supervise, and so has nothing of its own that could fail.
Rule 2: it decides by the pure functions of strategy.py and intensity.py; this file only carries out.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from typing import ClassVar

import trio

from actors import (
    SHUTDOWN,
    Actor,
    ActorRef,
    ActorSystem,
    ExitReason,
    StartError,
    StartIgnored,
    SystemClosedError,
    shutdown,
)
from actors.reports import RateLimit
from supervisors import reports
from supervisors.backoff import delay_before_restart, next_attempt
from supervisors.child import Child, ChildCounts, ChildState, Retry
from supervisors.child_spec import ChildType
from supervisors.errors import ChildStartError
from supervisors.intensity import Intensity, record_restart
from supervisors.reports import Subject
from supervisors.shutdown import was_orderly

# Requests of other actors; the children's exits are system messages and have no limit. Whoever asks for
# children faster than they start waits in line.
SUPERVISOR_MAILBOX_LIMIT = 1024

RESTARTS_TOO_FAST = "restarts came faster than the intensity grants"
SIGNIFICANT_CHILD_ENDED = "a significant child ended"


SUPERVISORS = object()
"""The shared key under which every supervisor is registered, itself being the value: so the tree is found."""


class SupervisorBase(Actor):
    """The common part; use Supervisor or DynamicSupervisor."""

    mailbox_limit: ClassVar[int] = SUPERVISOR_MAILBOX_LIMIT

    def __init__(self, intensity: int, period: float, name: str | None) -> None:
        self.limit = Intensity(intensity, period)
        self.restarts = 0  # of all children, since this supervisor was started
        self._name = name
        self._report_limit = RateLimit(reports.REPORTS_PER_SECOND, trio.current_time)
        self._history: deque[float] = deque()  # times of recent restarts; at most intensity + 1 of them

    @property
    def name(self) -> str:
        """What the supervisor is called in reports and in the tree."""
        if self._name is not None:
            return self._name
        return str(self.ref.name) if self.ref.name is not None else type(self).__name__

    def settings(self) -> dict[str, str | int | float | None]:
        """What it was told to do, for the tree: plain values."""
        return {"intensity": self.limit.restarts, "period": self.limit.seconds}

    async def on_start(self) -> None:
        """Hear of the children's ends, and be found by whoever draws the tree."""
        self.trap_exit = True
        self.system.registry.register_shared(SUPERVISORS, self.ref, self)

    @abstractmethod
    def children(self) -> Iterable[Child]:
        """The children in start order."""

    def count_children(self) -> ChildCounts:
        """OTP's four numbers. Looks at every child."""
        active = supervisors = specs = 0
        for child in self.children():
            specs += 1
            active += child.state is ChildState.RUNNING
            supervisors += child.spec.type is ChildType.SUPERVISOR
        return ChildCounts(specs, active, supervisors, specs - supervisors)

    # ---- Starting --------------------------------------------------------------------------------

    async def _launch(self, child: Child) -> ExitReason | None:
        """Start a child's actor and note how it went. Never raises for what the child does.

        Returns:
            None if it runs, or wants not to (StartIgnored); else why it did not start.
        """
        try:
            ref = await self.system.start(child.make_actor, link_to=self.ref)
        except StartIgnored:
            child.ended()
            return None
        except StartError as error:
            child.ended()
            return error.reason
        except SystemClosedError:
            child.ended()
            self.stop(SHUTDOWN)  # everything is ending, and so are we
            return None
        self._has_started(child, ref)
        return None

    def _has_started(self, child: Child, ref: ActorRef) -> None:
        """Note that a child runs."""
        child.runs(ref, trio.current_time())
        self._note_running(child, ref)
        if reports.progress_is_wanted():
            reports.child_started(self._subject(child))

    def _note_running(self, child: Child, ref: ActorRef) -> None:
        """A child has got a new ref."""

    def _refuse_start(self, child: Child, reason: ExitReason) -> ChildStartError:
        """Report a start that was asked for and failed; returns what the asker is told."""
        self._report(reports.child_start_failed, child, reason)
        refusal = ChildStartError(child.spec.id, str(reason))
        refusal.__cause__ = reason.error
        return refusal

    # ---- Restarting ------------------------------------------------------------------------------

    def _may_restart(self, child: Child) -> bool:
        """Count one restart. False: that was one too many, and this supervisor is about to end."""
        now = trio.current_time()
        if record_restart(self._history, now, self.limit):
            self.restarts += 1
            child.restarts += 1
            return True
        self._give_up(child, shutdown(RESTARTS_TOO_FAST))
        return False

    def _give_up(self, child: Child, reason: ExitReason) -> None:
        reports.supervisor_gave_up(self._subject(child), reason)
        self.stop(reason)

    def _wait_before_restart(self, child: Child) -> float:
        """Seconds of back-off, 0.0 without one; the child's next wait will be longer."""
        backoff = child.spec.backoff
        if backoff is None:
            return 0.0
        if child.state is ChildState.RUNNING:
            child.attempt = next_attempt(backoff, child.attempt, trio.current_time() - child.started_at)
        delay = delay_before_restart(backoff, child.attempt)
        child.attempt += 1
        return delay

    def _try_again_after(self, child: Child, delay: float) -> None:
        """Plan a child's next start, by a message to itself even when there is no delay.

        Between two attempts of a start that fails and fails, requests to terminate the child or to stop the
        supervisor get their turn so.
        """
        retry = Retry(child)
        child.awaits_restart(retry)
        retry.timer = self.send_after(delay, retry)

    # ---- Reports ---------------------------------------------------------------------------------

    def _subject(self, child: Child) -> Subject:
        return Subject(self.name, child.spec.id, child.restarts)

    def _report(self, write: Callable[[Subject, ExitReason], None], child: Child, reason: ExitReason) -> None:
        """Write a report about a child, unless there were enough of them in this second."""
        if self._report_limit.allows():
            suppressed = self._report_limit.take_suppressed()
            if suppressed:
                reports.reports_suppressed(self.name, suppressed)
            write(self._subject(child), reason)

    def _report_shutdown(self, child: Child, reason: ExitReason) -> None:
        """Say so if a child that was told to end crashed over it or had to be killed."""
        if not was_orderly(reason, child.spec.grace_seconds):
            self._report(reports.child_shutdown_failed, child, reason)


def supervisors_of(system: ActorSystem) -> dict[ActorRef, SupervisorBase]:
    """All living supervisors of a system, in the order of their start."""
    found = system.registry.lookup(SUPERVISORS)
    return {ref: value for ref, value in found.items() if isinstance(value, SupervisorBase)}


def supervisor_of(ref: ActorRef) -> SupervisorBase | None:
    """The supervisor that a ref leads to; None if it leads to none, or none that lives."""
    found = ref.system.registry.value_of(SUPERVISORS, ref)
    return found if isinstance(found, SupervisorBase) else None
