"""A storm of crashes: as many children a second as asked crash and restart; does the loop stay responsive?

Two figures matter: whether the storm is kept up with, and the longest time that anybody else had to wait for
the loop meanwhile (a heartbeat task measures that). The runtime's own stall reports are counted, too.
"""

from __future__ import annotations

import itertools
import time

import trio

from actors import Actor, ActorSystem, calm_collector, open_actor_system
from bench.micro.harness import Figure, Stopwatch, run_bench, write_logs_nowhere
from supervisors import ChildSpec, DynamicSupervisor, SupervisorHandle

SECONDS = 3.0
BEATS_PER_SECOND = 100  # crashes are told in as many gusts a second


Present = dict[int, "Fragile"]  # {number of the child: the actor of its present life}


class Fragile(Actor):
    """Crashes at whatever it is told."""

    __slots__ = ()

    def handle(self, message: object) -> None:
        """Crash."""
        raise RuntimeError


async def measure(per_second: int) -> list[Figure]:
    """Restarts a second while a storm of `per_second` blows, the longest lag, the stall reports."""
    async with open_actor_system(grace_s=600) as system:
        ref = await system.start(lambda: DynamicSupervisor(intensity=100_000_000))
        present: Present = {}
        await _populate(SupervisorHandle(ref), per_second, present)
        with calm_collector():  # as a node does when it has started
            lag, seconds, cpu = await _storm(system, present)
        stalls = system.reports.stalls
        restarts = system.started - per_second - 1
    return [
        Figure(
            "crash_storm_restarts_per_s", "roost", restarts / seconds, "1/s", note=f"{per_second:,} asked for"
        ),
        Figure("crash_storm_kept_up", "roost", restarts / seconds / per_second, "share"),
        Figure(
            "crash_storm_cpu_us", "roost", cpu / restarts * 1e6, "us", note="CPU time a crash and restart"
        ),
        Figure("crash_storm_longest_lag_ms", "roost", lag * 1e3, "ms"),
        Figure("crash_storm_stall_reports", "roost", stalls, ""),
    ]


async def _populate(handle: SupervisorHandle, count: int, present: Present) -> None:
    for number in range(count):
        await handle.start_child(_spec(number, present))


def _spec(number: int, present: Present) -> ChildSpec:
    def start() -> Fragile:
        present[number] = fragile = Fragile()
        return fragile

    return ChildSpec(str(number), start)


async def _storm(system: ActorSystem, present: Present) -> tuple[float, float, float]:
    """Let it blow; the longest lag, the seconds until the last child was back, and the CPU seconds."""
    per_second = len(present)
    lags = [0.0]
    watch = Stopwatch()
    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_feel_the_lag, lags)
        victims = itertools.cycle(range(per_second))
        gust = max(1, per_second // BEATS_PER_SECOND)
        told = 0
        while told < per_second * SECONDS:
            for number in itertools.islice(victims, gust):
                present[number].ref.tell_nowait("crash")
            told += gust
            await trio.sleep_until(trio.current_time() + _ahead(began, told / per_second))
        while system.started < per_second + 1 + told:  # noqa: ASYNC110 - an event would cost the storm itself
            await trio.sleep(0.001)
        seconds = watch.wall_seconds()
        cpu = watch.cpu_seconds()
        nursery.cancel_scope.cancel()
    return max(lags), seconds, cpu


def _ahead(began: float, planned: float) -> float:
    return max(0.0, began + planned - time.perf_counter())


async def _feel_the_lag(lags: list[float]) -> None:
    """How much later than it wanted a task runs that merely slept."""
    while True:
        due = time.perf_counter() + 0.005
        await trio.sleep(0.005)
        lags.append(time.perf_counter() - due)


if __name__ == "__main__":
    write_logs_nowhere()
    run_bench(measure)
