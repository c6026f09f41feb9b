"""Waking: what it costs to bring a parked actor to its message and back to rest, many of them in one turn."""

from __future__ import annotations

import sys

import trio
import trio.testing

from actors import Actor, open_actor_system
from bench.micro.harness import BenchError, Figure, Stopwatch, print_figures

ROUNDS = 50


class Sleeper(Actor):
    """Counts how often it was woken."""

    __slots__ = ("woken",)

    def __init__(self) -> None:
        self.woken = 0

    def handle(self, message: object) -> None:
        """Count it."""
        self.woken += 1


async def measure(count: int) -> list[Figure]:
    """Microseconds of CPU time a wake, in rounds that wake `count` actors each."""
    sleepers = [Sleeper() for _ in range(count)]
    async with open_actor_system() as system:
        refs = [await system.start(lambda sleeper=sleeper: sleeper) for sleeper in sleepers]  # type: ignore[misc] # mypy cannot type a default
        await trio.testing.wait_all_tasks_blocked()
        watch = Stopwatch()
        for _ in range(ROUNDS):
            for ref in refs:
                ref.tell_nowait(None)
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
        seconds = watch.cpu_seconds()
        await trio.testing.wait_all_tasks_blocked()
    if sum(sleeper.woken for sleeper in sleepers) != count * ROUNDS:
        raise BenchError("not every actor was woken in every round")
    return [Figure("wake_us", "roost", seconds / (count * ROUNDS) * 1e6, "us", note=f"CPU time, {count:,} a turn")]


if __name__ == "__main__":
    print_figures(trio.run(measure, int(sys.argv[1])))
