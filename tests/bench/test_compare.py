"""A change is called one only if repetitions prove it, and only if it is large enough to matter."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.compare import Change, Comparison, as_table, chance_of_separation, compare
from bench.document import Document

few = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=4)


def _run(**figures: list[float]) -> Document:
    count = len(next(iter(figures.values())))
    repetitions = [{key: values[place] for key, values in figures.items()} for place in range(count)]
    medians: dict[str, Any] = {key: values[0] for key, values in figures.items()}
    return {"scenario": "pairs", "parameters": {}, "repetitions": repetitions, **medians}


def _only(before: list[float], after: list[float], key: str = "ticked_per_s") -> Comparison:
    (found,) = compare(_run(**{key: before}), _run(**{key: after}))
    return found


@given(few, few)
def test_the_chance_is_that_of_dealing_the_values_at_random(before: list[float], after: list[float]) -> None:
    def distance(first: tuple[int, ...]) -> float:
        rest = [place for place in range(len(pool)) if place not in first]
        wins = sum((pool[a] > pool[b]) + (pool[a] == pool[b]) / 2 for a in first for b in rest)
        return abs(wins - len(before) * len(after) / 2)

    pool = [*before, *after]
    deals = [distance(first) for first in itertools.combinations(range(len(pool)), len(before))]
    observed = distance(tuple(range(len(before))))
    expected = sum(each >= observed - 1e-9 for each in deals) / len(deals)
    assert chance_of_separation(before, after) == pytest.approx(expected)


def test_the_published_critical_value_of_five_against_five_is_met() -> None:
    # Mann-Whitney's U of 2 is the largest that is significant at 5 % for 5 and 5.
    assert chance_of_separation([1, 2, 3, 4, 7], [5, 6, 8, 9, 10]) <= 0.05
    assert chance_of_separation([1, 2, 3, 5, 7], [4, 6, 8, 9, 10]) > 0.05


def test_higher_throughput_is_better_and_higher_cost_is_worse() -> None:
    low, high = [100.0, 101.0, 102.0, 103.0], [120.0, 121.0, 122.0, 123.0]
    assert _only(low, high).change is Change.BETTER
    assert _only(low, high, "worker_cpu_us_per_message").change is Change.WORSE
    assert _only(low, high, "messages").change is Change.DIFFERENT
    assert _only(low, high).relative == pytest.approx(0.197, abs=0.001)


def test_what_is_within_the_noise_or_too_small_to_matter_is_the_same() -> None:
    assert _only([100.0, 140.0, 90.0, 130.0], [110.0, 150.0, 95.0, 135.0]).change is Change.SAME
    assert _only([100.0, 100.1, 100.2, 100.3], [101.0, 101.1, 101.2, 101.3]).change is Change.SAME


def test_three_repetitions_prove_nothing() -> None:
    assert _only([1.0, 2.0, 3.0], [100.0, 101.0, 102.0]).change is Change.UNKNOWN


def test_runs_of_different_work_are_not_compared() -> None:
    with pytest.raises(ValueError, match="different scenarios"):
        compare(_run(ticked_per_s=[1.0]), _run(ticked_per_s=[1.0]) | {"scenario": "idle"})
    with pytest.raises(ValueError, match="parameters"):
        compare(_run(ticked_per_s=[1.0]), _run(ticked_per_s=[1.0]) | {"parameters": {"pairs": 1}})


def test_figures_that_one_run_does_not_have_are_left_out() -> None:
    assert compare(_run(ticked_per_s=[1.0]), _run(logins_per_s=[1.0])) == []


def test_the_table_has_a_line_a_figure() -> None:
    table = as_table([_only([100.0, 101.0, 102.0, 103.0], [80.0, 81.0, 82.0, 83.0])])
    assert "ticked_per_s" in table
    assert "-19." in table
    assert "WORSE" in table


def test_a_peer_is_compared_with_itself_as_a_control_of_the_machine() -> None:
    ours = _run(ticked_per_s=[100.0, 101.0, 102.0, 103.0])
    before = ours | {"peers": {"one": _run(p99_ms=[1.0, 1.1, 1.2, 1.3]), "two": {"skipped": "absent"}}}
    after = ours | {"peers": {"one": _run(p99_ms=[2.0, 2.1, 2.2, 2.3]), "two": {"skipped": "absent"}}}
    same, changed = compare(before, after)
    assert same.change is Change.SAME
    assert (changed.key, changed.change) == ("peers.one.p99_ms", Change.WORSE)
    assert compare(before, ours)[1:] == []
