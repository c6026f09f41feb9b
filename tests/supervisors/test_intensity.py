"""Intensity: checked against a definition that is slower and plainer than the code."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors.errors import ChildSpecError
from supervisors.intensity import Intensity, is_count, is_duration, record_restart


def test_the_default_is_three_restarts_in_five_seconds() -> None:
    assert Intensity() == Intensity(restarts=3, seconds=5.0)


@pytest.mark.parametrize("restarts", [-1, 1.5, "3", None, True])
def test_a_bad_restart_count_is_named(restarts: int) -> None:
    with pytest.raises(ChildSpecError, match=r"intensity must be .* got") as caught:
        Intensity(restarts=restarts)
    assert (caught.value.field, caught.value.value) == ("intensity", restarts)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), "5", None, True])
def test_a_bad_period_is_named(seconds: float) -> None:
    with pytest.raises(ChildSpecError, match=r"period must be .* got") as caught:
        Intensity(seconds=seconds)
    assert caught.value.field == "period"


def test_as_many_restarts_as_granted_are_within_the_limit_and_one_more_is_not() -> None:
    history: deque[float] = deque()
    limit = Intensity(2, 5)
    assert [record_restart(history, now, limit) for now in (0, 1, 2)] == [True, True, False]


def test_with_zero_granted_the_first_restart_is_too_many() -> None:
    assert not record_restart(deque(), 0, Intensity(0, 5))


def test_a_restart_exactly_one_period_old_still_counts_and_an_older_one_does_not() -> None:
    limit = Intensity(1, 5)
    assert not record_restart(deque([10.0]), 15.0, limit)
    assert record_restart(deque([10.0]), 15.001, limit)


@given(
    st.lists(st.integers(0, 50), max_size=40).map(sorted),
    st.integers(0, 6),
    st.integers(1, 20),
)
def test_agrees_with_counting_the_restarts_in_the_window(
    times: list[int], restarts: int, seconds: int
) -> None:
    history: deque[float] = deque()
    limit = Intensity(restarts, seconds)
    for index, now in enumerate(times):
        in_window = sum(1 for earlier in times[: index + 1] if earlier >= now - seconds)
        granted = record_restart(history, now, limit)
        assert granted == (in_window <= restarts)
        if not granted:
            break  # a supervisor gives up here; nothing is recorded after that
        assert len(history) <= restarts


def test_counts_are_whole_and_durations_finite() -> None:
    assert is_count(0)
    assert not is_count(False)
    assert is_duration(0.0)
    assert not is_duration(float("inf"))
    assert not is_duration("1")
