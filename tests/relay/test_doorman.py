"""The doorman answers lone pings, hands on all else, and clears up after an actor that was killed."""

from pathlib import Path

import trio
from trio.testing import MockClock

from actors.mailbox import MailboxStatistics
from protocol import Ping
from relay.login import route_of
from relay.outgoing import Outgoing
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage


def annas(stage: Stage) -> Outgoing:
    """The relay's side of Anna's connection."""
    outgoing = stage.running.worker.presence.of_device(stage.anna.address)
    assert outgoing is not None
    return outgoing


def handled(outgoing: Outgoing) -> int:
    assert outgoing.owner is not None
    statistics = outgoing.owner.statistics()
    assert isinstance(statistics, MailboxStatistics)
    return statistics.handled


async def test_a_ping_is_answered_without_waking_the_actor(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        outgoing = annas(stage)
        before, frames = handled(outgoing), stage.running.worker.counters.frames_out
        for _ in range(5):
            await trio.sleep(2)
            anna.say(Ping())
        await trio.sleep(2)
        assert handled(outgoing) == before
        assert stage.running.worker.counters.frames_out == frames + 5
        assert outgoing.heard_at >= stage.running.worker.surroundings.beat - 2


async def test_pings_in_a_hurry_go_to_the_actor_where_they_are_charged(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        outgoing = annas(stage)
        await trio.sleep(2.1)
        before = handled(outgoing)
        for _ in range(3):
            await anna.ping()
        assert handled(outgoing) == before + 2


async def test_a_connection_that_was_killed_is_out_of_the_registers_when_its_link_ends(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        worker, outgoing = stage.running.worker, annas(stage)
        route = route_of(worker, outgoing)
        assert worker.routing.route(stage.anna.address) == route
        assert outgoing.owner is not None
        outgoing.owner.kill()
        await anna.expect_end()
        await trio.testing.wait_all_tasks_blocked()
        assert worker.presence.of_device(stage.anna.address) is None
        assert worker.presence.connection_count == 0
        assert worker.routing.route(stage.anna.address) is None
        assert outgoing.end == "killed"
