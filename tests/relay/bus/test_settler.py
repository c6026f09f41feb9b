"""Finding out what may be lost: told from the disk where that answers, inquired after where it does not."""

import trio
import trio.testing

from protocol import Accepted, Delivered, ErrorCode, MessageNumber, Refused, UserId
from relay.bus import messages as m
from relay.bus.settler import NAME
from tests.relay.bus.conftest import Pair


async def test_what_the_disk_answers_needs_no_inquiry(pair: Pair) -> None:
    anna, ben = await pair.anna.connect(), await pair.ben.connect()
    anna.send(pair.ben.address.user, 1)
    await anna.expect_accepted(1)
    ben.ack((await ben.expect_deliveries(1))[0].seq)
    await anna.expect(Delivered)
    before = pair.node.bus(0, 1).said
    pair.node.cut_bus(0, 1)
    await trio.sleep(1)
    assert (await anna.expect(Delivered)).number == 1
    assert anna.heard(Accepted) == []
    assert pair.node.bus(0, 1).said - before == 1  # Ready


async def test_a_chat_with_a_user_who_is_gone_ends_in_a_new_connection(pair: Pair) -> None:
    anna = await pair.anna.connect()
    pair.node.kill(1)
    await trio.testing.wait_all_tasks_blocked()
    anna.send(UserId(pair.ben.address.user + 1), 1)
    await anna.ping()
    await pair.node.start(1)
    assert await anna.expect_error() == ErrorCode.INTERNAL


async def test_messages_that_may_be_lost_for_one_user_are_inquired_after_for_that_user_only(
    pair: Pair,
) -> None:
    carla = pair.node.add_user(1, "+491713920003")
    anna = await pair.anna.connect()
    chats = {user.address.user: user for user in (pair.ben, carla)}
    for user in chats:
        anna.send(user, 1)
        await anna.expect_accepted(1)
    outgoing = pair.node.worker(0).presence.of_device(pair.anna.address)
    assert outgoing is not None
    assert outgoing.abroad is not None
    for chat in outgoing.abroad.values():
        chat.submitted = MessageNumber(2)  # as if one more had been handed over and lost
    bus = pair.node.worker(0).bus
    bus.hear(bus.peers[1], m.Lost(carla.address.user))
    refused = await anna.expect(Refused)
    assert (refused.chat, refused.number, refused.detail) == (carla.address.user, 2, 2)
    await anna.expect_silence()


async def test_a_settler_that_crashed_begins_with_everything(pair: Pair) -> None:
    anna = await pair.anna.connect()
    anna.send(pair.ben.address.user, 1)
    await anna.expect_accepted(1)
    outgoing = pair.node.worker(0).presence.of_device(pair.anna.address)
    assert outgoing is not None
    assert outgoing.abroad is not None
    for chat in outgoing.abroad.values():
        chat.submitted = MessageNumber(2)  # as above
    settler = pair.node.worker(0).system.whereis(NAME)
    assert settler is not None
    settler.kill()
    assert (await anna.expect(Refused)).number == 2
