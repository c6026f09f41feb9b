"""Back-off: the waits grow, stay under the maximum, and are spread by the lot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors.backoff import Backoff, delay_before_restart, next_attempt
from supervisors.errors import ChildSpecError


def lowest_lot(size: int) -> bytes:
    return bytes(size)


def highest_lot(size: int) -> bytes:
    return b"\xff" * size


def test_waits_double_up_to_the_maximum_when_there_is_no_jitter() -> None:
    backoff = Backoff(lowest_lot, initial=1.0, factor=2.0, maximum=5.0, jitter=0.0)
    assert [delay_before_restart(backoff, attempt) for attempt in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_the_wait_after_thousands_of_crashes_is_the_maximum_and_not_an_overflow() -> None:
    assert delay_before_restart(Backoff(lowest_lot, jitter=0.0), 100_000) == 30.0


def test_jitter_takes_its_share_off_and_never_more() -> None:
    backoff = Backoff(highest_lot, initial=1.0, jitter=0.25)
    assert delay_before_restart(backoff, 0) == pytest.approx(0.75)


@given(st.binary(min_size=8, max_size=8), st.integers(0, 2000), st.floats(0, 1))
def test_a_wait_lies_between_the_jittered_floor_and_the_maximum(
    lot: bytes, attempt: int, jitter: float
) -> None:
    backoff = Backoff(lambda _size: lot, initial=0.5, factor=3.0, maximum=60.0, jitter=jitter)
    assert 0.5 * (1 - jitter) * 0.999 <= delay_before_restart(backoff, attempt) <= 60.0


def test_a_long_life_lets_earlier_crashes_be_forgotten() -> None:
    backoff = Backoff(lowest_lot, maximum=30.0)
    assert next_attempt(backoff, attempt=7, lived=29.9) == 7
    assert next_attempt(backoff, attempt=7, lived=30.0) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("initial", -1.0),
        ("initial", "soon"),
        ("factor", 0.5),
        ("maximum", 0.01),
        ("maximum", float("inf")),
        ("jitter", 1.5),
        ("jitter", -0.1),
    ],
)
def test_a_bad_setting_is_named_with_its_value(field: str, value: float) -> None:
    with pytest.raises(ChildSpecError, match=f"backoff.{field} must be .* got"):
        Backoff(lowest_lot, **{field: value})
