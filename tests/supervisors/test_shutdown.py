"""Ending children: asked, waited for, killed when their time is up."""

from __future__ import annotations

import math

import pytest
import trio
from trio.testing import MockClock

from actors import KILLED, NOPROC, NORMAL, SHUTDOWN, ActorRef, ActorSystem, ExitReason, crash, shutdown
from supervisors import Supervisor
from supervisors.shutdown import end_child, end_children, was_orderly
from tests.supervisors.cast import NeverStopper, Player, SlowStopper, Stage


@pytest.fixture
async def boss(system: ActorSystem) -> ActorRef:
    return await system.start(lambda: Supervisor([]))


@pytest.mark.parametrize(
    ("kind", "grace", "reason", "seconds"),
    [
        (Player, 5.0, SHUTDOWN, 0),
        (SlowStopper, 5.0, SHUTDOWN, 3),
        (SlowStopper, 1.0, KILLED, 1),
        (NeverStopper, 7.0, KILLED, 7),
        (NeverStopper, 0.0, KILLED, 0),
        (SlowStopper, math.inf, SHUTDOWN, 3),
    ],
)
async def test_how_a_child_ends_and_how_long_that_takes(
    autojump_clock: MockClock,
    system: ActorSystem,
    boss: ActorRef,
    kind: type[Player],
    grace: float,
    reason: ExitReason,
    seconds: float,
) -> None:
    child = await system.start(lambda: kind("a", Stage()), link_to=boss)
    began = trio.current_time()
    assert await end_child(boss, child, grace) == reason
    assert trio.current_time() - began == pytest.approx(seconds)


async def test_ending_a_child_that_is_dead_tells_what_it_died_of(
    autojump_clock: MockClock, system: ActorSystem, boss: ActorRef
) -> None:
    child = await system.start(lambda: Player("a", Stage()))
    await child.stop(shutdown("had enough"))
    assert await end_child(boss, child, 5.0) == shutdown("had enough")


async def test_many_children_end_at_once_each_within_its_own_time(
    autojump_clock: MockClock, system: ActorSystem, boss: ActorRef
) -> None:
    kinds = [(NeverStopper, 2.0), (SlowStopper, 5.0), (Player, 0.0), (NeverStopper, 4.0), (SlowStopper, 5.0)]
    children = [
        (await system.start(lambda kind=kind: kind("a", Stage()), link_to=boss), grace)  # type: ignore[misc]
        for kind, grace in kinds
    ]
    began = trio.current_time()
    ends = dict(await end_children(boss, children))
    assert trio.current_time() - began == pytest.approx(4)
    assert [ends[ref] for ref, _grace in children] == [KILLED, SHUTDOWN, KILLED, KILLED, SHUTDOWN]


async def test_ending_nobody_is_over_at_once(autojump_clock: MockClock, boss: ActorRef) -> None:
    assert await end_children(boss, []) == []


@pytest.mark.parametrize(
    ("reason", "grace", "orderly"),
    [
        (NORMAL, 5.0, True),
        (SHUTDOWN, 5.0, True),
        (shutdown("term"), 5.0, True),
        (KILLED, 0.0, True),
        (KILLED, 5.0, False),
        (crash(ValueError()), 5.0, False),
        (crash(ValueError()), 0.0, False),
        (NOPROC, 5.0, False),
    ],
    ids=str,
)
def test_which_ends_are_orderly(reason: ExitReason, grace: float, orderly: bool) -> None:
    assert was_orderly(reason, grace) is orderly
