"""D2 and D6 for messages with lives of their own: each waits as long as it lives."""

from pathlib import Path

import pytest
import trio
import trio.testing

from protocol import Expired, MessageNumber, Run
from relay.expiry import ROUND_SECONDS
from tests.guarantees.test_d2_reaches_every_device import (
    MONTH,
    a_round_of_the_sweep,
    progress_of,
    sim,
    waiting,
)
from tests.helpers.relay_node import SettableClock
from tests.helpers.several_workers import open_workers
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage

__all__ = ["sim"]

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
