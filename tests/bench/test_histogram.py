"""A histogram forgets the order of what it counted, and hardly anything of its size."""

import math

from hypothesis import given
from hypothesis import strategies as st

from bench.histogram import Histogram, merged


@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=50), st.sampled_from([1, 50, 99, 99.9, 100]))
def test_a_percentile_is_at_most_a_thousandth_too_high_and_never_too_low(
    microseconds: list[int], percent: float
) -> None:
    histogram = Histogram()
    for value in microseconds:
        histogram.record((value + 0.5) / 1e6)
    exact = sorted(microseconds)[math.ceil(len(microseconds) * percent / 100) - 1]
    found = histogram.percentile_ms(percent)
    assert found is not None
    assert exact / 1000 <= found <= exact * 1.001 / 1000 + 0.001


def test_short_durations_are_kept_to_the_microsecond() -> None:
    histogram = Histogram()
    histogram.record(0.000_042_3)
    assert histogram.max_ms == 0.042


def test_an_empty_histogram_has_no_percentiles() -> None:
    assert Histogram().percentile_ms(99) is None
    assert len(Histogram()) == 0


def test_histograms_add_up_to_the_histogram_of_everything() -> None:
    parts, whole = [Histogram(), Histogram()], Histogram()
    for number in range(100):
        parts[number % 2].record(number / 10)
        whole.record(number / 10)
    assert merged(parts).as_pairs() == whole.as_pairs()
    assert Histogram(dict(whole.as_pairs())).percentile_ms(50) == whole.percentile_ms(50)


def test_the_curve_rises_to_all_of_them() -> None:
    histogram = Histogram()
    for milliseconds in (1, 2, 3, 4):
        histogram.record(milliseconds / 1000)
    assert [round(percent) for percent, _ in histogram.curve()] == [25, 50, 75, 100]
