"""Letting in who stands in line: mailboxes are started, waited for, and given up in good order."""

import trio
import trio.testing

from protocol import Deliver, MessageNumber, UserId
from relay.bus import messages as m
from relay.bus.arrivals import USHER_NAME
from relay.mailbox_handle import MailboxHandle, name_of
from tests.relay.bus.conftest import Pair


def submit(pair: Pair, user: UserId, number: int) -> None:
    """As if worker 0 had said it to worker 1."""
    numbered = [(MessageNumber(number), b"%d" % number)]
    message = m.Submit(pair.anna.address, 1, user, numbered)
    pair.node.worker(1).bus.hear(pair.node.bus(1, 0), message)


async def test_a_full_mailbox_is_looked_at_again_until_all_are_in(pair: Pair) -> None:
    ben = await pair.ben.connect()
    for number in range(1, 301):  # more than the mailbox takes at once
        submit(pair, pair.ben.address.user, number)
    assert pair.node.worker(1).arrivals.waiting > 0
    ben.ack((await ben.expect_deliveries(250))[-1].seq)
    assert [delivery.number for delivery in await ben.expect_deliveries(50)] == list(range(251, 301))
    assert pair.node.worker(1).arrivals.waiting == 0


async def test_a_mailbox_that_crashed_is_waited_for(pair: Pair) -> None:
    ben = await pair.ben.connect()
    mailbox = pair.node.worker(1).system.whereis(name_of(pair.ben.address.user))
    assert mailbox is not None
    MailboxHandle(mailbox).crash()
    await mailbox.wait_stopped()
    submit(pair, pair.ben.address.user, 1)
    assert (await ben.expect(Deliver)).number == 1


async def test_an_usher_that_crashed_begins_with_the_lines_that_there_are(pair: Pair) -> None:
    usher = pair.node.worker(1).system.whereis(USHER_NAME)
    assert usher is not None
    submit(pair, pair.ben.address.user, 1)
    usher.kill()
    await trio.sleep(1)
    assert pair.node.worker(1).arrivals.lines == {}
    ben = await pair.ben.connect()
    assert (await ben.expect(Deliver)).number == 1


async def test_a_line_for_nobody_is_dissolved(pair: Pair) -> None:
    submit(pair, UserId(pair.ben.address.user + 1), 1)
    await trio.testing.wait_all_tasks_blocked()
    assert pair.node.worker(1).arrivals.lines == {}
