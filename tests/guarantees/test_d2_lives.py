"""D2 and D6 for messages with lives of their own: each waits as long as it lives."""

from pathlib import Path

import pytest
import trio
import trio.testing

from protocol import Expired, MessageNumber, Run
from relay.expiry import ROUND_SECONDS
from relay.mailbox_handle import MailboxHandle
from storage import expiry_walk, mailboxes
from tests.guarantees.test_d2_reaches_every_device import (
    MONTH,
    a_round_of_the_sweep,
    progress_of,
    waiting,
)
from tests.helpers.late_journal import late_journals
from tests.helpers.relay_node import SettableClock
from tests.helpers.several_workers import open_workers
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage

HOUR = 3_600


async def send(stage: Stage, *lives: int | None, first: int = 1) -> None:
    """Anna sends Ben messages with these lives, and leaves."""
    anna = await stage.anna.connect()
    for number, life_s in enumerate(lives, start=first):
        anna.send(stage.ben.address.user, number, life_s=life_s)
    await anna.expect_accepted(first + len(lives) - 1)
    anna.vanish()


def run(first: int, last: int) -> Run:
    return Run(MessageNumber(first), MessageNumber(last))


async def test_a_message_leaves_the_middle_of_a_queue_when_its_life_is_over(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await send(stage, None, HOUR, HOUR, None, 2 * HOUR)
        clock.time += HOUR - 1
        await a_round_of_the_sweep()
        assert waiting(stage, stage.ben) == [1, 2, 3, 4, 5]
        clock.time += 1
        await a_round_of_the_sweep()
        assert waiting(stage, stage.ben) == [1, 4, 5]
        clock.time += HOUR
        await a_round_of_the_sweep()
        assert waiting(stage, stage.ben) == [1, 4]
        assert await progress_of(stage) == (5, 0, (run(2, 3), run(5, 5)))


async def test_its_sender_is_told_and_ticks_for_the_others_do_not_count_for_it(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await send(stage, None, HOUR, None)
        anna = await stage.anna.connect()
        clock.time += HOUR
        for _ in range(20):
            await trio.sleep(ROUND_SECONDS / 10)
            await anna.ping()
        assert await anna.expect(Expired) == Expired(stage.ben.address.user, *run(2, 2))
        ben = await stage.ben.connect()
        assert [delivery.number for delivery in await ben.expect_deliveries(2)] == [1, 3]
        ben.ack(3)
        await stage.settled(ben)
        assert await progress_of(stage) == (3, 3, (run(2, 2),))
        assert waiting(stage, stage.ben) == []


@pytest.mark.parametrize("count", [1, 300, 700])
async def test_a_device_that_comes_back_before_the_sweep_is_given_nothing_whose_life_is_over(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock, count: int
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await send(stage, *[None, HOUR] * count)
        clock.time += HOUR
        ben = await stage.ben.connect()
        numbers: list[int] = []
        while len(numbers) < count:
            (delivery,) = await ben.expect_deliveries(1)
            numbers.append(delivery.number)
            ben.ack(delivery.seq)
        assert numbers == list(range(1, 2 * count, 2))
        await stage.settled(ben)
        await a_round_of_the_sweep()
        assert waiting(stage, stage.ben) == []


async def test_no_life_is_longer_than_the_relay_keeps_messages(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await send(stage, 12 * MONTH)
        clock.time += MONTH
        await a_round_of_the_sweep()
        assert waiting(stage, stage.ben) == []


async def test_a_life_crosses_from_worker_to_worker(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    clock = SettableClock()
    async with open_workers(tmp_path, sim, 2, clock=clock) as node:
        anna, ben = node.add_user(0, "+491713920001"), node.add_user(1, "+491713920002")
        a = await anna.connect()
        a.send(ben.address.user, 1)
        a.send(ben.address.user, 2, life_s=30)
        a.send(ben.address.user, 3)
        await a.expect_accepted(3)
        clock.time += 30
        for _ in range(30):
            await trio.sleep(ROUND_SECONDS / 10)
            await a.ping()
        assert await a.expect(Expired) == Expired(ben.address.user, *run(2, 2))
        b = await ben.connect()
        assert [delivery.number for delivery in await b.expect_deliveries(2)] == [1, 3]


async def test_what_expires_just_as_its_device_comes_back_with_it_is_counted_off_once(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    clock = SettableClock()
    make, lates = late_journals(sim)
    async with open_stage(tmp_path, sim, clock=clock, make_journal=make) as stage:
        ben = await stage.ben.connect()
        await send(stage, HOUR, HOUR, HOUR)
        await ben.expect_deliveries(3)
        ben.vanish()
        await trio.sleep(1)
        await send(stage, None, 2 * HOUR, None, first=4)
        clock.time += HOUR
        lates[0].hold()
        await MailboxHandle(stage.mailbox_of(stage.ben)).expire()
        await trio.testing.wait_all_tasks_blocked()
        # Ben has stored the three, and nobody has heard of it; their removal is on its way to the disk.
        again = await stage.ben.connect(resume=3)
        assert [delivery.number for delivery in await again.expect_deliveries(3)] == [4, 5, 6]
        lates[0].let_go()
        await trio.sleep(1)
        with stage.running.worker.environment.read() as reader:
            cursor = mailboxes.load_device_queue_state(reader, stage.ben.address)
        assert cursor.messages == len(waiting(stage, stage.ben)) == 3
        again.ack(6)
        await trio.sleep(1)
        assert waiting(stage, stage.ben) == []


async def test_a_walk_that_is_further_on_does_not_hold_up_a_device_that_comes_back(
    tmp_path: Path,
    sim: SimNetwork,
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(expiry_walk, "WALK_ROWS", 3)
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await send(stage, HOUR, 2 * HOUR, *[None] * 60)
        clock.time += HOUR
        await MailboxHandle(stage.mailbox_of(stage.ben)).expire()
        await trio.sleep(1)
        clock.time += HOUR
        ben = await stage.ben.connect()
        assert [delivery.number for delivery in await ben.expect_deliveries(60)] == list(range(3, 63))
