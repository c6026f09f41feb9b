"""The collector comes rarely, is timed, and is as it was afterwards."""

from __future__ import annotations

import gc

from actors.collector import CALM_THRESHOLDS, calm_collector
from actors.testing import ManualClock


def test_it_is_calm_within_the_block_and_as_before_after_it() -> None:
    before = gc.get_threshold(), list(gc.callbacks)
    with calm_collector():
        assert gc.get_threshold() == CALM_THRESHOLDS
        assert gc.get_freeze_count() > 0
    assert (gc.get_threshold(), list(gc.callbacks)) == before
    assert gc.get_freeze_count() == 0


def test_collections_are_counted_and_timed() -> None:
    clock = ManualClock()

    class Slow:
        def __del__(self) -> None:
            clock.advance(0.5)

    with calm_collector(clock) as watch:
        for _ in range(2):
            loop: list[object] = [Slow()]
            loop.append(loop)
            del loop
            gc.collect()
        statistics = watch.statistics()
    assert statistics.collections == 2
    assert statistics.total_s == 1.0
    assert statistics.longest_s == 0.5
