"""The staircase finds the knee, and people who were away come, fetch and leave."""

from collections import Counter

import pytest

from bench.catalogue import CATALOGUE
from bench.errors import BenchError
from bench.histogram import Histogram
from bench.measurement import Stage
from bench.node import running_node
from bench.progress import Progress
from bench.scenarios import mixed
from bench.scenarios.mixed import (
    GROUP_MEMBERS,
    HELD,
    RECIPIENTS_A_MESSAGE,
    Plan,
    Stair,
    Way,
    find_knee,
    way_of,
)
from bench.timeline import Total
from bench.verdict import Verdict

FINE = Verdict(True, "rate", ())


def _stair(rate: float, p99_ms: float, came: float = 1.0) -> Stair:
    took = Histogram()
    took.record(p99_ms / 1000)
    total = Total(1.0, Counter(ticked=int(rate / 2 * came)), {"ticked": took})
    return Stair(rate, total, FINE, bound=100.0)


def _node_that_holds(capacity: float) -> tuple[list[float], mixed.Climb]:
    """What was tried, and a node whose latency leaves its bound above `capacity`."""
    tried: list[float] = []

    def climb(rate: float) -> Stair:
        tried.append(rate)
        return _stair(rate, p99_ms=10.0 if rate <= capacity else 500.0)

    return tried, climb


def test_the_knee_is_between_the_highest_step_held_and_the_lowest_that_was_not() -> None:
    tried, climb = _node_that_holds(1_000)
    knee, broken = find_knee(climb, 200)
    assert knee.rate <= 1_000 < broken.rate
    assert broken.rate / knee.rate < 1.3
    assert tried == sorted(tried[:-1]) + tried[-1:]


def test_a_node_that_holds_nothing_or_everything_has_no_knee() -> None:
    with pytest.raises(BenchError, match="begin lower"):
        find_knee(_node_that_holds(10)[1], 200)
    with pytest.raises(BenchError, match="begin higher"):
        find_knee(_node_that_holds(1e12)[1], 200)


def test_a_step_is_held_only_if_everything_came_and_came_in_time() -> None:
    assert _stair(1_000, p99_ms=99).is_held
    assert not _stair(1_000, p99_ms=101).is_held
    assert not _stair(1_000, p99_ms=99, came=HELD - 0.01).is_held
    assert not Stair(1_000, Total(seconds=1.0), FINE, 100.0).is_held


def test_half_of_all_go_to_people_who_are_away_and_a_message_to_as_many_as_published() -> None:
    ways = Counter(way_of(number) for number in range(10_000))
    recipients = ways[Way.AWAY] + ways[Way.PARTNER] + (GROUP_MEMBERS - 1) * ways[Way.GROUP]
    assert ways[Way.AWAY] == 5_000
    assert recipients / 10_000 == pytest.approx(RECIPIENTS_A_MESSAGE, abs=0.01)


def test_each_second_has_the_same_mixture() -> None:
    mixtures = [
        Counter(way_of(number) for number in range(first, first + 100)) for first in range(0, 2_000, 100)
    ]
    for way in Way:
        assert max(mixture[way] for mixture in mixtures) - min(mixture[way] for mixture in mixtures) <= 2


@pytest.mark.slow
def test_friends_talk_and_people_who_were_away_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed, "CALM_SECONDS", 0.1)
    steps = iter([True, False, False])
    monkeypatch.setattr(Stair, "is_held", property(lambda stair: next(steps, False)))
    plan = Plan(pairs=5, away=2, first=100, duration=1.5, warmup=0.2)
    with running_node(mixed.accounts(plan)) as node:
        measured = mixed.measure(Stage(node, frozenset(), 1, Progress(quiet=True)), plan)
    assert measured.figures["knee_per_s"] == 100
    assert (measured.figures["p99_ms"] or 0) > 0
    assert (measured.figures["logins_per_s"] or 0) > 0
    assert measured.figures.keys() <= CATALOGUE.keys()
    for what in ("fetched_per_s", "delivered_in_groups_per_s", "presences_per_s"):
        assert sum(point.values.get(what) or 0 for point in measured.points) > 0
