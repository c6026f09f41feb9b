"""The node and the load get cores of their own, where there are any."""

import os

import pytest

from bench.cores import Cores, choose_cores


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})


@pytest.mark.usefixtures("four_cores")
def test_the_node_has_the_first_core_and_the_load_all_others() -> None:
    assert choose_cores(None, None) == Cores(frozenset({0}), frozenset({1, 2, 3}))


@pytest.mark.usefixtures("four_cores")
def test_each_worker_has_a_core_and_the_load_has_one_at_least() -> None:
    assert choose_cores(None, None, workers=2) == Cores(frozenset({0, 1}), frozenset({2, 3}))
    assert choose_cores(None, None, workers=9) == Cores(frozenset({0, 1, 2}), frozenset({3}))
    assert choose_cores(None, frozenset({3}), workers=9) == Cores(frozenset({0, 1, 2}), frozenset({3}))


@pytest.mark.usefixtures("four_cores")
def test_what_one_is_given_the_other_does_not_get() -> None:
    assert choose_cores(frozenset({2, 3}), None) == Cores(frozenset({2, 3}), frozenset({0, 1}))
    assert choose_cores(None, frozenset({0})) == Cores(frozenset({1}), frozenset({0}))


@pytest.mark.usefixtures("four_cores")
def test_any_core_is_any_core() -> None:
    assert choose_cores(frozenset(), frozenset()) == Cores(frozenset(), frozenset())


@pytest.mark.usefixtures("four_cores")
def test_a_core_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[7\]"):
        choose_cores(frozenset({7}), None)


def test_where_there_is_one_core_nobody_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    assert choose_cores(None, None) == Cores(frozenset(), frozenset())
