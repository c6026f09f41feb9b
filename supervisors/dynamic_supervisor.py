"""DynamicSupervisor: any number of children, started on demand, each for itself.

Owns: its children, by ref. All are equal: there is no order among them, and so no strategy but one_for_one.
Talks to: its children, by links and exit signals; it traps exits, and ends when its parent does.
Guarantees: starting, restarting or ending a child costs the same beside ten siblings as beside a million.
Restarts as: whatever its own supervisor says. It starts empty: who started the children starts them again.

OTP's `simple_one_for_one` and Elixir's `DynamicSupervisor`. Ids are names for reports here and may repeat; a
child is found by its ref. All children are stopped at once, not one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable

from actors import (
    SHUTDOWN,
    ActorDeadError,
    ActorRef,
    Exit,
    ExitReason,
    StartError,
    SystemClosedError,
)
from supervisors import reports
from supervisors.base import SupervisorBase
from supervisors.child import Child, Retry
from supervisors.child_spec import ChildSpec
from supervisors.errors import ChildNotFoundError, ChildSpecError, MaxChildrenError, SupervisorError
from supervisors.handle import ChildKey, CountChildren, StartChild, TerminateChild, WhichChildren
from supervisors.intensity import DEFAULT_PERIOD_SECONDS, DEFAULT_RESTARTS, is_count
from supervisors.shutdown import end_child, end_children
from supervisors.strategy import AutoShutdown, Verdict, check_significance, verdict


class DynamicSupervisor(SupervisorBase):
    """Starts children on demand and keeps each of them as its own spec says.

    Args:
        max_children: how many it may have; those that wait to be restarted count. None: no limit but memory.
        intensity: more restarts than this within `period`, of all children together, end the supervisor.
        period: seconds.
        name: in reports and in the tree; None takes the registered name, or the class's.

    Raises:
        ChildSpecError: a setting makes no sense.
    """

    def __init__(
        self,
        max_children: int | None = None,
        intensity: int = DEFAULT_RESTARTS,
        period: float = DEFAULT_PERIOD_SECONDS,
        name: str | None = None,
    ) -> None:
        super().__init__(intensity, period, name)
        if max_children is not None and not is_count(max_children):
            raise ChildSpecError("max_children", max_children, "a whole number, 0 or more, or None")
        self.max_children = max_children
        # By the ref of the present life, or while a restart is awaited, of the one before. In start order.
        self._children: dict[ActorRef, Child] = {}
        self._is_stopping = False

    def children(self) -> Iterable[Child]:
        """The children, the most recently started last."""
        return self._children.values()

    def settings(self) -> dict[str, str | int | float | None]:
        """What it was told to do, for the tree."""
        return {"strategy": "one_for_one", "max_children": self.max_children, **super().settings()}

    def start_child_nowait(self, spec: ChildSpec, *arguments: object) -> ActorRef:
        """As `SupervisorHandle.start_child`, called directly: no message, no wait, no task switch.

        For children that are started by the thousand and whose `on_start` neither waits nor ignores. A call
        into another actor's state is safe where nothing waits: there is one loop, and this is one step in it.

        Raises:
            ActorDeadError: this supervisor is stopping.
            ChildStartError, MaxChildrenError: as `start_child`.
            TypeError: the on_start waits.
        """
        if self._is_stopping:
            raise ActorDeadError(repr(self.ref), SHUTDOWN)
        child = self._new_child(spec, arguments)
        try:
            ref = self.system.start_nowait(child.make_actor, link_to=self.ref)
        except StartError as error:
            raise self._refuse_start(child, error.reason) from error
        except SystemClosedError:
            raise ActorDeadError(repr(self.ref), SHUTDOWN) from None
        self._has_started(child, ref)
        return ref

    # ---- Life ------------------------------------------------------------------------------------

    async def on_stop(self, reason: ExitReason) -> None:
        """Stop all children at once, each within its shutdown time."""
        self._is_stopping = True
        by_ref = {ref: child for ref, child in self._children.items() if child.ref is not None}
        for child in self._children.values():
            child.forget_retry()
        self._children.clear()  # their exits are expected from here on
        graces = [(ref, child.spec.grace_seconds) for ref, child in by_ref.items()]
        for ref, end in await end_children(self.ref, graces):
            self._report_shutdown(by_ref[ref], end)

    async def handle(self, message: object) -> object:
        """Exits of children, notes to itself, and the requests of `SupervisorHandle`."""
        match message:
            case Exit(ref, reason):
                child = self._children.get(ref)
                if child is not None and child.ref is ref:  # else it was ended on purpose, or is none of ours
                    await self._child_ended(child, reason)
                return None
            case Retry():
                if message.is_wanted:
                    await self._start_again(message.child)
                return None
            case _:
                return await self._answer(message)

    async def _answer(self, request: object) -> object:
        try:
            match request:
                case StartChild(spec, arguments):
                    return await self._start_child(spec, arguments)
                case TerminateChild(key):
                    await self._terminate_child(key)
                    return None
                case WhichChildren():
                    return [child.info() for child in self._children.values()]
                case CountChildren():
                    return self.count_children()
                case _:
                    self.unexpected(request)
                    return None
        except SupervisorError as refusal:
            return refusal  # the handle raises it, at the caller's

    # ---- A child ended by itself -----------------------------------------------------------------

    async def _child_ended(self, child: Child, reason: ExitReason) -> None:
        decision = verdict(child.spec.restart, reason)
        if decision is Verdict.RESTART or reason.is_abnormal:
            self._report(reports.child_terminated, child, reason)
        if decision is Verdict.RESTART:
            await self._restart(child, at_once=True)
        else:
            self._forget(child)  # a transient child too: nobody could name it to start it again

    async def _restart(self, child: Child, *, at_once: bool) -> None:
        """Count the restart, and start the child: now, or after a wait."""
        delay = self._wait_before_restart(child)
        child.ref = None
        if not self._may_restart(child):
            return
        if at_once and delay == 0:
            await self._start_again(child)
        else:
            self._try_again_after(child, delay)

    async def _start_again(self, child: Child) -> None:
        before = child.last_ref
        failure = await self._launch(child)
        if failure is not None:
            self._report(reports.child_start_failed, child, failure)
            await self._restart(child, at_once=False)
        elif before is not None:
            del self._children[before]  # it is listed under its new ref, or has nothing to do any more

    # ---- What is asked of it ---------------------------------------------------------------------

    async def _start_child(self, spec: ChildSpec, arguments: tuple[object, ...]) -> ActorRef | None:
        child = self._new_child(spec, arguments)
        failure = await self._launch(child)
        if failure is not None:
            raise self._refuse_start(child, failure)
        return child.ref

    def _new_child(self, spec: ChildSpec, arguments: tuple[object, ...]) -> Child:
        if self.max_children is not None and len(self._children) >= self.max_children:
            raise MaxChildrenError(self.max_children)
        check_significance(AutoShutdown.NEVER, spec)
        return Child(spec, arguments)

    async def _terminate_child(self, key: ChildKey) -> None:
        child = self._children.get(key) if isinstance(key, ActorRef) else None
        if child is None:
            raise ChildNotFoundError(str(key))
        ref = child.ref
        self._forget(child)
        if ref is not None:
            self._report_shutdown(child, await end_child(self.ref, ref, child.spec.grace_seconds))

    # ---- Bookkeeping -----------------------------------------------------------------------------

    def _note_running(self, child: Child, ref: ActorRef) -> None:
        self._children[ref] = child

    def _forget(self, child: Child) -> None:
        if child.last_ref is not None:
            self._children.pop(child.last_ref, None)
        child.ended()
