"""The actor system: starts actors, keeps them in one nursery, and ends with none of them left.

Owns: the nursery of all actor tasks, the timers, the registry, the groups.
Guarantees: when `open_actor_system()` is left, however that comes, no task of any actor is left.
Not here: what to do when an actor ends (the package supervisors).
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager

import trio

from actors import few, links, loop
from actors.actor import Actor
from actors.envelope import Reply
from actors.errors import StartError, SystemClosedError
from actors.exits import KILL, NOPROC, SHUTDOWN, Stop, crash
from actors.groups import Groups
from actors.mailbox import Mailbox
from actors.ports import system_monotonic
from actors.ref import ActorRef
from actors.registry import Address, Registry, Via
from actors.reports import Reports
from actors.runner import Runner
from actors.timers import Timers
from actors.warmth import Warmth

DEFAULT_GRACE_SECONDS = 5.0
"""How long actors may take to stop when the system closes; OTP's default shutdown time of a worker."""

GRACE_ROUNDS = 10
"""In how many steps the grace is waited for; each looks for actors that lost their parent meanwhile."""


class ActorSystem:
    """All the actors of one event loop. Made by `open_actor_system()`."""

    def __init__(self, grace_s: float, stall_clock: Callable[[], float]) -> None:
        self.nobody = ActorRef(self, 0, None, None)  # dead from the start: where unknown names lead
        self.nobody._exit = NOPROC
        self.registry = Registry(self.nobody)
        self.groups = Groups()
        self.timers = Timers(self)
        self._runner = Runner()
        self._warmth = Warmth(self.timers)
        self.reports = Reports(trio.current_time)
        self.dead_letters = 0  # messages told to the dead
        self.started = 0  # actors started since the beginning; also the last id given out
        self._grace_s = grace_s
        self._stall_clock = stall_clock
        self._actors: dict[ActorRef, None] = {}  # the living, in the order of their start
        self._nursery: trio.Nursery | None = None
        self._is_closing = False
        self._emptied = trio.Event()  # set when the last actor has ended while the system closes
        self._released = trio.Event()  # set when the nursery is not needed any more

    def __len__(self) -> int:
        """How many actors are alive."""
        return len(self._actors)

    @property
    def actors(self) -> list[ActorRef]:
        """All living actors, in the order of their start."""
        return list(self._actors)

    async def start(
        self,
        factory: Callable[[], Actor],
        *,
        name: Hashable = None,
        link_to: Address | None = None,
    ) -> ActorRef:
        """Start an actor and return its ref when `on_start` has returned.

        Args:
            factory: Makes the actor; called here and now, in the caller's task.
            name: A unique key to register it under, before `on_start` runs.
            link_to: Its parent, linked from the first moment: the parent's end ends it, too.

        A checkpoint only if the `on_start` waits. Cancelled while waiting: the actor is killed.

        Raises:
            StartError: The factory or on_start raised, the parent is dead, or it was killed meanwhile. The
                parent gets no exit signal for it: the failure is told once.
            StartIgnored: on_start raised it.
            NameTakenError: The name belongs to a living actor; the factory was not called.
            SystemClosedError: The system is shutting down.
        """
        ref, starter = self._spawn(factory, name, link_to)
        if starter is not None:
            try:
                await starter.wait()
            except trio.Cancelled:
                ref.kill()
                raise
        return ref

    def start_nowait(
        self, factory: Callable[[], Actor], *, name: Hashable = None, link_to: Address | None = None
    ) -> ActorRef:
        """Start an actor at once, for those whose `on_start` does not wait. Otherwise as `start`.

        Raises:
            ActorError: as `start` does.
            TypeError: its on_start waits; nothing was started.
        """
        ref, starter = self._spawn(factory, name, link_to)
        if starter is not None:
            ref.kill()
            raise TypeError(f"on_start of {ref!r} waits: await start() instead")
        return ref

    def resolve(self, address: Address) -> ActorRef:
        """The ref behind an address: itself, or whoever has the name now (`nobody`, who is dead, if none)."""
        return address.resolve()

    def whereis(self, key: Hashable) -> ActorRef | None:
        """Who has a unique name; None if nobody does."""
        return self.registry.whereis(key)

    def via(self, key: Hashable) -> Via:
        """A name to be used in the place of a ref."""
        return self.registry.via(key)

    async def shutdown(self) -> None:
        """Stop all actors, by force after the grace, and wait until none is left.

        Those without a parent are told to exit (SHUTDOWN) in reverse order of their start; links and
        supervisors take it from there. Nothing can be started once this has begun.
        """
        self._is_closing = True
        if not self._actors:
            self._emptied.set()
        for _ in range(GRACE_ROUNDS):
            if self._emptied.is_set():
                break
            self._signal_roots()
            with trio.move_on_after(self._grace_s / GRACE_ROUNDS):
                await self._emptied.wait()
        self._kill_all()
        await self._emptied.wait()

    # ---- For the runtime's own modules -----------------------------------------------------------

    def _spawn(
        self, factory: Callable[[], Actor], name: Hashable, link_to: Address | None
    ) -> tuple[ActorRef, Reply | None]:
        if self._is_closing or self._nursery is None:
            raise SystemClosedError("the actor system is shutting down")
        if name is not None:
            self.registry.check_free(name)
        actor = self._make(factory)
        parent = self.resolve(link_to) if link_to is not None else None
        if parent is not None and not parent.is_alive:
            raise StartError(type(actor).__name__, NOPROC)
        self.started += 1
        ref = actor.ref = ActorRef(self, self.started, name, actor)
        mailbox = ref._mailbox = Mailbox(actor.mailbox_limit, actor.overflow)
        if name is not None:
            self.registry.register(name, ref)  # first: it raises if the factory has given the name away
        self._actors[ref] = None
        if parent is not None:
            ref._parent = parent
            links.link(parent, ref)
        starting = loop.start_at_once(ref, actor)
        starter = Reply() if starting is not None else None
        if starting is not None or actor._handle_is_async:
            self._give_task(actor, loop.live, ref, actor, mailbox, starter, starting)
        else:
            self._runner.add(ref)
        return ref, starter

    def _give_task(
        self, actor: Actor, function: Callable[..., Awaitable[object]], *arguments: object
    ) -> None:
        """Have something done in a task of the actor's own."""
        assert self._nursery is not None
        self._nursery.start_soon(function, *arguments, name=type(actor).__qualname__)

    @staticmethod
    def _make(factory: Callable[[], Actor]) -> Actor:
        try:
            actor = factory()
            if not isinstance(actor, Actor):  # a class where its instance should be would be spoilt for good
                raise TypeError(f"the factory made {actor!r}, which is no actor")
            return actor
        except Exception as error:  # a factory is user code, and its failure an answer to the starter
            raise StartError(getattr(factory, "__qualname__", "factory"), crash(error)) from error

    def _forget(self, ref: ActorRef) -> None:
        """An actor has ended."""
        del self._actors[ref]
        self.timers.forget_timers_of(ref)
        if self._is_closing and not self._actors:
            self._emptied.set()

    def _signal_roots(self) -> None:
        for ref in reversed(self.actors):
            actor, mailbox = ref._actor, ref._mailbox
            if actor is None or mailbox is None or _has_living_parent(ref):
                continue
            if actor._traps_exits:
                mailbox.put_signal(Stop(SHUTDOWN))
            else:
                ref._doom(SHUTDOWN)

    def _kill_all(self) -> None:
        for ref in self.actors:
            links.exit_signal(ref, None, KILL)

    def _abandon(self) -> None:
        """Something came up that no actor may keep to itself: everything ends now."""
        self._is_closing = True
        self._kill_all()

    async def _host(self, task_status: trio.TaskStatus[None]) -> None:
        """Hold the nursery of all actors open, out of reach of any cancellation from outside.

        Outside cancellation ends the block of `open_actor_system()`, which then closes the system in order.
        """
        async with trio.open_nursery() as self._nursery:
            self._nursery.cancel_scope.shield = True
            self._nursery.start_soon(self.timers.run)
            self._nursery.start_soon(self._runner.run)
            task_status.started()
            try:
                await self._released.wait()
            finally:
                self._abandon()  # after an orderly end nobody is left; after Ctrl-C the parked must be woken
                self._nursery.cancel_scope.cancel()


