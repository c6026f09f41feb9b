"""Presence between workers: the owner is told who watches, again after each loss, and forgets in time."""

import trio
import trio.testing

from protocol import Available, Presence, Subscribe, Unsubscribe
from tests.relay.bus.conftest import Pair


async def test_a_watcher_elsewhere_is_told_of_changes_until_it_has_seen_enough(pair: Pair) -> None:
    anna, ben = await pair.anna.connect(), await pair.ben.connect()
    anna.say(Subscribe(pair.ben.address.user))
    assert (await anna.expect(Presence)).online == 0
    board = pair.node.worker(1).board
    assert board.watcher_count == 1
    ben.say(Available())
    assert (await anna.expect(Presence)).online == 1
    anna.say(Unsubscribe(pair.ben.address.user))
    await anna.ping()
    await trio.testing.wait_all_tasks_blocked()
    assert board.watcher_count == 0


async def test_watchers_are_told_again_to_a_worker_that_has_forgotten_them(pair: Pair) -> None:
    anna = await pair.anna.connect()
    anna.say(Subscribe(pair.ben.address.user))
    await anna.expect(Presence)
    await pair.node.restart(1)
    assert pair.node.worker(1).board.watcher_count == 1


async def test_watchers_of_a_worker_that_died_are_forgotten_when_it_is_back(pair: Pair) -> None:
    anna = await pair.anna.connect()
    anna.say(Subscribe(pair.ben.address.user))
    await anna.expect(Presence)
    await pair.node.restart(0)
    assert pair.node.worker(1).board.watcher_count == 0
