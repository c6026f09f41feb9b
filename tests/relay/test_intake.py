"""What comes in for a user: limits, special cases. The promises are in tests/guarantees."""

from dataclasses import replace
from pathlib import Path

from trio.testing import MockClock

from protocol import ErrorCode, MessageNumber, Part, Refused, Send
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


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


async def test_a_message_to_oneself_is_a_message_like_any_other(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.say(Send(stage.anna.address.user, MessageNumber(1), (Part(stage.anna.address.device, b"me"),)))
        (delivery,) = await anna.expect_deliveries(1)
        assert delivery.chat == stage.anna.address
