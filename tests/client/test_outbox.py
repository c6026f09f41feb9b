import pytest
import trio
from trio.testing import MockClock

from client.events import Connectivity, TickChanged
from client.phone import Phone
from client.records import HistoryEntry, MessageState
from client.store import Store
from protocol.codes import ErrorCode
from protocol.ids import MessageNumber
from protocol.stanzas import FetchBundles, FetchProgress, Lookup, Part, Run, Send
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_relay import until

ACCEPTED, DELIVERED, FAILED = MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.FAILED


async def settled(phone: Phone, message_ids: list[str]) -> list[HistoryEntry]:
    """The messages, once each of them is accepted or failed."""
    with trio.fail_after(120):
        return [await phone.wait_for(message_id, ACCEPTED) for message_id in message_ids]


async def received(town: Town) -> list[str | None]:
    """What Ben gets to see."""
    async with town.open(BEN) as ben:
        await ben.wait_online()
        await ben.flush(5)
        return [entry.text for entry in ben.history()]


async def test_a_message_that_is_refused_for_good_fails_and_the_others_go_on_in_order(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await settled(ann, [ann.send_text(BEN, "zero")])
        town.relay.refusals = [(ErrorCode.MESSAGE_TOO_LARGE, None)]
        entries = await settled(ann, [ann.send_text(BEN, text) for text in ("one", "two", "three")])
    assert [entry.state for entry in entries] == [FAILED, ACCEPTED, ACCEPTED]
    assert entries[0].error_name == "message-too-large"
    assert await received(town) == ["zero", "two", "three"]


async def test_a_message_that_came_too_soon_is_sent_again_after_the_time_told(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await settled(ann, [ann.send_text(BEN, "zero")])
        town.relay.refusals = [(ErrorCode.WAIT, 7)]
        began = trio.current_time()
        entries = await settled(ann, [ann.send_text(BEN, text) for text in ("one", "two")])
        assert trio.current_time() - began >= 7
    assert [entry.state for entry in entries] == [ACCEPTED, ACCEPTED]
    assert await received(town) == ["zero", "one", "two"]


async def test_a_stale_device_list_is_fetched_anew_and_nothing_is_lost(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await settled(ann, [ann.send_text(BEN, "zero")])
        town.relay.refusals = [(ErrorCode.STALE_DEVICES, (2,))]
        await settled(ann, [ann.send_text(BEN, text) for text in ("one", "two")])
    assert len(town.relay.heard_of(FetchBundles)) == 2
    assert await received(town) == ["zero", "one", "two"]


async def test_a_relay_that_lost_its_memory_of_the_numbers_gets_what_it_expects(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await settled(ann, [ann.send_text(BEN, text) for text in ("one", "two")])
        # As after a restore from a backup that was made before the second message.
        key = (town.relay.device_of(ANN).address, town.relay.device_of(BEN).address.user)
        town.relay.accepted[key] = 1
        town.relay.device_of(BEN).queue.pop()
        town.relay.device_of(BEN).last_seq = 1
        await settled(ann, [ann.send_text(BEN, "three")])
    assert await received(town) == ["one", "two", "three"]


async def test_what_a_restored_relay_has_lost_goes_out_again_though_there_is_nothing_new_to_send(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await settled(ann, [ann.send_text(BEN, text) for text in ("one", "two", "three")])
    key = (town.relay.device_of(ANN).address, town.relay.device_of(BEN).address.user)
    town.relay.accepted[key] = 1
    queue = town.relay.device_of(BEN).queue
    while len(queue) > 1:
        queue.pop()
    town.relay.device_of(BEN).last_seq = 1
    async with town.open(ANN) as ann:
        await ann.wait_online()
        await until(lambda: town.relay.accepted[key] == 3, 5)
    assert await received(town) == ["one", "two", "three"]


@pytest.mark.parametrize("code", [ErrorCode.STORAGE_FULL, ErrorCode.MAILBOX_FULL])
async def test_a_relay_without_room_is_asked_again_and_the_person_sees_what_it_waits_for(
    autojump_clock: MockClock, town: Town, code: ErrorCode
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        await settled(ann, [ann.send_text(BEN, "zero")])
        town.relay.refusals = [(code, None)] * 4
        with ann.events.subscribe() as events:
            ids = [ann.send_text(BEN, text) for text in ("one", "two")]
            while not isinstance(event := await events.next(), TickChanged) or event.message_id != ids[0]:
                pass
        assert (event.state, event.error_name) == (MessageState.PENDING, code.wire_name)
        waiting = ann.entry(ids[0])
        assert waiting is not None
        assert waiting.error_name == code.wire_name
        entries = await settled(ann, ids)
        assert [(entry.state, entry.error_name) for entry in entries] == [(ACCEPTED, None)] * 2
        await until(lambda: [entry.text for entry in ben.history()] == ["zero", "one", "two"])


async def test_a_relay_that_has_no_room_for_long_is_asked_more_and_more_rarely(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await settled(ann, [ann.send_text(BEN, "zero")])
        town.relay.refusals = [(ErrorCode.STORAGE_FULL, None)] * 10_000
        message_id = ann.send_text(BEN, "one")
        await trio.sleep(900)  # by turns of 60 s on average, in the end
        asked = 10_000 - len(town.relay.refusals)
        assert 7 < asked < 50
        town.relay.refusals = []
        await settled(ann, [message_id])


@pytest.mark.parametrize("code", [ErrorCode.UNKNOWN_USER, ErrorCode.MESSAGE_TOO_LARGE])
async def test_a_refusal_has_the_relays_name(autojump_clock: MockClock, town: Town, code: ErrorCode) -> None:
    town.relay.refusals = [(code, None)]
    async with town.open(ANN) as ann:
        entry = (await settled(ann, [ann.send_text(BEN, "hello")]))[0]
    assert (entry.state, entry.error_name) == (FAILED, code.wire_name)


async def test_a_message_that_another_process_has_queued_is_noticed(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        with Store.open(town.home(ANN), town.entropy, town.clock) as store:
            message_id = store.queue_text(BEN, "from another process")
            await until(lambda: (entry := store.entry(message_id)) is not None and entry.state >= ACCEPTED, 2)


async def test_people_are_looked_up_once(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        await settled(ann, [ann.send_text(BEN, text) for text in ("one", "two", "three")])
    assert len(town.relay.heard_of(Lookup)) == 1
    assert len(town.relay.heard_of(FetchBundles)) == 1


async def test_a_look_up_that_is_refused_is_tried_again_later(autojump_clock: MockClock, town: Town) -> None:
    town.relay.request_refusal = (ErrorCode.WAIT, 9)
    async with town.open(ANN) as ann:
        message_id = ann.send_text(BEN, "hello")
        await until(lambda: len(town.relay.heard_of(Lookup)) == 1)
        town.relay.request_refusal = None
        began = trio.current_time()
        await settled(ann, [message_id])
        assert trio.current_time() - began >= 8


async def test_every_part_names_its_device(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        await settled(ann, [ann.send_text(BEN, "hello")])
    (send,) = town.relay.heard_of(Send)
    assert isinstance(send, Send)
    assert [type(part) for part in send.parts] == [Part]


async def test_no_more_than_a_window_is_sent_unanswered(autojump_clock: MockClock, town: Town) -> None:
    from client.flight import WINDOW_MESSAGES

    async with town.open(ANN) as ann:
        await settled(ann, [ann.send_text(BEN, "first")])
        town.relay.loses_accepted = True
        sent = [ann.send_text(BEN, f"{number}") for number in range(WINDOW_MESSAGES + 20)]
        await until(lambda: len(town.relay.stored) >= WINDOW_MESSAGES + 1)
        await trio.sleep(2)
        assert len(town.relay.stored) == WINDOW_MESSAGES + 1
        town.relay.loses_accepted = False
        town.relay.cut_all()
        await settled(ann, sent)


async def test_ticks_of_the_past_are_asked_for_once_a_connection(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await settled(ann, [ann.send_text(BEN, "hello")])
        assert town.relay.heard_of(FetchProgress) == []
        town.relay.cut_all()
        await until(lambda: ann.connection.connectivity is Connectivity.WAITING)
        await ann.wait_online()
        await ann.flush(5)
        assert len(town.relay.heard_of(FetchProgress)) == 1


async def test_what_expired_while_the_phone_was_away_is_not_taken_for_delivered(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        ids = [ann.send_text(BEN, text) for text in ("one", "two", "three")]
        await settled(ann, ids)
    key = (town.relay.device_of(ANN).address, town.relay.device_of(BEN).address.user)
    town.relay.progress[key] = [3, 0]
    town.relay.expired[key] = (Run(MessageNumber(1), MessageNumber(2)),)
    async with town.open(ANN) as ann:
        with trio.fail_after(60):
            await ann.wait_for(ids[2], DELIVERED)
        states = [entry.state for entry in ann.history() if entry.outgoing]
    assert states == [MessageState.EXPIRED, MessageState.EXPIRED, DELIVERED]
