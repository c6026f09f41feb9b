"""Telling: messages a second to an actor that drains its mailbox, from the first told to the last handled."""

from __future__ import annotations

import trio

from actors import Actor, open_actor_system
from bench.micro.harness import Figure, Stopwatch, run_bench


class Tick:
    """One message; the same object each time, so that making messages is not what is measured."""

    __slots__ = ()


class Counter(Actor):
    """Counts what it is told."""

    __slots__ = ("all_here", "left")

    def __init__(self, count: int) -> None:
        self.left = count
        self.all_here = trio.Event()

    def handle(self, message: object) -> None:
        """Count one; open the gate at the last."""
        self.left -= 1
        if not self.left:
            self.all_here.set()


async def measure(count: int) -> list[Figure]:
    """Messages a second of CPU time; the mailbox is bounded, and the teller waits when it is full."""
    async with open_actor_system() as system:
        counter = Counter(count)
        ref = await system.start(lambda: counter)
        tick = Tick()
        watch = Stopwatch()
        for _ in range(count):
            await ref.tell(tick)
        await counter.all_here.wait()
        seconds = watch.cpu_seconds()
    return [Figure("tell_per_s", "roost", count / seconds, "1/s", note="CPU time, told and handled")]


if __name__ == "__main__":
    run_bench(measure)
