"""Counters count, and rates are taken over the last samples."""

from relay.metrics import MAX_REASONS, Counters, Rate


def test_every_counter_is_reported_by_name() -> None:
    counters = Counters()
    counters.accepted += 2
    counters.refuse("stale-devices")
    counters.refuse("stale-devices")
    counters.close("eof")
    values = counters.as_dict()
    assert values["accepted"] == 2
    assert values["refused"] == {"stale-devices": 2}
    assert values["connections_closed"] == {"eof": 1}


def test_reasons_that_peers_make_up_do_not_fill_memory() -> None:
    counters = Counters()
    for number in range(2 * MAX_REASONS):
        counters.close(f"peer: code-{number}")
    counters.close("peer: code-1")
    assert len(counters.connections_closed) == MAX_REASONS + 1
    assert counters.connections_closed["other"] == MAX_REASONS
    assert counters.connections_closed["peer: code-1"] == 2


def test_the_report_is_a_copy() -> None:
    counters = Counters()
    report = counters.as_dict()
    counters.refuse("wait")
    assert report["refused"] == {}


def test_a_rate_needs_two_samples() -> None:
    rate = Rate()
    assert rate.per_second() == 0
    rate.sample(1.0, 10)
    assert rate.per_second() == 0


def test_a_rate_forgets_what_is_long_ago() -> None:
    rate = Rate()
    rate.sample(0.0, 0)
    for second in range(1, 12):
        rate.sample(float(second), 1000 + 10 * second)
    assert rate.per_second() == 10.0


def test_samples_at_the_same_moment_make_no_rate() -> None:
    rate = Rate()
    rate.sample(1.0, 1)
    rate.sample(1.0, 5)
    assert rate.per_second() == 0
