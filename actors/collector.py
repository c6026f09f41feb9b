"""The garbage collector, kept from stopping the loop: called rarely, and timed.

CPython's collector comes with every 700 new objects, and looks again and again at all the old ones: it took
40 % of the time to start and stop 300,000 actors, and one full collection holds the loop for as long as it
takes to walk the whole heap. The runtime leaves it next to nothing to find (an actor that ends leaves no
cycle), so it may come rarely. It is not switched off: other people's code makes cycles.

Process-wide, and therefore not done by `open_actor_system()`: who owns the process says so.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from actors.ports import system_monotonic

CALM_THRESHOLDS = (50_000, 50, 100)
"""New objects to a young collection, young ones to a middle one, middle ones to a full one. CPython's own are
(700, 10, 10)."""


@dataclass(frozen=True, slots=True)
class CollectorStatistics:
    """How often the collector has run, and how long it has held the loop."""

    collections: int
    total_s: float
    longest_s: float


class CollectorWatch:
    """Counts and times the collections of this process while `calm_collector` is open."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = 0.0
        self._collections = 0
        self._total_s = 0.0
        self._longest_s = 0.0

    def statistics(self) -> CollectorStatistics:
        """What has been counted so far."""
        return CollectorStatistics(self._collections, self._total_s, self._longest_s)

    def _note(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._began = self._clock()
            return
        took = self._clock() - self._began
        self._collections += 1
        self._total_s += took
        self._longest_s = max(self._longest_s, took)


@contextmanager
def calm_collector(clock: Callable[[], float] = system_monotonic) -> Iterator[CollectorWatch]:
    """Let the collector come rarely for the length of a block, and keep count of it.

    What exists at the beginning (modules, classes, code) is frozen: no collection looks at it again. When the
    block is left, all is as it was before.
    """
    before = gc.get_threshold()
    watch = CollectorWatch(clock)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*CALM_THRESHOLDS)
    gc.callbacks.append(watch._note)
    try:
        yield watch
    finally:
        gc.callbacks.remove(watch._note)
        gc.set_threshold(*before)
        gc.unfreeze()
