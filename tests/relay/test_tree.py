"""The tree: what is in it, in which order, and that it is whole again after each of its branches died."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from supervisors import SupervisorHandle
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


async def test_what_others_depend_on_starts_first_and_the_listener_last(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        children = await SupervisorHandle(stage.running.root).which_children()
        assert [child.id for child in children] == [
            "mailboxes",
            "group work",
            "services",
            "connections",
            "listener",
        ]


@pytest.mark.parametrize("branch", ["mailboxes", "group work", "services", "connections", "listener"])
async def test_after_a_branch_was_killed_the_node_serves_again(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, branch: str
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        children = await SupervisorHandle(stage.running.root).which_children()
        (victim,) = [child.ref for child in children if child.id == branch]
        assert victim is not None
        victim.kill()
        await trio.sleep(2)
        ben, anna = await stage.ben.connect(), await stage.anna.connect()
        assert len(await ben.expect_deliveries(1)) == 1
        anna.send(stage.ben.address.user, 2)
        assert len(await ben.expect_deliveries(1)) == 1
        assert stage.running.root.is_alive
