"""What comes in for a user: limits, special cases. The promises are in tests/guarantees."""

from dataclasses import replace
from pathlib import Path

import pytest
from trio.testing import MockClock

from protocol import Delivered, DeviceId, ErrorCode, MessageNumber, Part, Refused, Send
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import link, open_stage


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


async def test_in_the_chat_with_oneself_everybody_hears_it_but_the_device_that_speaks(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        second, third = link(stage.anna), link(stage.anna)
        one, two, three = [await phone.connect() for phone in (stage.anna, second, third)]
        others = (Part(second.address.device, b"2"), Part(third.address.device, b"3"))
        one.say(Send(stage.anna.address.user, MessageNumber(1), others))
        await one.expect_accepted(1)
        for device, expected in ((two, b"2"), (three, b"3")):
            (delivery,) = await device.expect_deliveries(1)
            assert (delivery.chat, delivery.seq, delivery.ciphertext) == (stage.anna.address, 1, expected)
        await one.expect_silence()


@pytest.mark.parametrize("named", [(1,), (1, 2), ()])
async def test_a_part_for_the_sending_device_or_too_few_are_refused_with_the_others(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, named: tuple[int, ...]
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        link(stage.anna)
        anna = await stage.anna.connect()
        parts = tuple(Part(DeviceId(device), b"c") for device in named)
        anna.say(Send(stage.anna.address.user, MessageNumber(1), parts))
        refused = await anna.expect(Refused)
        assert (refused.code, refused.detail) == (ErrorCode.STALE_DEVICES, (2,))


async def test_with_no_other_device_a_message_to_oneself_is_taken_and_has_nobody_to_go_to(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.say(Send(stage.anna.address.user, MessageNumber(1), ()))
        await anna.expect_accepted(1)
        await anna.expect_silence()


async def test_a_queue_that_got_less_than_the_others_sends_nothing_that_is_not_durable(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        second = link(stage.anna)
        one, two, ben = await stage.anna.connect(), await second.connect(), await stage.ben.connect()
        user, devices = stage.anna.address.user, (stage.anna.address.device, second.address.device)
        for number in map(MessageNumber, range(1, 11)):
            one.say(Send(user, number, (Part(devices[1], b"mine"),)))
            ben.say(Send(user, number, tuple(Part(device, b"yours") for device in devices)))
        assert [each.number for each in await one.expect_deliveries(10)] == list(range(1, 11))
        assert [each.seq for each in await two.expect_deliveries(20)] == list(range(1, 21))
        two.ack(20)
        one.ack(10)
        assert (await one.expect(Delivered)).number == 10
