"""What happened second by second: the load's counts beside what every process used in the same time.

A `Watch` cuts a fleet's counting and reads the operating system's at the same moment. Sums over intervals
give a run's figures, and the intervals themselves its plots and its progress.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.accounting import CpuTime
from bench.errors import BenchError
from bench.histogram import Histogram
from bench.load.crew import Sample
from bench.load.fleet import Fleet
from bench.node import Node, Process

INTERVAL_SECONDS = 1.0

# How often a phase that ends by itself is looked at: its rate is too low by what it was not seen to end.
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Use:
    """What one process used in one interval, or in several together."""

    name: str
    cpu_seconds: float
    waited_seconds: float


@dataclass(slots=True)
class Interval:
    """One cut."""

    began: float
    seconds: float
    sample: Sample
    uses: list[Use]
    node_bytes: int
    """Resident memory of the node's workers at its end."""

    def per_second(self, what: str) -> float:
        """How many of something a second."""
        return self.sample.counts[what] / self.seconds


@dataclass(slots=True)
class Total:
    """Several intervals together."""

    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    times: dict[str, Histogram] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)

    def per_second(self, what: str) -> float:
        """How many of something a second."""
        return self.counts[what] / self.seconds if self.seconds else 0.0

    def time(self, what: str) -> Histogram:
        """How long something took; empty if it never happened."""
        return self.times.get(what, Histogram())

    def cpu_seconds(self, name: str) -> float:
        """What processes whose name begins so have used together."""
        return sum(use.cpu_seconds for use in self.uses if use.name.startswith(name))

    def busiest(self, name: str) -> float:
        """The share of a core that the busiest process of that name has used."""
        return max((use.cpu_seconds for use in self.uses if use.name.startswith(name)), default=0.0) / (
            self.seconds or 1.0
        )

    def most_kept_waiting(self, name: str) -> float:
        """The share of the time for which the unluckiest process of that name had no core."""
        return max((use.waited_seconds for use in self.uses if use.name.startswith(name)), default=0.0) / (
            self.seconds or 1.0
        )


def total(intervals: Sequence[Interval]) -> Total:
    """Sum intervals up."""
    result = Total()
    used: dict[str, CpuTime] = {}
    for interval in intervals:
        result.seconds += interval.seconds
        result.counts += interval.sample.counts
        for name, histogram in interval.sample.times.items():
            result.times.setdefault(name, Histogram()).add(histogram)
        for use in interval.uses:
            before = used.get(use.name, CpuTime(0.0, 0.0))
            used[use.name] = CpuTime(before.used + use.cpu_seconds, before.waited + use.waited_seconds)
    result.uses = [Use(name, cpu.used, cpu.waited) for name, cpu in used.items()]
    return result


class Watch:
    """Cuts a fleet and reads the accounts of every process, always both.

    Args:
        fleet: the load.
        node: what it is put on.
        say: told each interval, for progress.
    """

    def __init__(self, fleet: Fleet, node: Node, say: Callable[[Interval], None] = lambda _: None) -> None:
        self._fleet = fleet
        self._node = node
        self._say = say
        load = [Process(f"load {number}", pid) for number, pid in enumerate(fleet.pids)]
        self._processes = [*node.processes, *load]
        self.intervals: list[Interval] = []
        self.began = self._at = time.perf_counter()
        self._cpu = self._read()

    def cut(self) -> Interval:
        """End an interval and begin the next.

        Raises:
            LoadError: a device met what it should not have met.
        """
        sample = self._fleet.cut()
        cpu, at = self._read(), time.perf_counter()
        interval = Interval(
            began=self._at,
            seconds=at - self._at,
            sample=sample,
            uses=[_use(name, cpu[name], self._cpu.get(name)) for name in cpu],
            node_bytes=self._node.resident_bytes(),
        )
        self._at, self._cpu = at, cpu
        self.intervals.append(interval)
        self._say(interval)
        return interval

    def during(self, seconds: float) -> list[Interval]:
        """Cut every second for so long.

        Raises:
            LoadError: as `cut`.
        """
        end, intervals = self._at + seconds, []
        while (left := end - time.perf_counter()) > 0:
            time.sleep(min(INTERVAL_SECONDS, left))
            intervals.append(self.cut())
        return intervals

    def until_counted(self, what: str, count: int, seconds: float) -> list[Interval]:
        """Cut until so many of something were counted.

        Raises:
            LoadError: as `cut`.
            BenchError: they were not after so many seconds.
        """
        counted = 0

        def is_done(interval: Interval) -> bool:
            nonlocal counted
            counted += interval.sample.counts[what]
            return counted >= count

        intervals = self.until(is_done, seconds)
        if counted < count:
            raise BenchError(f"{counted} of {count} {what} after {seconds:.0f} s")
        return intervals

    def until(
        self, condition: Callable[[Interval], bool], seconds: float, look: float = LOOK_SECONDS
    ) -> list[Interval]:
        """Cut until a cut meets the condition, for at most so long; every `look` seconds.

        Raises:
            LoadError: as `cut`.
        """
        end, intervals = self._at + seconds, []
        while True:
            intervals.append(self.cut())
            if condition(intervals[-1]) or time.perf_counter() > end:
                return intervals
            time.sleep(look)

    def _read(self) -> dict[str, CpuTime]:
        return {process.name: process.cpu_time() for process in self._processes}


def _use(name: str, now: CpuTime, before: CpuTime | None) -> Use:
    spent = now - before if before is not None else now
    return Use(name, spent.used, spent.waited)
