"""One other worker: everything said in an era arrives in order, or the era ends; who may wait, waits."""

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from protocol import DeviceAddress, DeviceId, ErrorCode, MessageNumber, UserId
from relay.bus import messages as m
from relay.bus.errors import PeerDownError, PeerSlowError
from relay.bus.peer import HIGH_WATER_BYTES, LIMIT_BYTES, STALL_SECONDS
from relay.errors import RefusalError
from tests.helpers.bus_end import BusEnd

ANNA = DeviceAddress(UserId(9), DeviceId(1))


def tick(number: int) -> m.Accepted:
    return m.Accepted(ANNA, UserId(7), MessageNumber(number))


@pytest.fixture
def end(autojump_clock: MockClock) -> BusEnd:
    return BusEnd()


async def test_what_is_said_in_one_turn_leaves_together_and_in_order(
    end: BusEnd, autojump_clock: MockClock
) -> None:
    end.come_up()
    end.peer.tell(tick(1))
    end.peer.tell(tick(2))
    assert len(end.network.calls) == 1
    assert end.said() == [tick(1), tick(2)]


async def test_what_is_said_to_a_peer_that_is_down_is_lost_and_counted(
    end: BusEnd, autojump_clock: MockClock
) -> None:
    end.peer.tell(tick(1))
    end.come_up()
    assert end.said() == []
    assert end.peer.lost == 1


async def test_nothing_of_an_era_is_said_in_the_next(end: BusEnd, autojump_clock: MockClock) -> None:
    end.come_up()
    end.peer.tell(tick(1))
    end.peer.went_down(end.owner)
    end.come_up()
    assert end.said() == []
    assert end.peer.era == 2


async def test_a_new_link_ends_the_one_before(end: BusEnd, autojump_clock: MockClock) -> None:
    end.come_up()
    before, owner = end.link, end.owner
    end.come_up()
    assert before.is_aborted
    assert not end.peer.went_down(owner)
    assert end.peer.is_up


async def test_senders_wait_while_the_peer_is_behind_and_go_on_when_it_has_taken_enough(
    end: BusEnd, autojump_clock: MockClock
) -> None:
    end.come_up()
    say_a_lot(end, HIGH_WATER_BYTES)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(end.peer.room)
        await trio.testing.wait_all_tasks_blocked()
        assert end.peer.waiting == 1
        end.peer.has_taken(end.peer._written)
    assert end.peer.waiting == 0


async def test_senders_do_not_wait_for_a_peer_that_is_down(end: BusEnd, autojump_clock: MockClock) -> None:
    end.come_up()
    say_a_lot(end, HIGH_WATER_BYTES)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(end.peer.room)
        await trio.testing.wait_all_tasks_blocked()
        end.peer.went_down(end.owner)


async def test_an_era_in_which_nothing_is_taken_ends(end: BusEnd, autojump_clock: MockClock) -> None:
    end.come_up()
    say_a_lot(end, HIGH_WATER_BYTES)
    before = trio.current_time()
    await end.peer.room()
    assert trio.current_time() - before == pytest.approx(STALL_SECONDS, abs=0.5)
    assert end.link.is_aborted
    assert not end.peer.is_up


async def test_an_era_ends_rather_than_that_something_in_it_is_dropped(
    end: BusEnd, autojump_clock: MockClock
) -> None:
    end.come_up()
    say_a_lot(end, LIMIT_BYTES + 1)
    assert end.link.is_aborted
    assert not end.peer.is_up


async def test_hints_are_dropped_while_the_peer_is_behind(end: BusEnd, autojump_clock: MockClock) -> None:
    end.come_up()
    say_a_lot(end, HIGH_WATER_BYTES)
    end.said()
    end.peer.hint(m.Activity(ANNA, UserId(7), 1))
    assert end.said() == []
    assert end.peer.dropped == 1


async def test_an_answer_finds_the_question(end: BusEnd, autojump_clock: MockClock) -> None:
    end.come_up()
    answers: list[object] = []

    async def ask(user: int) -> None:
        answers.append(await end.peer.ask(m.TakeBundles(UserId(user))))

    async with trio.open_nursery() as nursery:
        for user in (5, 6):
            nursery.start_soon(ask, user)
            await trio.testing.wait_all_tasks_blocked()
        first, second = end.said()
        for question in (second, first):
            end.peer.answered(m.Bundles(question.ask, (), None, ()))
            await trio.testing.wait_all_tasks_blocked()
    assert answers == [m.Bundles(second.ask, (), None, ()), m.Bundles(first.ask, (), None, ())]


async def test_a_question_to_a_peer_that_dies_is_answered_at_once(
    end: BusEnd, autojump_clock: MockClock
) -> None:
    with pytest.raises(PeerDownError):
        await end.peer.ask(m.TakeBundles(UserId(5)))
    end.come_up()
    before = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect_restarting, end)
        await trio.testing.wait_all_tasks_blocked()
        end.peer.went_down(end.owner)
    assert trio.current_time() - before < 1


async def expect_restarting(end: BusEnd) -> None:
    with pytest.raises(PeerDownError) as caught:
        await end.peer.ask(m.TakeBundles(UserId(5)))
    assert caught.value.code is ErrorCode.RESTARTING


async def test_an_answer_that_comes_too_late_is_dropped(end: BusEnd, autojump_clock: MockClock) -> None:
    end.come_up()
    with pytest.raises(PeerSlowError):
        await end.peer.ask(m.TakeBundles(UserId(5)), timeout=1)
    (question,) = end.said()
    end.peer.answered(m.Bundles(question.ask, (), None, ()))


async def test_a_refusal_is_raised_where_it_was_asked(end: BusEnd, autojump_clock: MockClock) -> None:
    end.come_up()

    async def ask() -> None:
        with pytest.raises(RefusalError) as caught:
            await end.peer.ask(m.TakeBundles(UserId(5)))
        assert (caught.value.code, caught.value.detail) == (ErrorCode.WAIT, 3)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        (question,) = end.said()
        end.peer.answered(m.NotDone(question.ask, ErrorCode.WAIT, 3))


def say_a_lot(end: BusEnd, count: int) -> None:
    """So many bytes, in whole messages."""
    before = end.peer.behind_bytes
    while end.peer.is_up and end.peer.behind_bytes - before < count:
        part = b"x" * 50_000
        end.peer.tell(m.Submit(ANNA, 1, UserId(7), [(MessageNumber(1), part)]))
