from trio.testing import MockClock

from client.events import Connectivity
from client.records import MessageState
from client.store import Store
from protocol.stanzas import Read
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_relay import until


async def test_a_receipt_that_the_relay_did_not_hear_goes_out_on_the_next_connection(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        message_id = ann.send_text(BEN, "hello")
        await until(lambda: len(ben.unread()) == 1)
        town.network.unreachable["relay"] = None
        town.relay.cut_all()
        await until(lambda: ben.connection.connectivity is Connectivity.WAITING)
        ben.mark_seen()
        assert town.relay.heard_of(Read) == []
        del town.network.unreachable["relay"]
        assert (await ann.wait_for(message_id, MessageState.READ)).state is MessageState.READ


async def test_a_receipt_that_was_heard_is_not_sent_again(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        message_id = ann.send_text(BEN, "hello")
        await until(lambda: len(ben.unread()) == 1)
        ben.mark_seen()
        await ann.wait_for(message_id, MessageState.READ)
        await ben.flush(5)
    async with town.open(BEN) as ben:
        await ben.wait_online()
        await ben.flush(5)
    assert len(town.relay.heard_of(Read)) <= 2
    with Store.open(town.home(BEN), town.entropy, town.clock) as store:
        assert store.read_receipts_due() == []


async def test_leaving_right_after_reading_still_tells_the_sender(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        message_id = ann.send_text(BEN, "hello")
        await ann.wait_for(message_id, MessageState.ACCEPTED)
        async with town.open(BEN) as ben:
            await until(lambda: len(ben.unread()) == 1)
            ben.mark_seen()
        assert (await ann.wait_for(message_id, MessageState.READ)).state is MessageState.READ
