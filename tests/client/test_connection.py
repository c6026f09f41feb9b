import pytest
import trio
from trio.testing import MockClock

from client.connection import STEADY_SECONDS
from client.connection_handle import NAME, ConnectionHandle
from client.errors import RequestTimeoutError
from client.events import ConnectionChanged, Connectivity, Event
from client.outbox import OutboxHandle
from client.phone import Phone
from client.records import MessageState
from protocol.codes import ErrorCode
from protocol.ids import MessageNumber, UserId
from protocol.stanzas import Found, Lookup, Send
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_relay import until

ONLINE, WAITING, STOPPED = Connectivity.ONLINE, Connectivity.WAITING, Connectivity.STOPPED


def handle_of(phone: Phone) -> ConnectionHandle:
    return phone._connection


async def next_change(phone: Phone, connectivity: Connectivity) -> ConnectionChanged:
    """Wait until the connection becomes so (again)."""
    with phone.events.subscribe() as events, trio.fail_after(300):
        while True:
            event: Event = await events.next()
            if isinstance(event, ConnectionChanged) and event.connectivity is connectivity:
                return event


async def stopped(phone: Phone) -> ConnectionChanged:
    """Wait until the connection has ended for good, which it may have while the phone still started."""
    if phone.connection.connectivity is STOPPED:
        return phone.connection
    return await next_change(phone, STOPPED)


