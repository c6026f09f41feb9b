"""Timers on a virtual clock."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from actors import Actor, ActorSystem, CallTimeoutError, TimerRef, open_actor_system
from actors.testing import settle
from actors.timers import SMALL_HEAP
from tests.helpers.behaviours import Echo, Gated, Recorder


class Stamper(Actor):
    """Notes what it is told and when."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, float]] = []

    def handle(self, message: object) -> object:
        self.seen.append((message, round(trio.current_time(), 3)))
        return None


async def start(system: ActorSystem) -> Stamper:
    stamper = Stamper()
    await system.start(lambda: stamper)
    return stamper


async def test_messages_come_when_they_are_due_and_in_order(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        stamper = await start(system)
        for delay in (3, 1, 2):
            stamper.send_after(delay, delay)
        await trio.sleep(5)
    assert stamper.seen == [(1, 1.0), (2, 2.0), (3, 3.0)]


async def test_timers_of_the_same_moment_fire_in_the_order_they_were_set(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        stamper = await start(system)
        for name in "abc":
            stamper.send_after(1, name)
        await trio.sleep(2)
    assert [message for message, _ in stamper.seen] == ["a", "b", "c"]


async def test_a_delay_of_zero_comes_after_what_is_queued(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        stamper = await start(system)
        stamper.send_after(0, "timer")
        stamper.ref.tell_nowait("told")
        await trio.sleep(1)
    assert [message for message, _ in stamper.seen] == ["told", "timer"]


async def test_a_cancelled_timer_does_not_fire_and_says_whether_it_was_in_time(
    autojump_clock: MockClock,
) -> None:
    async with open_actor_system() as system:
        stamper = await start(system)
        early, late = stamper.send_after(1, "early"), stamper.send_after(2, "late")
        assert early.cancel()
        assert not early.cancel()
        await trio.sleep(3)
        assert not late.cancel()
    assert [message for message, _ in stamper.seen] == ["late"]


async def test_a_beat_does_not_drift_and_ends_when_cancelled(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        stamper = await start(system)
        beat = stamper.send_every(10, "tick")
        await trio.sleep(35)
        beat.cancel()
        await trio.sleep(100)
    assert stamper.seen == [("tick", 10.0), ("tick", 20.0), ("tick", 30.0)]


async def test_missed_beats_are_not_made_up_for(mock_clock: MockClock) -> None:
    async with open_actor_system() as system:
        stamper = await start(system)
        stamper.send_every(1, "tick")
        for jump in (5.5, 0.6):
            mock_clock.jump(jump)
            await settle()
        assert stamper.seen == [("tick", 5.5), ("tick", 6.1)]


async def test_a_beat_that_is_no_beat_is_refused() -> None:
    async with open_actor_system() as system:
        stamper = await start(system)
        with pytest.raises(ValueError, match="interval_s is 0"):
            stamper.send_every(0, "tick")


@pytest.mark.parametrize("set_timer", [Actor.send_after, Actor.send_every])
async def test_timers_end_with_their_owner(
    autojump_clock: MockClock, set_timer: Callable[..., TimerRef]
) -> None:
    async with open_actor_system() as system:
        owner, other = await start(system), await start(system)
        set_timer(owner, 5, "for you", to=other.ref)
        assert len(system.timers) == 1
        await owner.ref.stop()
        assert len(system.timers) == 0
        await trio.sleep(10)
    assert other.seen == []


async def test_a_timer_for_a_name_finds_who_has_it_when_it_fires(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        owner, successor = await start(system), await start(system)
        owner.send_after(5, "hello", to=system.via("post"))
        owner.send_after(6, "anyone?", to=system.via("vacant"))
        system.registry.register("post", successor.ref)
        await trio.sleep(10)
        assert system.dead_letters == 1
    assert successor.seen == [("hello", 5.0)]


async def test_a_single_timer_finds_room_in_a_full_mailbox_and_a_beat_does_not(
    autojump_clock: MockClock,
) -> None:
    gated = Gated()
    async with open_actor_system() as system:
        ref = await system.start(lambda: gated)
        await ref.tell(0)
        await settle()
        await ref.tell(1)
        await ref.tell(2)
        gated.send_every(1, "tick")
        gated.send_after(1, "once")
        await trio.sleep(1.5)
        statistics = ref.statistics()
        assert statistics is not None
        assert (statistics.length, statistics.refused) == (3, 1)
        gated.gate.set()
        await trio.sleep(0.1)
    assert gated.seen == [0, 1, 2, "once"]


async def test_a_timer_for_another_does_not_get_around_the_limit_of_its_mailbox(
    autojump_clock: MockClock,
) -> None:
    gated = Gated()
    async with open_actor_system() as system:
        ref = await system.start(lambda: gated)
        await ref.tell(0)
        await settle()
        stamper = await start(system)
        for _ in range(gated.mailbox_limit + 1):
            stamper.send_after(1, "from outside", to=ref)
        await trio.sleep(1.5)
        statistics = ref.statistics()
        assert statistics is not None
        assert (statistics.length, statistics.refused) == (gated.mailbox_limit, 1)


async def test_ten_thousand_asks_leave_no_heap_behind() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Echo)
        for number in range(1000):
            await ref.ask(number)
        assert len(system.timers) == 0
        assert len(system.timers._heap) <= 2 * SMALL_HEAP


async def test_a_rebuilt_heap_keeps_what_is_still_wanted(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        stamper = await start(system)
        stamper.send_after(50, "kept")
        for timer in [stamper.send_after(10, "dropped") for _ in range(1000)]:
            timer.cancel()
        assert len(system.timers._heap) < 1000
        await trio.sleep(100)
    assert stamper.seen == [("kept", 50.0)]


async def test_idle_timers_cost_no_task_each(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        recorder = Recorder()
        await system.start(lambda: recorder)
        await settle()
        before = trio.lowlevel.current_statistics().tasks_living
        for _ in range(100):
            recorder.send_after(1000, "later")
        assert trio.lowlevel.current_statistics().tasks_living == before


@pytest.mark.parametrize("no_time", [0, -1, math.nan])
async def test_an_ask_that_gives_no_time_times_out_at_once(no_time: float, autojump_clock: MockClock) -> None:
    gated = Gated()
    async with open_actor_system() as system:
        ref = await system.start(lambda: gated)
        with pytest.raises(CallTimeoutError):
            await ref.ask("x", timeout=no_time)
        assert trio.current_time() == 0
