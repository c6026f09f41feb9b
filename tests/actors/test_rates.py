"""Decayed rates."""

from __future__ import annotations

import pytest

from actors.rates import Rates


def test_a_steady_rate_is_read_as_it_is_over_all_windows() -> None:
    rates = Rates(0.0)
    for second in range(1000):
        for part in range(10):
            rates.note(5, second + part / 10)
    now = rates.read(1000.0)
    assert now.over_1_s == pytest.approx(50, rel=0.25)
    assert now.over_10_s == pytest.approx(50, rel=0.05)
    assert now.over_100_s == pytest.approx(50, rel=0.05)


def test_what_is_past_fades_the_faster_the_shorter_the_window() -> None:
    rates = Rates(0.0)
    rates.note(100, 0.0)
    now = rates.read(5.0)
    later = rates.read(10.0)
    assert later.over_1_s < 0.01 * now.over_1_s
    assert 0.5 * now.over_10_s < later.over_10_s < 0.7 * now.over_10_s
    assert later.over_100_s > 0.9 * now.over_100_s


def test_reading_twice_at_the_same_moment_changes_nothing() -> None:
    rates = Rates(0.0)
    rates.note(3, 0.1)
    assert rates.read(1.0) == rates.read(1.0)


def test_a_clock_that_goes_back_does_no_harm() -> None:
    rates = Rates(10.0)
    rates.note(1, 5.0)
    assert rates.read(5.0).over_1_s == 1.0
