"""Restarting: from the crash of a child to its successor's `on_start`, beside very many siblings."""

from __future__ import annotations

import statistics
import time

import trio

from actors import Actor, ActorRef, open_actor_system
from bench.micro.harness import Figure, run_bench, write_logs_nowhere
from supervisors import ChildSpec, Supervisor

CRASHES = 200
FEW_SIBLINGS = 100


class Watcher:
    """Where a child that has just started reports."""

    def __init__(self) -> None:
        self.refs: list[ActorRef] = []  # in the order of their starts
        self.started = trio.Event()


class Fragile(Actor):
    """Crashes at whatever it is told."""

    __slots__ = ("_watcher",)

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    async def on_start(self) -> None:
        """Report."""
        self._watcher.refs.append(self.ref)
        self._watcher.started.set()

    def handle(self, message: object) -> None:
        """Crash."""
        raise RuntimeError


async def measure(count: int) -> list[Figure]:
    """Median microseconds of wall time from the crash to the restart, with many siblings and with few."""
    many = await _restart_us(count)
    few = await _restart_us(min(FEW_SIBLINGS, count))
    return [
        Figure("restart_us_100k_siblings", "roost", many, "us", note=f"wall time, {count:,} siblings"),
        Figure("restart_us_100_siblings", "roost", few, "us", note="wall time"),
    ]


async def _restart_us(siblings: int) -> float:
    watcher = Watcher()
    specs = [ChildSpec(f"child-{number}", lambda: Fragile(watcher)) for number in range(siblings)]
    async with open_actor_system(grace_s=600) as system:
        await system.start(lambda: Supervisor(specs, intensity=1_000_000))
        victims = watcher.refs[:: max(1, siblings // CRASHES)]
        times = [await _crash(watcher, victim) for victim in victims]
    return statistics.median(times) * 1e6


async def _crash(watcher: Watcher, victim: ActorRef) -> float:
    watcher.started = trio.Event()
    began = time.perf_counter()
    victim.tell_nowait("crash")
    await watcher.started.wait()
    return time.perf_counter() - began


if __name__ == "__main__":
    write_logs_nowhere()
    run_bench(measure)
