"""Whom a mailbox tells: the outgoing side of a connection is a correspondent and a source."""

from pathlib import Path

from protocol import ErrorCode, MessageNumber, Refused
from relay.correspondent import Correspondent, Source
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


async def test_a_worker_finds_the_connection_of_a_device_and_nobody_for_one_that_is_offline(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        find = stage.running.worker.correspondent
        assert find(stage.anna.address) is None
        await stage.anna.connect()
        assert find(stage.anna.address) is stage.outgoing_of(stage.anna)


async def test_a_connection_replaces_every_source_but_itself(sim: SimNetwork, tmp_path: Path) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await stage.anna.connect()
        first: Source = stage.outgoing_of(stage.anna)
        await stage.anna.connect()
        second: Correspondent = stage.outgoing_of(stage.anna)
        assert second.replaces(first)
        assert not second.replaces(stage.outgoing_of(stage.anna))


async def test_what_never_came_to_be_is_refused_one_by_one(sim: SimNetwork, tmp_path: Path) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        source: Source = stage.outgoing_of(stage.anna)
        source.voided(stage.ben.address.user, MessageNumber(4), MessageNumber(5), ErrorCode.STORAGE_FULL)
        await anna.ping()
        assert [(refused.number, refused.code) for refused in anna.heard(Refused)] == [
            (4, ErrorCode.STORAGE_FULL),
            (5, ErrorCode.STORAGE_FULL),
        ]
