"""Intervals add up, and the busiest process of a kind is found among several."""

import os
from collections import Counter

import pytest

from bench.accounting import cpu_time
from bench.errors import BenchError
from bench.histogram import Histogram
from bench.load.crew import Assignment, Crew, Sample
from bench.load.fleet import Fleet
from bench.node import Node, Process
from bench.timeline import Interval, Total, Use, Watch, total


def _interval(seconds: float, ticked: int, uses: list[Use]) -> Interval:
    took = Histogram()
    took.record(seconds / 100)
    return Interval(0.0, seconds, Sample(Counter(ticked=ticked), {"ticked": took}), uses, 0)


def test_rates_and_shares_are_those_of_all_intervals_together() -> None:
    both = total(
        [
            _interval(
                1.0, 100, [Use("worker 0", 0.5, 0.0), Use("worker 1", 0.1, 0.3), Use("load 0", 0.2, 0.0)]
            ),
            _interval(
                3.0, 700, [Use("worker 0", 0.5, 0.4), Use("worker 1", 2.9, 0.1), Use("load 0", 0.2, 0.0)]
            ),
        ]
    )
    assert both.per_second("ticked") == 200
    assert both.cpu_seconds("worker") == pytest.approx(4.0)
    assert both.busiest("worker") == pytest.approx(0.75)
    assert both.most_kept_waiting("worker") == pytest.approx(0.1)
    assert len(both.time("ticked")) == 2
    assert both.busiest("parent") == 0


def test_nothing_at_all_adds_up_to_nothing() -> None:
    assert total([]).per_second("ticked") == 0
    assert len(Total().time("ticked")) == 0


class Ticking(Crew):
    """Counts one tick whenever it is asked."""

    def cut(self) -> Sample:
        self.counts["ticked"] += 1
        return super().cut()


def test_a_watch_reads_the_load_and_every_process_at_the_same_moments() -> None:
    node = Node("127.0.0.1", 1, b"", [], [Process("worker 0", os.getpid())])
    said: list[Interval] = []
    with Fleet(Ticking, [Assignment(0, 1, ("", 1), b"", [], 0, None)], frozenset()) as fleet:
        watch = Watch(fleet, node, said.append)
        intervals = watch.until_counted("ticked", 2, 10.0)
        with pytest.raises(BenchError, match="1 of 9 ticked"):
            watch.until_counted("ticked", 9, 0.0)
        assert watch.during(0.01)
    assert [interval.sample.counts["ticked"] for interval in intervals] == [1, 1]
    assert [use.name for use in intervals[0].uses] == ["worker 0", "load 0"]
    assert said == watch.intervals
    assert cpu_time(os.getpid()).used >= sum(interval.uses[0].cpu_seconds for interval in watch.intervals)
    assert all(interval.node_bytes > 0 for interval in intervals)
