"""The senders' side of chats with users of other workers: what is remembered, and which answers count."""

from typing import Any

import trio.testing

from protocol import Accepted, ErrorCode, MessageNumber, Refused
from relay.bus import messages as m
from relay.bus.chat import Chat
from relay.outgoing import Outgoing
from tests.helpers.device import Device
from tests.relay.bus.conftest import Pair


async def connected(pair: Pair) -> tuple[Device, Outgoing, Chat]:
    """Anna, who has written to Ben."""
    device = await pair.anna.connect()
    device.send(pair.ben.address.user, 1)
    await device.expect_accepted(1)
    outgoing = pair.node.worker(0).presence.of_device(pair.anna.address)
    assert outgoing is not None
    assert outgoing.abroad is not None
    return device, outgoing, outgoing.abroad[pair.ben.address.user]


def hear(pair: Pair, message: Any) -> None:
    """As if worker 1 had said it."""
    pair.node.worker(0).bus.hear(pair.node.bus(0, 1), message)


async def test_a_connection_remembers_what_is_not_answered(pair: Pair) -> None:
    device, _, chat = await connected(pair)
    assert chat.submitted == 0
    pair.node.kill(1)
    await trio.testing.wait_all_tasks_blocked()
    device.send(pair.ben.address.user, 2)
    await device.ping()
    assert chat.submitted == 2


async def test_a_refusal_for_another_connection_of_the_device_is_not_told(pair: Pair) -> None:
    device, outgoing, _ = await connected(pair)
    ben, two = pair.ben.address.user, MessageNumber(2)
    hear(pair, m.Refused(pair.anna.address, outgoing.number + 1, ben, two, ErrorCode.WAIT, 1, 0))
    await device.expect_silence()


async def test_the_answer_to_an_inquiry_that_is_no_longer_open_is_not_told(pair: Pair) -> None:
    device, outgoing, chat = await connected(pair)
    ben, two = pair.ben.address.user, MessageNumber(2)
    first, second = chat.inquire(), chat.inquire()
    for round_ in (first, second):
        hear(
            pair,
            m.Refused(pair.anna.address, outgoing.number, ben, two, ErrorCode.OUT_OF_ORDER, 2, round_),
        )
    assert (await device.expect(Refused)).detail == 2
    await device.expect_silence()


async def test_a_device_that_has_reconnected_waits_for_ticks_of_duplicates_and_must_begin_anew(
    pair: Pair,
) -> None:
    device, outgoing, _ = await connected(pair)
    ben, two = pair.ben.address.user, MessageNumber(2)
    hear(pair, m.Voided(pair.anna.address, outgoing.number + 1, ben, two, two, ErrorCode.OVERLOADED))
    assert await device.expect_error() == ErrorCode.OVERLOADED


async def test_what_never_came_to_be_is_refused_on_the_connection_it_came_from(pair: Pair) -> None:
    device, outgoing, _ = await connected(pair)
    ben, two = pair.ben.address.user, MessageNumber(2)
    hear(pair, m.Voided(pair.anna.address, outgoing.number, ben, two, two, ErrorCode.OVERLOADED))
    assert (await device.expect(Refused)).code == ErrorCode.OVERLOADED


async def test_a_worker_can_have_a_device_of_another_connect_anew(pair: Pair) -> None:
    device, _, _ = await connected(pair)
    hear(pair, m.Close(pair.anna.address, ErrorCode.INTERNAL))
    assert await device.expect_error() == ErrorCode.INTERNAL


async def test_what_is_told_for_a_device_that_is_gone_is_told_to_nobody(pair: Pair) -> None:
    one = MessageNumber(1)
    device, user = pair.anna.address, pair.ben.address.user
    for message in (
        m.Accepted(device, user, one),
        m.Delivered(device, user, one),
        m.Read(device, user, one),
        m.Expired(device, user, ()),
        m.Refused(device, 1, user, one, ErrorCode.WAIT, None, 0),
        m.Voided(device, 1, user, one, one, ErrorCode.WAIT),
        m.Close(device, ErrorCode.INTERNAL),
    ):
        hear(pair, message)


async def test_the_ticks_of_a_chat_in_which_nothing_was_sent_here_are_told_again_too(pair: Pair) -> None:
    """Because the device has asked for them: it shows what it was told then."""
    device, outgoing, _ = await connected(pair)
    pair.node.worker(0).abroad.remember(outgoing, [pair.ben.address.user, pair.anna.address.user])
    assert list(outgoing.abroad or ()) == [pair.ben.address.user]
    assert device.heard(Accepted) == []
