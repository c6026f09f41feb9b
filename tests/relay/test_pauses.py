"""Collections of garbage are counted while somebody watches."""

import gc
from itertools import count

from relay.pauses import GENERATIONS, GarbagePauses


def test_a_full_collection_is_counted_with_its_time() -> None:
    pauses = GarbagePauses()
    # Every look at the clock is a second later.
    seconds = count()
    with pauses.watching(lambda: float(next(seconds))):
        gc.collect()
    last = GENERATIONS - 1
    assert (pauses.collections[last], pauses.seconds[last], pauses.longest[last]) == (1, 1.0, 1.0)


def test_the_longest_pause_is_remembered() -> None:
    pauses = GarbagePauses()
    moments = iter([0.0, 5.0, 10.0, 11.0])
    with pauses.watching(lambda: next(moments)):
        gc.collect()
        gc.collect()
    assert pauses.longest[-1] == 5.0
    assert pauses.seconds[-1] == 6.0


def test_nothing_is_left_behind_when_the_watch_is_over() -> None:
    before = list(gc.callbacks)
    with GarbagePauses().watching(lambda: 0.0):
        assert len(gc.callbacks) == len(before) + 1
    assert gc.callbacks == before
