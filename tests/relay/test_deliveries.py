"""What goes out to a user's devices: windows, and what devices say. The promises are in tests/guarantees."""

from dataclasses import replace
from pathlib import Path

from trio.testing import MockClock

from protocol import MessageNumber, Read
from tests.helpers.late_journal import late_journals
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


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


async def test_what_was_on_its_way_to_the_disk_at_a_login_comes_before_what_is_in_memory(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    make, lates = late_journals(sim)
    async with open_stage(tmp_path, sim, make_journal=make) as stage:
        anna, ben = await stage.anna.connect(), stage.ben.address.user
        lates[0].hold()
        anna.send(ben, 1)
        await anna.ping()
        device = await stage.ben.connect()
        anna.send(ben, 2)
        await anna.ping()
        lates[0].let_go()
        first, second = await device.expect_deliveries(2)
        anna.send(ben, 3)
        (third,) = await device.expect_deliveries(1)
        assert [each.number for each in (first, second, third)] == [1, 2, 3]
        assert third.accepted_at is None  # from memory


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
