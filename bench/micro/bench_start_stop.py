"""Starting very many actors and stopping them all."""

from __future__ import annotations

import trio

from actors import Actor, ActorSystem, open_actor_system
from bench.micro.harness import Figure, Stopwatch, run_bench


class Idle(Actor):
    """Does nothing."""

    __slots__ = ()

    def handle(self, message: object) -> None:
        """Take it."""


async def measure(count: int) -> list[Figure]:
    """CPU seconds for starting and stopping, as if for a million."""
    async with open_actor_system(grace_s=600) as system:
        starting = Stopwatch()
        await _start(system, count)
        start_s = starting.cpu_seconds()
        stopping = Stopwatch()
        await system.shutdown()
        stop_s = stopping.cpu_seconds()
    scale = 1_000_000 / count
    note = "CPU time" if count == 1_000_000 else f"CPU time, scaled up from {count:,}"
    return [
        Figure("start_stop_1m_s", "roost", (start_s + stop_s) * scale, "s", note=note),
        Figure("start_us", "roost", start_s / count * 1e6, "us", note="CPU time"),
        Figure("stop_us", "roost", stop_s / count * 1e6, "us", note="CPU time"),
    ]


async def _start(system: ActorSystem, count: int) -> None:
    for number in range(count):
        await system.start(Idle)
        if number % 1_000 == 0:
            await trio.lowlevel.checkpoint()  # let the new ones reach their mailbox, as in real life
    await trio.lowlevel.checkpoint()


if __name__ == "__main__":
    run_bench(measure)
