"""A process started ahead: all that takes long is done, and it waits for its input to say what it is to be.

A Python program that imports much takes most of a second to start; whoever depends on it may not have that.
So one more is kept than is needed. `Command.reserve` names where: the next life of such a child takes the
process from there, and another is started ahead when the keeper's `is_time` allows.

Who may take it: any child whose command is the same but for its input.
Owned by: the Keeper, until it is taken; then by the child's watcher. A process that falls between the two
reads the end of its input and ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from actors import Actor, crash
from supervisors.backoff import Backoff
from supervisors.child_spec import ChildSpec, Shutdown
from supervisors.errors import ProcessEndedError
from supervisors.process import Started, describe_status, end_now


class Reserve:
    """Where a process that was started ahead waits to be taken; at most one."""

    __slots__ = ("_started", "_taken")

    def __init__(self) -> None:
        self._started: Started | None = None
        self._taken = trio.Event()

    def take(self) -> Started | None:
        """The process, which is the caller's from now on; None if there is none, or it has ended."""
        started, self._started = self._started, None
        self._taken.set()
        return started if started is not None and started.process.poll() is None else None

    @property
    def pid(self) -> int | None:
        """The process that waits; None if there is none."""
        return self._started.process.pid if self._started is not None else None

    async def keep(self, started: Started) -> bool:
        """Offer a process until it is taken or ends; returns whether it was taken. Cancelled, kill it."""
        self._started, self._taken = started, trio.Event()
        try:
            await _first_of(self._taken.wait, started.process.wait)
        finally:
            is_taken = self._started is not started
            if not is_taken:
                self._started = None
                await end_now(started.process)
                await trio.aclose_forcefully(started.ready)
        return is_taken


@dataclass(frozen=True, slots=True)
class Keep:
    """To itself: keep the reserve full."""


class Keeper(Actor):
    """Keeps a reserve full.

    Args:
        reserve: where to.
        start: starts a process.
        is_time: waits until it is a good moment to start one: not while others need the machine.
    """

    def __init__(
        self,
        reserve: Reserve,
        start: Callable[[], Awaitable[Started]],
        is_time: Callable[[], Awaitable[None]],
    ) -> None:
        self._reserve = reserve
        self._start = start
        self._is_time = is_time

    async def on_start(self) -> None:
        """Begin, once the starter has been told that this runs."""
        self.ref.tell_nowait(Keep())

    async def handle(self, message: object) -> None:
        """One process, from its start until it is taken. One that ends by itself is a crash: it is no use."""
        if not isinstance(message, Keep):
            self.unexpected(message)
            return
        await self._is_time()
        started = await self._start()
        if await self._reserve.keep(started):
            self.ref.tell_nowait(Keep())
            return
        status = started.process.returncode
        assert status is not None
        error = ProcessEndedError("a process in reserve", describe_status(status), status)
        self.stop(crash(error))


def keeper_spec(
    id: str,  # noqa: A002 - the field's name in ChildSpec
    make: Callable[[], Keeper],
    backoff: Backoff,
) -> ChildSpec:
    """The child specification of a keeper; the back-off is for a process that will not live."""
    return ChildSpec(id, make, shutdown=Shutdown.NOW, backoff=backoff)


async def _first_of(*waits: Callable[[], Awaitable[object]]) -> None:
    async def wait_for(one: Callable[[], Awaitable[object]]) -> None:
        await one()
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for one in waits:
            nursery.start_soon(wait_for, one)
