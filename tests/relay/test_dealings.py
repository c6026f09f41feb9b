"""A connection goes on with the successor of a mailbox that died, and its device does not notice."""

from pathlib import Path

from trio.testing import MockClock

from protocol import ErrorCode
from relay.config import REATTACH_LIMIT
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


async def test_a_device_whose_mailbox_died_is_delivered_to_by_its_successor(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        dead = stage.crash_mailbox(stage.ben)
        await dead.wait_stopped()
        anna.send(stage.ben.address.user, 1)
        (delivery,) = await ben.expect_deliveries(1)
        assert delivery.number == 1
        assert ben.closed is None


async def test_a_sender_goes_on_when_the_recipients_mailbox_has_died(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        dead = stage.crash_mailbox(stage.ben)
        await dead.wait_stopped()
        anna.send(stage.ben.address.user, 2)
        await anna.expect_accepted(2)


async def test_a_mailbox_that_crashes_again_and_again_costs_its_device_the_connection(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        ben = await stage.ben.connect()
        for _ in range(REATTACH_LIMIT):
            dead = stage.crash_mailbox(stage.ben)
            await dead.wait_stopped()
            await ben.expect_silence()
        stage.crash_mailbox(stage.ben)
        assert await ben.expect_error() == ErrorCode.INTERNAL
        assert stage.running.root.is_alive
