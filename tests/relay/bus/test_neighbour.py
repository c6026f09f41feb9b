"""Seeing to the link to a peer: the lower number calls, and again; its end is always noticed."""

import trio
import trio.testing
from trio.testing import MockClock

from relay.bus.neighbour import LONGEST_PAUSE_SECONDS
from relay.bus.session import neighbour_name
from tests.relay.bus.conftest import Pair


async def test_two_workers_have_one_link_between_them(pair: Pair, autojump_clock: MockClock) -> None:
    assert pair.node.bus(0, 1).is_up
    assert pair.node.bus(1, 0).is_up
    assert len([link for link in pair.node.sim.links if link.is_local]) == 2  # its two sides


async def test_a_worker_that_comes_back_is_called_within_a_moment(
    pair: Pair, autojump_clock: MockClock
) -> None:
    pair.node.kill(1)
    await trio.sleep(30)
    assert not pair.node.bus(0, 1).is_up
    await pair.node.start(1)
    await trio.sleep(LONGEST_PAUSE_SECONDS)
    assert pair.node.bus(0, 1).is_up


async def test_a_worker_that_comes_back_calls_by_itself(pair: Pair, autojump_clock: MockClock) -> None:
    await pair.node.restart(0)
    assert pair.node.bus(1, 0).era == 2


async def test_a_link_whose_actor_was_killed_is_noticed_on_both_sides(
    pair: Pair, autojump_clock: MockClock
) -> None:
    for number in (0, 1):
        before = pair.node.bus(number, 1 - number).era
        owner = pair.node.bus(number, 1 - number).owner
        assert owner is not None
        owner.kill()
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(3)
        await pair.node.until_connected()
        assert pair.node.bus(number, 1 - number).era > before


async def test_a_neighbour_that_crashed_goes_on_with_the_link_that_there_is(
    pair: Pair, autojump_clock: MockClock
) -> None:
    worker = pair.node.worker(0)
    neighbour = worker.system.whereis(neighbour_name(1))
    assert neighbour is not None
    neighbour.kill()
    await trio.sleep(1)
    await pair.node.until_connected()
    pair.node.cut_bus(0, 1)
    await trio.sleep(1)
    assert pair.node.bus(0, 1).is_up
