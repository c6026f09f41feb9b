"""What comes for users of this worker: in order, bounded, and never in anybody's way."""

from typing import Any

import trio
import trio.testing

from protocol import Deliver, MessageNumber
from relay.bus import Peer
from relay.bus import messages as m
from relay.bus.arrivals import LINE_LIMIT
from relay.mailbox_handle import name_of
from tests.helpers.several_workers import WAIT_SECONDS
from tests.relay.bus.conftest import Pair


def submit(pair: Pair, number: int) -> m.Submit:
    numbered = [(MessageNumber(number), b"%d" % number)]
    return m.Submit(pair.anna.address, 1, pair.ben.address.user, numbered)


def hear(pair: Pair, message: Any) -> None:
    """As if worker 0 had said it to worker 1."""
    pair.node.worker(1).bus.hear(pair.node.bus(1, 0), message)


async def test_messages_for_a_mailbox_that_is_not_in_memory_stand_in_line_and_go_in_in_order(
    pair: Pair,
) -> None:
    arrivals = pair.node.worker(1).arrivals
    for number in (1, 2, 3):
        hear(pair, submit(pair, number))
    assert arrivals.waiting == 3
    await trio.testing.wait_all_tasks_blocked()
    assert (arrivals.waiting, arrivals.lines) == (0, {})
    ben = await pair.ben.connect()
    assert [delivery.ciphertext for delivery in await ben.expect_deliveries(3)] == [b"1", b"2", b"3"]


async def test_a_mailbox_that_is_there_needs_no_line(pair: Pair) -> None:
    ben = await pair.ben.connect()
    hear(pair, submit(pair, 1))
    assert pair.node.worker(1).arrivals.lines == {}
    assert (await ben.expect(Deliver)).number == 1


async def test_whoever_comes_while_there_is_a_line_joins_it(pair: Pair) -> None:
    await pair.ben.connect()
    user = pair.ben.address.user
    mailbox = pair.node.worker(1).system.whereis(name_of(user))
    assert mailbox is not None
    room = mailbox.statistics()
    assert room is not None
    for number in range(1, room.limit + 2):
        hear(pair, submit(pair, number))
    arrivals = pair.node.worker(1).arrivals
    assert arrivals.waiting == 1
    hear(pair, submit(pair, room.limit + 2))
    assert arrivals.waiting == 2
    hear(pair, m.Activity(pair.anna.address, user, 1))  # a hint: it is not for those who are busy
    assert arrivals.waiting == 2


async def test_what_finds_a_full_line_is_lost_and_the_others_are_told_when_it_is_through(pair: Pair) -> None:
    told, is_told = list[Any](), trio.Event()

    def tell(_peer: Peer, message: Any) -> None:
        told.append(message)
        is_told.set()

    pair.node.worker(0).bus.on(m.Lost, tell)
    for number in range(1, LINE_LIMIT + 2):
        hear(pair, submit(pair, number))
    assert pair.node.worker(1).arrivals.waiting == LINE_LIMIT
    assert told == []
    with trio.fail_after(WAIT_SECONDS):
        await is_told.wait()
    assert told == [m.Lost(pair.ben.address.user)]
