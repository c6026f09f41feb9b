import pytest
import trio
from trio.testing import MockClock

from client.errors import HomeInUseError, NoAccountError, RelayKeyError, RelayRefusedError
from client.events import ConnectionChanged, Connectivity, MessageReceived, TypingChanged
from client.phone import Phone
from client.records import MessageState
from protocol.codes import ErrorCode
from protocol.noise.primitives import KeyPair
from protocol.stanzas import Send
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_relay import until

ACCEPTED, DELIVERED, READ = MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.READ


def texts(phone: Phone) -> list[str | None]:
    return [entry.text for entry in phone.history()]


async def test_two_phones_talk_and_the_ticks_are_right(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        first = ann.send_text(BEN, "hello Ben")
        entry = await ann.wait_for(first, DELIVERED)
        assert entry.state is DELIVERED
        assert [message.text for message in ben.unread()] == ["hello Ben"]
        assert [message.phone for message in ben.unread()] == [ANN]
        ben.mark_seen()
        assert (await ann.wait_for(first, READ)).state is READ
        answer = ben.send_text(ANN, "hello Ann")
        await ben.wait_for(answer, DELIVERED)
        assert texts(ann) == texts(ben) == ["hello Ben", "hello Ann"]


async def test_a_phone_that_was_away_receives_in_order_what_was_sent_meanwhile(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        sent = [ann.send_text(BEN, f"message {number}") for number in range(30)]
        for message_id in sent:
            await ann.wait_for(message_id, ACCEPTED)
        async with town.open(BEN) as ben:
            await ann.wait_for(sent[-1], DELIVERED)
            assert texts(ben) == [f"message {number}" for number in range(30)]


async def test_ticks_that_were_made_while_one_was_away_are_there_after_coming_back(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        message_id = ann.send_text(BEN, "hello")
        await ann.wait_for(message_id, ACCEPTED)
    async with town.open(BEN) as ben:
        await until(lambda: len(ben.unread()) == 1)
        ben.mark_seen()
    async with town.open(ANN) as ann:
        assert (await ann.wait_for(message_id, READ)).state is READ


async def test_a_message_whose_tick_was_lost_is_sent_again_and_accepted_once(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        town.relay.loses_accepted = True
        message_id = ann.send_text(BEN, "hello")
        await until(lambda: len(town.relay.stored) == 1)
        town.relay.loses_accepted = False
        town.relay.cut_all()
        await ann.wait_for(message_id, ACCEPTED)
        sends = town.relay.heard_of(Send)
        assert len(sends) == 2
        assert sends[0] == sends[1]  # the stored ciphertext, not a new one
        assert len(town.relay.stored) == 1


async def test_nothing_is_lost_or_doubled_when_the_line_is_cut_again_and_again(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        sent = []
        for number in range(16):
            sent.append(ann.send_text(BEN, f"message {number}"))
            if number % 4 == 3:
                await trio.sleep(0.002 * number)
                town.relay.cut_all()
        await ann.wait_for(sent[-1], DELIVERED)
        assert texts(ben) == [f"message {number}" for number in range(16)]
        assert len(town.relay.stored) == 16


async def test_a_phone_that_is_killed_goes_on_where_it_was(autojump_clock: MockClock, town: Town) -> None:
    with trio.CancelScope() as kill:
        async with town.open(ANN) as ann:
            sent = [ann.send_text(BEN, f"message {number}") for number in range(10)]
            await until(lambda: len(town.relay.stored) >= 3)
            town.relay.is_deaf = True  # nothing that it still says arrives
            kill.cancel()
    town.relay.is_deaf = False
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        await ann.wait_for(sent[-1], DELIVERED)
        assert texts(ben) == [f"message {number}" for number in range(10)]


async def test_what_is_queued_while_offline_goes_out_with_the_next_connection(
    autojump_clock: MockClock, town: Town
) -> None:
    town.network.unreachable["relay"] = None
    async with town.open(ANN) as ann:
        message_id = ann.send_text(BEN, "hello")
        await until(lambda: ann.connection.connectivity is Connectivity.WAITING)
        del town.network.unreachable["relay"]
        await ann.wait_for(message_id, ACCEPTED)


async def test_without_read_receipts_a_message_is_never_reported_as_read(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        message_id = ann.send_text(BEN, "hello")
        await ann.wait_for(message_id, ACCEPTED)
        async with town.open(BEN, read_receipts=False) as ben:
            await until(lambda: len(ben.unread()) == 1)
            ben.mark_seen()
        async with town.open(BEN) as ben:
            await ben.wait_online()
            await ben.flush(1)
        entry = ann.entry(message_id)
        assert entry is not None
        assert entry.state is DELIVERED


async def test_a_number_that_nobody_has_fails_the_message_by_name(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        entry = await ann.wait_for(ann.send_text("+4915112340000", "hello"), ACCEPTED)
        assert (entry.state, entry.error_name) == (MessageState.FAILED, "unknown-user")


async def test_an_event_tells_of_each_message_that_comes(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        with ben.events.subscribe() as events:
            ann.send_text(BEN, "hello")
            with trio.fail_after(60):
                while not isinstance(event := await events.next(), MessageReceived):
                    pass
        assert (event.phone, event.text) == (ANN, "hello")
        assert "hello" not in repr(event)


async def test_a_home_has_one_phone_at_a_time(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN):
        with pytest.raises(HomeInUseError):
            async with town.open(ANN):
                pass


async def test_a_patient_command_takes_over_from_one_that_leaves(
    autojump_clock: MockClock, town: Town, nursery: trio.Nursery
) -> None:
    async def first() -> None:
        async with town.open(ANN):
            opened.set()
            await trio.sleep(2)

    opened = trio.Event()
    nursery.start_soon(first)
    await opened.wait()
    async with town.open(ANN, patience=5) as ann:
        await ann.wait_online()


async def test_a_home_without_an_account_is_no_phone(autojump_clock: MockClock, town: Town) -> None:
    with pytest.raises(NoAccountError):
        async with town.open("nobody"):
            pass
    assert not town.home("nobody").exists()


async def test_another_key_at_the_relays_address_stops_the_phone(
    autojump_clock: MockClock, town: Town
) -> None:
    town.relay.static = KeyPair.generate(town.entropy)
    async with town.open(ANN) as ann:
        await until(lambda: ann.connection.connectivity is Connectivity.STOPPED)
        with pytest.raises(RelayKeyError, match="does not hold the key that this home has pinned"):
            ann.raise_if_stopped()


@pytest.mark.parametrize("code", [ErrorCode.REPLACED, ErrorCode.LOGGED_OUT])
async def test_a_phone_that_was_replaced_or_logged_out_stops_and_says_why(
    town: Town, code: ErrorCode
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        town.relay.dismiss(ANN, code)
        await until(lambda: ann.connection.connectivity is Connectivity.STOPPED)
        with pytest.raises(RelayRefusedError) as caught:
            ann.raise_if_stopped()
        assert caught.value.name == code.wire_name


async def test_a_phone_that_was_logged_out_stays_so(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        town.relay.dismiss(ANN, ErrorCode.LOGGED_OUT)
        await until(lambda: ann.connection.connectivity is Connectivity.STOPPED)
    with pytest.raises(RelayRefusedError, match="was logged out"):
        async with town.open(ANN):
            pass


async def test_one_may_see_that_the_other_is_typing(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        await ann.wait_for(ann.send_text(BEN, "hello"), DELIVERED)
        with ben.events.subscribe() as events:
            user = ann.user_of(BEN)
            assert user is not None
            ann.set_typing(user, True)
            ann.set_typing(user, False)
            with trio.fail_after(5):
                seen = [await events.next(), await events.next()]
        assert [(event.phone, event.is_typing) for event in seen if isinstance(event, TypingChanged)] == [
            (ANN, True),
            (ANN, False),
        ]


async def test_how_the_connection_is_can_be_asked_at_any_time(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        assert ann.connection == ConnectionChanged(Connectivity.ONLINE)
