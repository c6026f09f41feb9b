"""A point on a plot holds what one second brought."""

from collections import Counter

import pytest

from bench.errors import BenchError
from bench.histogram import Histogram
from bench.load.crew import Sample
from bench.measurement import each_us, points, resolved
from bench.timeline import Interval, Total, Use


def test_a_point_has_rates_percentiles_connections_memory_and_cpu() -> None:
    took = Histogram()
    took.record(0.005)
    sample = Sample(Counter(ticked=30), {"ticked": took}, online=4, in_flight=2)
    uses = [Use("worker 0", 1.0, 0.0), Use("worker 1", 0.5, 0.0), Use("load 0", 0.2, 0.0)]
    (point,) = points([Interval(100.0, 2.0, sample, uses, 3 * 2**20)])
    assert point.at == 2.0
    assert point.values == {
        "ticked_per_s": 15.0,
        "ticked_p50_ms": took.percentile_ms(50),
        "ticked_p99_ms": took.percentile_ms(99),
        "online": 4,
        "in_flight": 2,
        "node_mib": 3.0,
        "worker_cpu_percent": 75.0,
        "load_cpu_percent": 10.0,
    }


def test_nothing_that_happened_is_no_point() -> None:
    assert points([]) == []


def test_cpu_of_processes_that_are_not_there_is_unknown_and_not_nothing() -> None:
    used = Total(uses=[Use("worker 0", 1.0, 0.0), Use("worker 1", 1.0, 0.0)])
    assert each_us(used, "worker", 1000) == 2000.0
    assert each_us(used, "parent", 1000) is None
    assert each_us(used, "worker", 0) is None


def test_a_host_is_looked_up_once_and_one_without_an_address_is_said() -> None:
    assert resolved("127.0.0.1") == "127.0.0.1"
    with pytest.raises(BenchError, match="nowhere"):
        resolved("nowhere.invalid")
