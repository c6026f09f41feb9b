"""Memory of idle actors: how much the process grows by each actor that is parked with an empty mailbox."""

from __future__ import annotations

import gc

import trio
import trio.testing

from actors import Actor, open_actor_system
from bench.micro.harness import Figure, resident_bytes, run_bench


class Idle(Actor):
    """Does nothing, as most of a million actors do at any moment."""

    __slots__ = ()

    def handle(self, message: object) -> None:
        """Take it."""


async def measure(count: int) -> list[Figure]:
    """Resident bytes an actor, with `count` of them alive at once."""
    async with open_actor_system() as system:
        gc.collect()
        before = resident_bytes()
        for _ in range(count):
            await system.start(Idle)
        await trio.testing.wait_all_tasks_blocked()
        grown = resident_bytes() - before
    return [Figure("idle_actor_bytes", "roost", grown / count, "bytes", note=f"{count:,} alive")]


if __name__ == "__main__":
    run_bench(measure)
