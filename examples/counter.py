"""A counter as an actor: state, messages, a handle. Left out: supervision (crash_and_restart.py).

Run it: python -m examples.counter
"""

from __future__ import annotations

from dataclasses import dataclass

import trio

from actors import Actor, ActorRef, open_actor_system


@dataclass(frozen=True, slots=True)
class Add:
    """Count so many more."""

    amount: int


@dataclass(frozen=True, slots=True)
class Total:
    """Say the total."""


class CounterHandle:
    """What others use: only this module knows the counter's messages."""

    def __init__(self, ref: ActorRef) -> None:
        self._ref = ref

    async def add(self, amount: int) -> None:
        """Count so many more; does not wait until it is done."""
        await self._ref.tell(Add(amount))

    async def total(self) -> int:
        """What has been counted, all adds of this caller included."""
        total: int = await self._ref.ask(Total())
        return total


class Counter(Actor):
    """Owns a number. An actor, so that any number of tasks may count without a lock."""

    def __init__(self) -> None:
        self.count = 0

    def handle(self, message: object) -> object:
        """Handle one message."""
        match message:
            case Add(amount):
                self.count += amount
            case Total():
                return self.count
            case _:
                self.unexpected(message)
        return None


async def main() -> None:
    """Let ten tasks count to a hundred each."""
    async with open_actor_system() as system:
        counter = CounterHandle(await system.start(Counter, name="counter"))

        async def count() -> None:
            for _ in range(100):
                await counter.add(1)

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(count)
        print("counted to", await counter.total())


if __name__ == "__main__":
    trio.run(main)
