"""Waking: what it costs to bring a parked actor to its message and back to rest, many of them in one turn."""

from __future__ import annotations

import trio
import trio.testing

from actors import Actor, open_actor_system
from bench.micro.harness import BenchError, Figure, Stopwatch, run_bench

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
    floor = await _bare_trio(count)
    if sum(sleeper.woken for sleeper in sleepers) != count * ROUNDS:
        raise BenchError("not every actor was woken in every round")
    each = 1e6 / (count * ROUNDS)
    note = f"CPU time, {count:,} a turn"
    return [
        Figure("wake_us", "roost", seconds * each, "us", note=note),
        Figure("wake_us", "trio", floor * each, "us", note=note + ", a bare task each"),
    ]


async def _bare_trio(count: int) -> float:
    """CPU seconds for the same rounds with nothing but trio's tasks: no mailbox, no message, no handler."""
    tasks: list[trio.lowlevel.Task] = []
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(_sleep_and_sleep, tasks)
        await trio.testing.wait_all_tasks_blocked()
        watch = Stopwatch()
        for _ in range(ROUNDS):
            for task in tasks:
                trio.lowlevel.reschedule(task)
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
        seconds = watch.cpu_seconds()
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return seconds


async def _sleep_and_sleep(tasks: list[trio.lowlevel.Task]) -> None:
    tasks.append(trio.lowlevel.current_task())
    while True:
        await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.SUCCEEDED)


if __name__ == "__main__":
    run_bench(measure)
