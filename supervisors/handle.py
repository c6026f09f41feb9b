"""How to talk to a supervisor of either kind: its messages, and the handle that sends them.

A refusal (no such child, already running, full) travels as a value and is raised at the caller's: it must not
crash the supervisor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from actors import ActorRef, Address
from supervisors.child import ChildCounts, ChildInfo
from supervisors.child_spec import ChildSpec
from supervisors.errors import SupervisorError

ChildKey = str | ActorRef
"""What names a child: its id under a Supervisor (or its ref while it runs); under a DynamicSupervisor the ref
of its present life, or of the last one while it waits to be restarted."""


@dataclass(frozen=True, slots=True)
class StartChild:
    """Start a child that is not among the children yet."""

    spec: ChildSpec
    arguments: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class TerminateChild:
    """Stop a child and do not restart it."""

    key: ChildKey


@dataclass(frozen=True, slots=True)
class RestartChild:
    """Start a child that is stopped."""

    id: str


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Forget a child that is stopped."""

    id: str


@dataclass(frozen=True, slots=True)
class WhichChildren:
    """List the children."""


@dataclass(frozen=True, slots=True)
class CountChildren:
    """Count the children."""


class SupervisorHandle:
    """The functions of OTP's `supervisor` module, bound to one supervisor.

    Every call waits as long as the supervisor needs (OTP's `infinity`): a child may take its time to start
    or to stop. Bound the wait with a trio cancel scope; the supervisor does what it was asked all the same.

    Every call raises ActorDeadError at once if the supervisor is dead or dies before it answers.
    """

    __slots__ = ("ref",)

    def __init__(self, ref: Address) -> None:
        self.ref = ref

    async def start_child(self, spec: ChildSpec, *arguments: object) -> ActorRef | None:
        """Add a child and start it; returns when its `on_start` has.

        Args:
            spec: what to start, and how to keep it.
            arguments: what `spec.start` is called with, now and at each restart. So one spec serves the
                hundred thousand children of a DynamicSupervisor (OTP's simple_one_for_one).

        Returns:
            Its ref, or None if its on_start raised StartIgnored.

        Raises:
            ChildExistsError: the id is taken (never under a DynamicSupervisor: there ids may repeat).
            ChildSpecError: the spec does not go with this supervisor.
            ChildStartError: it did not start; it was not added, and the supervisor goes on.
            MaxChildrenError: the dynamic supervisor is full.
        """
        return _ref_or_none(await self._ask(StartChild(spec, arguments)))

    async def terminate_child(self, key: str | Address) -> None:
        """Stop a child within its shutdown time; returns when it is dead.

        A planned restart is cancelled; the siblings that were stopped because of it are started without it.
        A temporary child, and any child of a DynamicSupervisor, is forgotten; others can be started again.

        Raises:
            ChildNotFoundError: there is no such child.
        """
        await self._ask(TerminateChild(key if isinstance(key, str) else key.resolve()))

    async def restart_child(self, id: str) -> ActorRef | None:  # noqa: A002 - OTP's word for it
        """Start a child that was terminated or ended for good. Not for a DynamicSupervisor.

        Raises:
            ChildNotFoundError: there is no such child.
            ChildRunningError: it runs, or will be restarted anyway.
            ChildStartError: it did not start; it stays stopped.
        """
        return _ref_or_none(await self._ask(RestartChild(id)))

    async def delete_child(self, id: str) -> None:  # noqa: A002 - OTP's word for it
        """Forget a child that is stopped. Not for a DynamicSupervisor.

        Raises:
            ChildNotFoundError: there is no such child.
            ChildRunningError: it runs, or will be restarted; terminate it first.
        """
        await self._ask(DeleteChild(id))

    async def which_children(self) -> list[ChildInfo]:
        """All children in start order. For people and tests; of very many, `count_children` is cheaper."""
        children = await self._ask(WhichChildren())
        assert isinstance(children, list)
        return children

    async def count_children(self) -> ChildCounts:
        """How many children there are, and of what kind."""
        counts = await self._ask(CountChildren())
        assert isinstance(counts, ChildCounts)
        return counts

    async def _ask(self, request: object) -> object:
        answer = await self.ref.ask(request, timeout=math.inf)
        if isinstance(answer, SupervisorError):
            raise answer
        return answer


def _ref_or_none(answer: object) -> ActorRef | None:
    assert answer is None or isinstance(answer, ActorRef)
    return answer