async def test_a_broken_line_is_dialled_again_until_it_holds(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        town.network.unreachable["relay"] = None
        town.relay.cut_all()
        waits = [(await next_change(ann, WAITING)).retry_in or 0 for _ in range(8)]
        assert max(waits[:2]) <= 1
        assert 1 < max(waits) <= 30  # the ceiling grows, and stays below half a minute
        del town.network.unreachable["relay"]
        await ann.wait_online()


async def test_after_a_break_the_first_try_comes_quickly(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        for break_it in (town.relay.cut_all, lambda: town.relay.dismiss(ANN, ErrorCode.RESTARTING)):
            await ann.wait_online()
            await trio.sleep(STEADY_SECONDS)
            break_it()
            change = await next_change(ann, WAITING)
            assert change.retry_in is not None
            assert change.retry_in <= 0.3
            await next_change(ann, ONLINE)


async def test_a_relay_that_dismisses_again_and_again_is_tried_more_and_more_rarely(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        waits = []
        for _ in range(8):
            await ann.wait_online()
            town.relay.dismiss(ANN, ErrorCode.INTERNAL)
            waits.append((await next_change(ann, WAITING)).retry_in or 0)
        assert max(waits[4:]) > 2


async def test_two_lives_of_the_connection_have_no_session_in_common_and_the_end_of_the_first_is_told(
    autojump_clock: MockClock, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int | None] = []
    monkeypatch.setattr(OutboxHandle, "went_online", lambda _, session: told.append(session))
    monkeypatch.setattr(OutboxHandle, "went_offline", lambda _: told.append(None))
    async with town.open(ANN) as ann:
        await ann.wait_online()
        connection = ann._system.whereis(NAME)
        assert connection is not None
        connection.kill()
        await until(lambda: len(told) == 3)
        assert told == [1, None, 2]


async def test_after_a_crash_of_the_connection_each_message_is_offered_once_a_line(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_for(ann.send_text(BEN, "first"), MessageState.ACCEPTED)
        town.relay.loses_accepted = True
        for number in range(20):
            ann.send_text(BEN, f"{number}")
        await until(lambda: len(town.relay.stored) == 21)
        town.relay.heard.clear()
        connection = ann._system.whereis(NAME)
        assert connection is not None
        connection.kill()
        for number in range(20):  # while the outbox still believes in the old line
            ann.send_text(BEN, f"more {number}")
        town.relay.loses_accepted = False
        await until(lambda: len(town.relay.stored) == 41)
        offered = [event.number for event in town.relay.heard_of(Send) if isinstance(event, Send)]
        assert len(offered) == len(dict.fromkeys(offered))


async def test_a_relay_that_restarts_is_given_the_time_it_asks_for(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        began = trio.current_time()
        town.relay.dismiss(ANN, ErrorCode.RESTARTING, 20)
        change = await next_change(ann, WAITING)
        assert change.reason == "restarting"
        assert change.retry_in is not None
        assert 20 <= change.retry_in <= 25
        await ann.wait_online()
        assert trio.current_time() - began >= 20


async def test_a_silent_relay_is_pinged_and_ten_quiet_minutes_end_nothing(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        lines = len(town.relay.lines)
        await trio.sleep(600)
        assert ann.connection.connectivity is ONLINE
        assert len(town.relay.lines) == lines


async def test_a_relay_that_does_not_answer_any_more_is_given_up(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        assert await handle_of(ann).ping_answered()  # and with it all that a phone asks at first
        began = trio.current_time()
        town.relay.is_deaf = True
        change = await next_change(ann, WAITING)
        assert change.reason == "no sign of life"
        assert 75 <= trio.current_time() - began <= 81
        town.relay.is_deaf = False
        await ann.wait_online()


async def test_who_writes_into_a_dead_line_does_not_wait_as_long_as_who_is_silent(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_for(ann.send_text(BEN, "first"), MessageState.ACCEPTED)
        town.relay.is_deaf = True
        began = trio.current_time()
        message = ann.send_text(BEN, "second")
        change = await next_change(ann, WAITING)
        assert change.reason == "no answer"
        assert 30 <= trio.current_time() - began <= 36
        town.relay.is_deaf = False
        await ann.wait_for(message, MessageState.ACCEPTED)


async def test_a_question_that_nobody_answers_puts_the_line_in_doubt(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        town.relay.is_deaf = True
        began = trio.current_time()
        ann.send_text("+491713920099", "who is that?")
        await next_change(ann, WAITING)
        assert trio.current_time() - began <= 51


async def test_a_relay_that_answers_pings_is_not_left_though_it_owes_an_answer(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_for(ann.send_text(BEN, "first"), MessageState.ACCEPTED)
        town.relay.loses_accepted = True
        lines = len(town.relay.lines)
        ann.send_text(BEN, "second")
        await trio.sleep(300)
        assert ann.connection.connectivity is ONLINE
        assert len(town.relay.lines) == lines


async def test_a_handshake_that_does_not_end_is_given_up(autojump_clock: MockClock, town: Town) -> None:
    town.relay.is_deaf = True
    async with town.open(ANN) as ann:
        change = await next_change(ann, WAITING)
        assert change.reason == "no answer"
        assert trio.current_time() >= 10
        town.relay.is_deaf = False
        await ann.wait_online()


async def test_a_refusal_in_clear_is_never_the_last_word(autojump_clock: MockClock, town: Town) -> None:
    # Anybody on the way could have sent it; it may delay a phone, it must not stop or log it out.
    town.relay.alerts = [ErrorCode.REPLACED, ErrorCode.LOGGED_OUT, ErrorCode.HANDSHAKE_FAILED]
    async with town.open(ANN) as ann:
        await ann.wait_online()
        assert town.relay.alerts == []


async def test_a_question_is_answered(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        answer = await handle_of(ann).request(lambda request: Lookup(request, (BEN,)))
        assert isinstance(answer, Found)
        assert answer.users == (town.relay.device_of(BEN).address.user,)


@pytest.mark.parametrize("is_online", [False, True])
async def test_a_question_that_is_not_answered_ends_with_an_error(
    autojump_clock: MockClock, town: Town, is_online: bool
) -> None:
    if not is_online:
        town.network.unreachable["relay"] = None
    town.relay.loses_answer = lambda _: True
    async with town.open(ANN) as ann:
        if is_online:
            await ann.wait_online()
        with pytest.raises(RequestTimeoutError):
            await handle_of(ann).request(lambda request: Lookup(request, (BEN,)))


async def test_what_was_meant_for_an_earlier_session_is_not_said(
    autojump_clock: MockClock, town: Town
) -> None:
    from client.records import OutgoingSend

    async with town.open(ANN) as ann:
        await ann.wait_online()
        handle_of(ann).send_message(99, OutgoingSend("id", UserId(1), MessageNumber(1), ()))
        assert await ann.flush(5)
        assert town.relay.heard_of(Send) == []


async def test_flushing_says_whether_the_relay_has_heard(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        assert await ann.flush(5)
        town.relay.is_deaf = True
        assert not await ann.flush(5)
        town.relay.is_deaf = False
        town.network.unreachable["relay"] = None
        town.relay.cut_all()
        await until(lambda: ann.connection.connectivity is WAITING)
        assert not await ann.flush(5)


async def test_a_relay_that_has_forgotten_the_account_stops_the_phone(
    autojump_clock: MockClock, town: Town
) -> None:
    town.relay.devices.clear()
    async with town.open(ANN) as ann:
        change = await stopped(ann)
        assert change.error is not None
        assert change.error.name == "logged-out"


async def test_a_relay_that_speaks_nonsense_is_left_and_tried_again(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        line = town.relay.device_of(ANN).line
        assert line is not None
        line.link.write(b"\x00\x00\x20" + b"nonsense" * 4)
        change = await next_change(ann, WAITING)
        assert change.error is None
        await ann.wait_online()
