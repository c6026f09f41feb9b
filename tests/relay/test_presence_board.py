"""Presence at a whole relay: who is shown to whom, when, and what a reconnect looks like."""

from pathlib import Path

import trio
from trio.testing import MockClock

from protocol import (
    Audience,
    Available,
    Presence,
    Privacy,
    Settings,
    Subscribe,
    Unavailable,
    Unsubscribe,
    UserId,
)
from relay.config import PRESENCE_GRACE_BEATS, SWEEP_SECONDS
from tests.helpers.people import change, settle
from tests.helpers.relay_node import SettableClock
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage

GRACE_SECONDS = PRESENCE_GRACE_BEATS * SWEEP_SECONDS
HIDDEN = Privacy(Audience.NOBODY, Audience.EVERYONE, Audience.EVERYONE)
SHOWN = Privacy(Audience.EVERYONE, Audience.EVERYONE, Audience.EVERYONE)


async def test_a_watcher_is_told_at_once_and_then_each_change(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        user = stage.ben.address.user
        anna.say(Subscribe(user))
        assert await anna.expect(Presence) == Presence(user, 0)
        ben.say(Available())
        assert await anna.expect(Presence) == Presence(user, 1)
        ben.say(Unavailable())
        assert await anna.expect(Presence) == Presence(user, 0, int(clock.time))


async def test_a_device_that_is_only_connected_makes_nobody_online(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.say(Subscribe(stage.ben.address.user))
        await anna.expect(Presence)
        ben = await stage.ben.connect()
        await trio.sleep(GRACE_SECONDS + 2)
        ben.vanish()
        await trio.sleep(GRACE_SECONDS + 2)
        await anna.expect_silence()


async def test_a_reconnect_within_the_grace_does_not_flicker(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        ben.say(Available())
        await ben.ping()
        anna.say(Subscribe(stage.ben.address.user))
        assert (await anna.expect(Presence)).online
        ben.vanish()
        await trio.sleep(GRACE_SECONDS / 2)
        ben = await stage.ben.connect()
        ben.say(Available())
        await trio.sleep(GRACE_SECONDS * 2)
        assert anna.heard(Presence) == []


async def test_who_does_not_come_back_was_last_seen_when_the_connection_broke(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        ben.say(Available())
        await ben.ping()
        anna.say(Subscribe(stage.ben.address.user))
        await anna.expect(Presence)
        broke_at = int(clock.time)
        ben.vanish()
        await trio.sleep(1)
        clock.time += 3
        assert await anna.expect(Presence) == Presence(stage.ben.address.user, 0, broke_at)


async def test_who_comes_and_goes_all_the_time_is_told_of_once_a_beat_at_most(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.say(Subscribe(stage.ben.address.user))
        await anna.expect(Presence)
        for _ in range(100):
            ben.say(Available(), Unavailable(), Available())
            await trio.sleep(0.01)
        await trio.sleep(3)
        assert len(anna.heard(Presence)) <= 2
        assert anna.heard(Presence)[-1].online


async def test_who_unsubscribed_or_left_is_told_nothing_and_forgotten(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        board = stage.running.worker.board
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.say(Subscribe(stage.ben.address.user))
        await anna.expect(Presence)
        anna.say(Unsubscribe(stage.ben.address.user), Unsubscribe(UserId(99)))
        await anna.ping()
        assert board.watcher_count == 0
        ben.say(Available())
        await trio.sleep(3)
        await anna.expect_silence()
        anna.say(Subscribe(stage.ben.address.user))
        await anna.expect(Presence)
        anna.vanish()
        await trio.sleep(1)
        assert board.watcher_count == 0


async def test_hiding_takes_effect_at_once_and_looks_like_never_having_been_there(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        user = stage.ben.address.user
        ben.say(Available())
        await ben.ping()
        anna.say(Subscribe(user), Subscribe(UserId(99)))
        assert (await anna.expect(Presence)).online
        nobody = await anna.expect(Presence)
        await settle(ben, change(HIDDEN))
        assert await anna.expect(Presence) == Presence(user, nobody.online, nobody.last_seen)
        ben.say(Unavailable(), Available())
        await trio.sleep(3)
        await anna.expect_silence()


async def test_who_hides_sees_nobody_else(sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        ben.say(Available())
        await settle(anna, change(HIDDEN))
        anna.say(Subscribe(stage.ben.address.user))
        assert await anna.expect(Presence) == Presence(stage.ben.address.user, 0)


async def test_who_hides_or_shows_themselves_is_told_anew_of_those_whom_they_watch(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        user = stage.ben.address.user
        ben.say(Available())
        await ben.ping()
        anna.say(Subscribe(user))
        assert await anna.expect(Presence) == Presence(user, 1)
        anna.say(change(HIDDEN))
        assert await anna.expect(Presence) == Presence(user, 0)
        await anna.expect(Settings)
        anna.say(change(SHOWN))
        assert await anna.expect(Presence) == Presence(user, 1)
        await anna.expect(Settings)
        await settle(anna, change())  # only asks
        await anna.expect_silence()


async def test_a_blocked_watcher_sees_the_one_who_blocked_go_for_good(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        ben.say(Available())
        await ben.ping()
        anna.say(Subscribe(stage.ben.address.user))
        assert (await anna.expect(Presence)).online
        await settle(ben, change(block=(stage.anna.address.user,)))
        assert await anna.expect(Presence) == Presence(stage.ben.address.user, 0)
