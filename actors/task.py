"""Task: a short piece of work in an actor of its own, for one result (Elixir's Task).

For an actor that must not wait itself: it starts the work, goes on with its mailbox, and is told the result.
Linked to its owner, the work ends when the owner does and takes the owner along if it crashes; with
`report_to` alone, the owner hears of a crash and lives.

When not to use it: to run a few awaits side by side within one handler; that is a trio nursery.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from actors import few
from actors.actor import Actor
from actors.errors import ActorDeadError
from actors.exits import SHUTDOWN, ExitReason
from actors.ref import DEFAULT_CALL_TIMEOUT_SECONDS, ActorRef

if TYPE_CHECKING:
    from actors.registry import Address
    from actors.system import ActorSystem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TaskDone:
    """What `report_to` is told when the work has a result."""

    task: Task[Any]
    result: Any


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """What `report_to` is told when the work crashed, was cancelled or killed."""

    task: Task[Any]
    reason: ExitReason


class Task(Generic[T]):
    """A handle on work that is under way."""

    __slots__ = ("_outcome", "_report_to", "_work", "ref")

    def __init__(self, ref: ActorRef, work: Callable[[], Awaitable[T]], report_to: ActorRef | None) -> None:
        self.ref = ref
        self._work: Callable[[], Awaitable[T]] | None = work
        self._report_to = report_to
        self._outcome: tuple[T] | None = None  # there when the work has a result

    async def result(self, timeout: float = DEFAULT_CALL_TIMEOUT_SECONDS) -> T:
        """Wait for the result, as often as you like: this handle keeps it.

        On cancellation and on a timeout the work goes on; `cancel` ends it.

        Raises:
            ActorDeadError: The work crashed, was cancelled or killed; the reason says which.
            CallTimeoutError: No result in time.
        """
        reason = await self.ref.wait_stopped(timeout)
        if self._outcome is None:
            raise ActorDeadError(repr(self.ref), reason)
        return self._outcome[0]

    def cancel(self) -> None:
        """End the work where it waits (exit reason SHUTDOWN). Harmless when it is over."""
        self.ref.exit(SHUTDOWN)

    async def _run(self) -> None:
        work, self._work = self._work, None
        assert work is not None
        self._outcome = (await work(),)

    def _report(self, worker: ActorRef) -> None:
        """The worker is ending: tell the owner which of the two ways it went."""
        mailbox = self._report_to._mailbox if self._report_to is not None else None
        if mailbox is None:
            return
        if self._outcome is not None:
            mailbox.put_exempt(TaskDone(self, self._outcome[0]))
        else:
            mailbox.put_exempt(TaskFailed(self, worker._death_reason))


class _Worker(Actor):
    """Does one piece of work and ends. An actor, so that the work can be linked, monitored and killed."""

    __slots__ = ()
    mailbox_limit = 1

    async def handle(self, message: object) -> None:
        assert isinstance(message, Task)
        await message._run()
        self.stop()


async def start_task(
    system: ActorSystem,
    work: Callable[[], Awaitable[T]],
    *,
    link_to: Address | None = None,
    report_to: Address | None = None,
) -> Task[T]:
    """Start `work()` in an actor of its own and go on at once.

    Args:
        system: Where.
        work: An async function without arguments.
        link_to: Whose fate it shares.
        report_to: Who is told TaskDone or TaskFailed, exactly one of them, even if its mailbox is full.

    Raises:
        StartError: `link_to` is dead.
        SystemClosedError: The system is shutting down.
    """
    ref = await system.start(_Worker, link_to=link_to)
    task = Task(ref, work, system.resolve(report_to) if report_to is not None else None)
    assert ref._mailbox is not None
    ref._mailbox.put(task)
    bonds = ref._own_bonds()
    bonds.farewells = few.add(bonds.farewells, task._report)
    return task
