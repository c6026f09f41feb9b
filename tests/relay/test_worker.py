"""What the actors of a node share."""

from pathlib import Path

import trio
from trio.testing import MockClock

from protocol import UserId
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


async def test_an_account_has_a_phone_number_and_nobody_has_none(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        assert worker.phone_of(stage.anna.address.user) == stage.anna.number
        assert worker.phone_of(UserId(4711)) is None


async def test_connections_are_counted_from_one(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        assert [stage.running.worker.next_connection_number() for _ in range(3)] == [1, 2, 3]


async def test_the_message_rate_follows_what_was_accepted(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        for number in range(1, 21):
            anna.send(stage.ben.address.user, number)
        await anna.expect_accepted(20)
        await trio.sleep(4.5)
        assert stage.running.worker.uptime_seconds >= 4
        assert stage.running.worker.messages_rate.per_second() >= 0