def _has_living_parent(ref: ActorRef) -> bool:
    parent, bonds = ref._parent, ref._bonds
    if parent is None or not parent.is_alive or bonds is None:
        return False
    return parent in few.members(bonds.links)


@asynccontextmanager
async def open_actor_system(
    *, grace_s: float = DEFAULT_GRACE_SECONDS, stall_clock: Callable[[], float] = system_monotonic
) -> AsyncGenerator[ActorSystem, None]:
    """Open a system of actors for the length of a block.

    When the block is left, by its end, an error or cancellation, all actors are stopped: told to, and killed
    if they have not ended `grace_s` later, or when a second KeyboardInterrupt comes. Only an actor that
    shields itself from cancellation, or a plain handler that never returns, can hold this up.

    Args:
        grace_s: How long the actors may take to stop.
        stall_clock: What measures how long handlers hold the loop; a simulation gives its own.

    Raises:
        ValueError: The grace is negative or not finite.
    """
    if not 0 <= grace_s < math.inf:
        raise ValueError(f"grace_s is {grace_s}; it must be finite and not negative")
    failure: BaseException | None = None
    async with trio.open_nursery() as outer:
        system = ActorSystem(grace_s, stall_clock)
        await outer.start(system._host)
        try:
            yield system
        except BaseException as error:
            failure = error  # raised below, outside the nursery, so that it is not wrapped into a group
        try:
            with trio.CancelScope(shield=True):
                await system.shutdown()
        finally:
            system._released.set()  # also if a second Ctrl-C cuts the shutdown short
    if failure is not None:
        raise failure
