"""The mailbox as an actor: limits, leaving memory, and coming back. Its promises are in tests/guarantees."""

from dataclasses import replace
from pathlib import Path

import trio
from trio.testing import MockClock

from protocol import Delivered, ErrorCode, MessageNumber, Part, Read, Refused, Send
from relay.mailbox_handle import name_of
from tests.helpers.relay_node import TEST_CONFIG
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


async def test_a_full_mailbox_refuses_by_name_until_the_device_has_taken_something(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    config = replace(TEST_CONFIG, max_queued_messages=3)
    async with open_stage(tmp_path, sim, config=config) as stage:
        anna = await stage.anna.connect()
        for number in (1, 2, 3, 4):
            anna.send(stage.ben.address.user, number)
        refused = await anna.expect(Refused)
        assert (refused.number, refused.code) == (4, ErrorCode.MAILBOX_FULL)
        ben = await stage.ben.connect()
        await ben.expect_deliveries(3)
        ben.ack(1)
        await ben.expect_silence()
        anna.send(stage.ben.address.user, 4)
        await anna.expect_accepted(4)


async def test_a_device_gets_no_more_than_a_window_before_it_acknowledges(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim, config=replace(TEST_CONFIG, window_messages=5)) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        for number in range(1, 13):
            anna.send(stage.ben.address.user, number)
        await ben.expect_deliveries(5)
        await ben.expect_silence()
        ben.ack(2)
        assert [delivery.seq for delivery in await ben.expect_deliveries(2)] == [6, 7]
        ben.ack(7)
        assert [delivery.seq for delivery in await ben.expect_deliveries(5)] == [8, 9, 10, 11, 12]


async def test_the_window_counts_bytes_too(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim, config=replace(TEST_CONFIG, window_bytes=1024)) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        for number in (1, 2, 3):
            anna.send(stage.ben.address.user, number, b"x" * 600)
        await ben.expect_deliveries(2)
        await ben.expect_silence()
        ben.ack(1)
        assert [delivery.seq for delivery in await ben.expect_deliveries(1)] == [3]


async def test_a_message_to_oneself_is_a_message_like_any_other(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.say(Send(stage.anna.address.user, MessageNumber(1), (Part(stage.anna.address.device, b"me"),)))
        (delivery,) = await anna.expect_deliveries(1)
        assert delivery.chat == stage.anna.address


async def test_reading_the_same_twice_tells_the_sender_once(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        await ben.expect_deliveries(1)
        ben.ack(1)
        ben.say(Read(stage.anna.address, MessageNumber(1)))
        await anna.expect(Read)
        ben.say(Read(stage.anna.address, MessageNumber(1)))
        await anna.expect_silence()


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
