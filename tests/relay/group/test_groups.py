"""A group's actor is started when somebody asks for it, once, and one that cannot start harms no other."""

from pathlib import Path

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from actors import ActorRef
from protocol import GroupId
from relay.group.groups import SUPERVISOR_NAME, Groups
from relay.group.handle import name_of
from storage import Put
from storage.tables import GROUPS
from supervisors import ChildStartError
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage

CLUB, CHOIR = GroupId(7), GroupId(8)


def actor(stage: Stage, group: GroupId) -> ActorRef | None:
    return stage.running.worker.system.whereis(name_of(group))


async def damage(stage: Stage, group: GroupId) -> None:
    await stage.running.worker.journal.commit([Put(GROUPS, group.to_bytes(8), b"damaged")])


async def test_a_group_is_in_memory_from_when_somebody_asks_for_it(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        directory = Groups(stage.running.worker)
        assert directory.running(CLUB) is None
        await directory.get(CLUB)
        assert directory.running(CLUB) is not None
        assert directory.running(CHOIR) is None


async def test_whoever_asks_at_the_same_time_gets_the_same_actor(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        directory, seen = Groups(stage.running.worker), list[ActorRef | None]()

        async def ask() -> None:
            await directory.get(CLUB)
            seen.append(actor(stage, CLUB))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(ask)
        assert directory.get_nowait(CLUB) is not None
        assert seen == [actor(stage, CLUB)] * 5


async def test_a_group_whose_rows_are_damaged_does_not_start_and_another_does(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await damage(stage, CLUB)
        directory = Groups(stage.running.worker)
        assert directory.get_nowait(CLUB) is None
        assert "group_not_started" in caplog.messages
        with pytest.raises(ChildStartError):
            await directory.get(CLUB)
        assert directory.get_nowait(CHOIR) is not None


async def test_a_group_that_died_with_its_supervisor_is_there_for_those_who_cannot_wait(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        directory = Groups(stage.running.worker)
        await directory.get(CLUB)
        supervisor = stage.running.worker.system.whereis(SUPERVISOR_NAME)
        assert supervisor is not None
        supervisor.kill()
        await trio.testing.wait_all_tasks_blocked()
        assert directory.running(CLUB) is None
        assert directory.get_nowait(CLUB) is not None
