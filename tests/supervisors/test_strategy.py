"""Strategies: every kind of child times every kind of end, and every group."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import KILLED, NORMAL, SHUTDOWN, Actor, ExitReason, crash, shutdown
from supervisors.child_spec import ChildSpec, Restart
from supervisors.errors import ChildSpecError
from supervisors.strategy import (
    AutoShutdown,
    Strategy,
    Verdict,
    check_significance,
    ends_supervisor,
    restart_group,
    verdict,
)

ABNORMAL = [crash(ValueError("boom")), KILLED]
ORDERLY = [NORMAL, SHUTDOWN, shutdown("moved elsewhere")]


@pytest.mark.parametrize("reason", ABNORMAL + ORDERLY, ids=str)
def test_a_permanent_child_is_restarted_whatever_ended_it(reason: ExitReason) -> None:
    assert verdict(Restart.PERMANENT, reason) is Verdict.RESTART


@pytest.mark.parametrize("reason", ABNORMAL, ids=str)
def test_a_transient_child_is_restarted_after_an_abnormal_end(reason: ExitReason) -> None:
    assert verdict(Restart.TRANSIENT, reason) is Verdict.RESTART


@pytest.mark.parametrize("reason", ORDERLY, ids=str)
def test_a_transient_child_is_kept_but_not_restarted_after_an_orderly_end(reason: ExitReason) -> None:
    assert verdict(Restart.TRANSIENT, reason) is Verdict.KEEP


@pytest.mark.parametrize("reason", ABNORMAL + ORDERLY, ids=str)
def test_a_temporary_child_is_never_restarted_and_forgotten(reason: ExitReason) -> None:
    assert verdict(Restart.TEMPORARY, reason) is Verdict.FORGET


IDS = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("strategy", "failed", "group"),
    [
        (Strategy.ONE_FOR_ONE, "b", ("b",)),
        (Strategy.ONE_FOR_ALL, "b", ("a", "b", "c", "d")),
        (Strategy.REST_FOR_ONE, "a", ("a", "b", "c", "d")),
        (Strategy.REST_FOR_ONE, "b", ("b", "c", "d")),
        (Strategy.REST_FOR_ONE, "d", ("d",)),
    ],
)
def test_the_group_that_shares_the_fate(strategy: Strategy, failed: str, group: tuple[str, ...]) -> None:
    assert restart_group(strategy, IDS, failed).ids == group


@given(st.sampled_from(Strategy), st.lists(st.text(min_size=1), min_size=1, unique=True), st.data())
def test_a_group_holds_the_failed_child_and_keeps_the_start_order(
    strategy: Strategy, ids: list[str], data: st.DataObject
) -> None:
    failed = data.draw(st.sampled_from(ids))
    group = restart_group(strategy, ids, failed).ids
    assert failed in group
    assert list(group) == [child for child in ids if child in group]
    earlier = ids[: ids.index(failed)]
    if strategy is not Strategy.ONE_FOR_ALL:
        assert not any(child in group for child in earlier)


class NeverLookedAt(list[str]):
    def __iter__(self) -> None:  # type: ignore[override]  # any look at it is the failure
        raise AssertionError("one_for_one looked at the siblings")


def test_one_for_one_does_not_look_at_the_siblings() -> None:
    assert restart_group(Strategy.ONE_FOR_ONE, NeverLookedAt(), "b").ids == ("b",)


@pytest.mark.parametrize(
    ("auto", "significant", "left", "ends"),
    [
        (AutoShutdown.NEVER, True, 0, False),
        (AutoShutdown.ANY_SIGNIFICANT, True, 5, True),
        (AutoShutdown.ANY_SIGNIFICANT, True, 0, True),
        (AutoShutdown.ALL_SIGNIFICANT, True, 1, False),
        (AutoShutdown.ALL_SIGNIFICANT, True, 0, True),
    ],
)
def test_when_a_significant_child_ends_its_supervisor(
    auto: AutoShutdown, significant: bool, left: int, ends: bool
) -> None:
    assert ends_supervisor(auto, significant, left) is ends


def test_a_child_that_is_not_significant_never_ends_its_supervisor() -> None:
    for auto, left in itertools.product(AutoShutdown, range(3)):
        assert not ends_supervisor(auto, False, left)


class Idle(Actor):
    def handle(self, message: object) -> None: ...


def test_a_significant_child_is_refused_where_nothing_shuts_down_by_itself() -> None:
    spec = ChildSpec("a", Idle, restart=Restart.TRANSIENT, significant=True)
    with pytest.raises(ChildSpecError, match="significant must be False for child 'a'"):
        check_significance(AutoShutdown.NEVER, spec)
    check_significance(AutoShutdown.ANY_SIGNIFICANT, spec)
