"""Supervisor: keeps a list of children running; OTP's `supervisor`.

Owns: its children, by id, in start order.
Talks to: its children, by links and exit signals; it traps exits, and ends when its parent does.
Guarantees: children start in order and stop in reverse; a failed start stops those before it.
Restarts as: whatever its own supervisor says; its children start anew with it.
Not here: very many children of one kind (dynamic_supervisor.py), the decisions (strategy.py, intensity.py).

When not to use one: a tree is for what must keep running. Work that ends, and whose failure concerns only the
one who asked for it, is a Task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from actors import Actor, ActorRef, Exit, ExitReason, shutdown
from supervisors import reports
from supervisors.base import SIGNIFICANT_CHILD_ENDED, SupervisorBase
from supervisors.child import Child, ChildState, Retry
from supervisors.child_spec import ChildSpec, ChildType, Restart, check_unique_ids
from supervisors.errors import (
    ChildExistsError,
    ChildNotFoundError,
    ChildRunningError,
    ChildSpecError,
    SupervisorError,
)
from supervisors.handle import (
    ChildKey,
    CountChildren,
    DeleteChild,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from supervisors.intensity import DEFAULT_PERIOD_SECONDS, DEFAULT_RESTARTS
from supervisors.shutdown import end_child, end_children
from supervisors.strategy import (
    AutoShutdown,
    Strategy,
    Verdict,
    check_significance,
    ends_supervisor,
    restart_group,
    verdict,
)


def supervisor_spec(
    id: str,  # noqa: A002 - the field's name in ChildSpec
    start: Callable[[], Actor],
    restart: Restart = Restart.PERMANENT,
    significant: bool = False,
) -> ChildSpec:
    """The child specification of a supervisor below another: it has as long to stop as its children need."""
    return ChildSpec(id, start, restart, type=ChildType.SUPERVISOR, significant=significant)


class Supervisor(SupervisorBase):
    """Starts `children` in order, restarts them by `strategy`, stops them in reverse.

    Args:
        children: in start order; later ones may depend on earlier ones.
        strategy: whom else to restart when one child died.
        intensity: more restarts than this within `period` end the supervisor, with its children.
        period: seconds.
        auto_shutdown: whether the end of significant children ends the supervisor.
        stop_together: whether all children are told at once to stop, and waited for together. For children
            that do not depend on one another, and take their time.
        name: in reports and in the tree; None takes the registered name, or the class's.

    Raises:
        ChildSpecError: a setting or the combination of children makes no sense.
    """

    def __init__(
        self,
        children: Sequence[ChildSpec],
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: int = DEFAULT_RESTARTS,
        period: float = DEFAULT_PERIOD_SECONDS,
        auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
        name: str | None = None,
        stop_together: bool = False,
    ) -> None:
        super().__init__(intensity, period, name)
        if not isinstance(strategy, Strategy):
            raise ChildSpecError("strategy", strategy, "a Strategy")
        if not isinstance(auto_shutdown, AutoShutdown):
            raise ChildSpecError("auto_shutdown", auto_shutdown, "an AutoShutdown")
        check_unique_ids(children)
        for spec in children:
            check_significance(auto_shutdown, spec)
        self.strategy = strategy
        self.auto_shutdown = auto_shutdown
        self._stop_together = stop_together
        self._children = {spec.id: Child(spec) for spec in children}  # in start order
        self._by_ref: dict[ActorRef, Child] = {}  # those that run
        self._significant: dict[str, Child] = {}  # significant children that run or will be restarted

    def children(self) -> Iterable[Child]:
        """The children in start order."""
        return self._children.values()

    def settings(self) -> dict[str, str | int | float | None]:
        """What it was told to do, for the tree."""
        auto = self.auto_shutdown.value
        return {"strategy": self.strategy.value, "auto_shutdown": auto, **super().settings()}

    # ---- Life ------------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Start the children in order.

        Raises:
            ChildStartError: one did not start; those before it have been stopped, in reverse.
        """
        await super().on_start()
        for child in [*self._children.values()]:
            failure = await self._launch(child)
            if failure is not None:
                refusal = self._refuse_start(child, failure)
                await self._end_all()
                raise refusal
            self._forget_if_ignored(child)

    async def on_stop(self, reason: ExitReason) -> None:
        """Stop the children in reverse order, or all at once, each within its shutdown time."""
        await self._end_all()

    async def _end_all(self) -> None:
        if self._stop_together:
            await self._end_together()
        for child in reversed([*self._children.values()]):
            await self._end(child)

    async def handle(self, message: object) -> object:
        """Exits of children, notes to itself, and the requests of `SupervisorHandle`."""
        match message:
            case Exit(ref, reason):
                child = self._by_ref.get(ref)
                if child is not None:  # else it was ended on purpose, or is none of ours
                    await self._child_ended(child, reason)
                return None
            case Retry():
                if message.is_wanted:
                    await self._start_group(self._group_of(message.child))
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
                case RestartChild(id_):
                    return await self._restart_child(id_)
                case DeleteChild(id_):
                    self._delete_child(id_)
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
        if decision is Verdict.RESTART:
            self._report(reports.child_terminated, child, reason)
            await self._restart(child, at_once=True)
            return
        if reason.is_abnormal:
            self._report(reports.child_terminated, child, reason)
        self._note_stopped(child)
        if decision is Verdict.FORGET:
            del self._children[child.spec.id]
        if ends_supervisor(self.auto_shutdown, child.spec.significant, len(self._significant)):
            self._end_with(child)

    def _end_with(self, child: Child) -> None:
        end = shutdown(SIGNIFICANT_CHILD_ENDED)
        reports.supervisor_ended(self._subject(child), end)
        self.stop(end)

    async def _restart(self, child: Child, *, at_once: bool) -> None:
        """Count the restart, stop those who share the child's fate, start them all: now, or after a wait."""
        delay = self._wait_before_restart(child)
        if child.ref is not None:
            del self._by_ref[child.ref]
            child.ref = None
        if not self._may_restart(child):
            return
        group = self._group_of(child)
        for sibling in reversed(group):
            if sibling is not child:
                await self._end(sibling)
        if at_once and delay == 0:
            await self._start_group(group)
        else:
            self._try_again_after(child, delay)

    def _group_of(self, child: Child) -> list[Child]:
        group = restart_group(self.strategy, self._children, child.spec.id)
        return [self._children[id_] for id_ in group.ids]

    async def _start_group(self, group: Sequence[Child]) -> None:
        """Start children in order.

        One that does not start has died at once: that is another restart, of it and of those who share its
        fate, but not before others have had a turn.
        """
        for child in group:
            if child.ref is not None or child.spec.id not in self._children:
                continue  # started by hand during the wait; or temporary, and gone with its siblings
            failure = await self._launch(child)
            if failure is not None:
                self._report(reports.child_start_failed, child, failure)
                await self._restart(child, at_once=False)
                return
            self._forget_if_ignored(child)

    # ---- What is asked of it ---------------------------------------------------------------------

    async def _start_child(self, spec: ChildSpec, arguments: tuple[object, ...]) -> ActorRef | None:
        known = self._children.get(spec.id)
        if known is not None:
            raise ChildExistsError(spec.id, known.state.value)
        check_significance(self.auto_shutdown, spec)
        child = self._children[spec.id] = Child(spec, arguments)
        failure = await self._launch(child)
        if failure is not None:
            del self._children[spec.id]
            raise self._refuse_start(child, failure)
        self._forget_if_ignored(child)
        return child.ref

    async def _terminate_child(self, key: ChildKey) -> None:
        child = self._find(key)
        # Its siblings were stopped because of it, and only its planned start would have brought them back.
        waiting = self._group_of(child) if child.retry is not None else []
        await self._end(child)
        await self._start_group([sibling for sibling in waiting if sibling is not child])

    async def _restart_child(self, id_: str) -> ActorRef | None:
        child = self._find_stopped(id_)
        failure = await self._launch(child)
        if failure is not None:
            raise self._refuse_start(child, failure)
        return child.ref

    def _delete_child(self, id_: str) -> None:
        del self._children[self._find_stopped(id_).spec.id]

    def _find(self, key: ChildKey) -> Child:
        child = self._by_ref.get(key) if isinstance(key, ActorRef) else self._children.get(key)
        if child is None:
            raise ChildNotFoundError(str(key))
        return child

    def _find_stopped(self, id_: str) -> Child:
        child = self._find(id_)
        if child.state is not ChildState.STOPPED:
            raise ChildRunningError(id_, child.state.value)
        return child

    # ---- Bookkeeping -----------------------------------------------------------------------------

    async def _end(self, child: Child) -> None:
        """Stop a child, whatever it is doing. A temporary one is forgotten."""
        ref = child.ref
        self._note_stopped(child)
        if ref is not None:
            self._report_shutdown(child, await end_child(self.ref, ref, child.spec.grace_seconds))
        if child.spec.restart is Restart.TEMPORARY:
            self._children.pop(child.spec.id, None)

    async def _end_together(self) -> None:
        by_ref = dict(self._by_ref)
        for child in by_ref.values():
            self._note_stopped(child)
        graces = [(ref, child.spec.grace_seconds) for ref, child in by_ref.items()]
        for ref, end in await end_children(self.ref, graces):
            self._report_shutdown(by_ref[ref], end)

    def _note_running(self, child: Child, ref: ActorRef) -> None:
        self._by_ref[ref] = child
        if child.spec.significant:
            self._significant[child.spec.id] = child

    def _note_stopped(self, child: Child) -> None:
        if child.ref is not None:
            self._by_ref.pop(child.ref, None)
        self._significant.pop(child.spec.id, None)
        child.ended()

    def _forget_if_ignored(self, child: Child) -> None:
        """A temporary child that had nothing to do is forgotten; the others stay listed as stopped."""
        if child.ref is None and child.spec.restart is Restart.TEMPORARY:
            del self._children[child.spec.id]
