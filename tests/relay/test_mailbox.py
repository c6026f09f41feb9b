"""The mailbox as an actor: leaving memory, and coming back. Its promises are in tests/guarantees."""

from pathlib import Path

import trio
from trio.testing import MockClock

from protocol import Delivered, MessageNumber, Read
from relay.mailbox_handle import name_of
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Phone, Stage, open_stage


def in_memory(stage: Stage, phone: Phone) -> bool:
    return stage.running.worker.system.whereis(name_of(phone.address.user)) is not None


async def test_a_mailbox_without_device_or_work_leaves_memory_and_loses_nothing(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1, b"before")
        await anna.expect_accepted(1)
        assert in_memory(stage, stage.ben)
        for _ in range(8):  # the phone pings, or the relay would think it gone
            await trio.sleep(20)
            await anna.ping()
        assert not in_memory(stage, stage.ben)
        assert in_memory(stage, stage.anna)
        anna.send(stage.ben.address.user, 2, b"after")
        await anna.expect_accepted(2)
        ben = await stage.ben.connect()
        assert [delivery.ciphertext for delivery in await ben.expect_deliveries(2)] == [b"before", b"after"]


async def test_a_mailbox_that_left_memory_is_no_crash_to_those_who_wrote_to_it(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        for _ in range(8):
            await trio.sleep(20)
            await anna.ping()
        assert not in_memory(stage, stage.ben)
        await anna.expect_silence()
        assert not stage.running.worker.flights.get(stage.ben.address.user)


async def test_a_reading_that_a_crash_swallowed_is_told_by_the_successor(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        await ben.expect_deliveries(1)
        ben.ack(1)
        await anna.expect(Delivered)
        stage.crash_mailbox(stage.ben)
        ben.say(Read(stage.anna.address, MessageNumber(1)))
        assert (await anna.expect(Read)).number == 1
