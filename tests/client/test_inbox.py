from trio.testing import MockClock

from client.records import EntryKind, MessageState
from protocol.ids import MessageNumber, Seq
from protocol.stanzas import Ack
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_relay import until

ACCEPTED, DELIVERED = MessageState.ACCEPTED, MessageState.DELIVERED


async def test_what_comes_together_is_acknowledged_together(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        sent = [ann.send_text(BEN, f"{number}") for number in range(20)]
        await ann.wait_for(sent[-1], ACCEPTED)
    async with town.open(BEN) as ben:
        await until(lambda: len(ben.unread()) == 20)
        await ben.flush(5)
    acknowledged = [event.seq for event in town.relay.heard_of(Ack) if isinstance(event, Ack)]
    assert len(acknowledged) <= 3
    assert acknowledged[-1] == 20


async def test_a_delivery_that_comes_twice_is_shown_once(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        await ann.wait_for(ann.send_text(BEN, "hello"), ACCEPTED)
        device = town.relay.device_of(BEN)
        await until(lambda: len(ben.unread()) == 1)
        # The acknowledgement was lost with the relay's memory of it: it delivers again under the same seq.
        address = town.relay.device_of(ANN).address
        ciphertext = town.relay.delivered[-1]
        device.queue.append((Seq(1), address, MessageNumber(1), ciphertext))
        town.relay.resume_from_start = True
        town.relay.cut_all()
        await until(lambda: not device.queue)
        assert len(ben.history()) == 1


async def test_a_delivery_that_cannot_be_decrypted_is_shown_as_such_and_does_not_come_again(
    autojump_clock: MockClock, town: Town
) -> None:
    device, sender = town.relay.device_of(BEN), town.relay.device_of(ANN).address
    device.last_seq = 1
    device.queue.append((Seq(1), sender, MessageNumber(1), b"\x11 not what it seems"))
    async with town.open(BEN) as ben:
        # It may come while the phone starts, before anybody could listen: the store has it either way.
        await until(lambda: bool(ben.unread()))
        assert [entry.kind for entry in ben.unread()] == [EntryKind.UNDECRYPTABLE]
        await until(lambda: not device.queue)


async def test_a_message_comes_with_the_number_that_the_directory_knows(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        await ann.wait_for(ann.send_text(BEN, "hello"), DELIVERED)
        assert [entry.phone for entry in ben.history()] == [ANN]
