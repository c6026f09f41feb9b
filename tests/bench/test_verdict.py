"""A run whose load was the limit is worth nothing; a busy machine is said and forgiven."""

from collections import Counter

from bench.histogram import Histogram
from bench.timeline import Total, Use
from bench.verdict import both, judge_closed_loop, judge_open_loop, judge_phase


def _total(worker: float, load: float, waited: float = 0.0) -> Total:
    """One second in which these shares of a core were used."""
    return Total(seconds=1.0, uses=[Use("worker 0", worker, waited), Use("load 0", load, 0.0)])


def _at_rate(ticked: int, p99_ms: float, lag_ms: float) -> Total:
    took, lag = Histogram(), Histogram()
    took.record(p99_ms / 1000)
    lag.record(lag_ms / 1000)
    total = _total(0.5, 0.5)
    total.counts, total.times = Counter(ticked=ticked), {"ticked": took, "lag": lag}
    return total


def test_a_saturated_node_is_what_was_to_be_measured() -> None:
    verdict = judge_closed_loop(_total(worker=1.0, load=0.4))
    assert (verdict.is_valid, verdict.limit) == (True, "node")


def test_a_saturated_load_before_an_idle_node_is_no_measurement() -> None:
    verdict = judge_closed_loop(_total(worker=0.6, load=1.0))
    assert (verdict.is_valid, verdict.limit) == (False, "load")
    assert "not the figures of the node" in verdict.sentences[0]


def test_a_node_that_wanted_a_core_and_did_not_get_it_was_saturated() -> None:
    verdict = judge_closed_loop(_total(worker=0.6, load=0.95, waited=0.4))
    assert (verdict.is_valid, verdict.limit) == (True, "node")
    assert any("the machine was busy" in sentence for sentence in verdict.sentences)


def test_where_nobody_is_busy_the_limit_is_elsewhere() -> None:
    assert judge_closed_loop(_total(worker=0.3, load=0.2)).limit == "unknown"


def test_a_peer_is_called_by_its_name() -> None:
    busy = judge_closed_loop(_total(worker=1.0, load=0.4, waited=0.2), "ejabberd")
    assert busy.sentences == (
        "ejabberd had no time left: its busiest process 120%",
        "the machine was busy while ejabberd was measured: for a core, ejabberd waited 20% of the time",
    )
    for verdict in (
        judge_closed_loop(_total(0.6, 1.0), "ejabberd"),
        judge_closed_loop(_total(0.3, 0.2), "ejabberd"),
        judge_open_loop(_at_rate(ticked=500, p99_ms=900, lag_ms=1), 1000, "ejabberd"),
        judge_open_loop(_at_rate(ticked=1000, p99_ms=20, lag_ms=15), 1000, "ejabberd"),
        judge_phase(_total(1.0, 0.2), "writing", "ejabberd"),
    ):
        assert all("ejabberd" in sentence and "node" not in sentence for sentence in verdict.sentences)


def test_of_a_node_elsewhere_only_the_load_is_judged() -> None:
    def seen(load: float) -> Total:
        return Total(seconds=1.0, uses=[Use("load 0", load, 0.0)])

    assert judge_closed_loop(seen(0.5)).limit == "unknown"
    assert not judge_closed_loop(seen(0.95)).is_valid


def test_a_rate_that_came_through_is_sustained() -> None:
    verdict = judge_open_loop(_at_rate(ticked=1000, p99_ms=20, lag_ms=1), rate=1000)
    assert (verdict.is_valid, verdict.limit) == (True, "rate")


def test_a_node_that_falls_behind_is_measured_and_named() -> None:
    verdict = judge_open_loop(_at_rate(ticked=500, p99_ms=900, lag_ms=1), rate=1000)
    assert (verdict.is_valid, verdict.limit) == (True, "node")


def test_latency_that_is_the_loads_own_lateness_is_no_measurement() -> None:
    assert not judge_open_loop(_at_rate(ticked=1000, p99_ms=20, lag_ms=15), rate=1000).is_valid


def test_latency_that_was_waiting_to_be_read_by_the_load_is_no_measurement() -> None:
    total = _at_rate(ticked=1000, p99_ms=1000, lag_ms=1)
    total.uses = [Use("worker 0", 0.5, 0.0), Use("load 0", 0.1, 0.85)]
    assert judge_open_loop(total, rate=1000).limit == "load"


def test_one_phase_that_the_load_limited_spoils_the_run() -> None:
    good = judge_phase(_total(1.0, 0.2), "writing")
    bad = judge_phase(_total(0.2, 1.0), "fetching")
    assert both(good).is_valid
    assert both(good, bad).limit == "load"
    assert [sentence.split(":")[0] for sentence in both(good, bad).sentences] == ["writing", "fetching"]
