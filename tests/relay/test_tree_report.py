"""The tree as JSON: names, states, restarts; very many children are counted, not listed."""

from pathlib import Path
from typing import Any

from trio.testing import MockClock

from actors import open_actor_system
from relay.mailboxes import Mailboxes
from relay.tree_report import MAX_CHILDREN_LISTED, tree_report
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, make_phone, open_stage


def child(tree: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in tree["children"] if one["name"].startswith(name))
    return found


async def mailboxes_of(stage: Stage) -> dict[str, Any]:
    system = await tree_report(stage.running.worker.system)
    return child(child(system, "relay"), "mailboxes")


async def test_restarts_of_a_mailbox_show(sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_stage(tmp_path, sim) as stage:
        ben = await stage.ben.connect()
        dead = stage.crash_mailbox(stage.ben)
        await dead.wait_stopped()
        await ben.expect_silence()
        mailboxes = await mailboxes_of(stage)
        assert child(mailboxes, "mailbox")["restarts"] == 1


async def test_a_crowd_is_counted(sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_stage(tmp_path, sim) as stage:
        directory = Mailboxes(stage.running.worker)
        for number in range(MAX_CHILDREN_LISTED + 5):
            await directory.get(make_phone(stage.running, f"+4917139300{number:02}").address.user)
        mailboxes = await mailboxes_of(stage)
        assert len(mailboxes["children"]) == MAX_CHILDREN_LISTED
        assert mailboxes["children_omitted"] == 5


async def test_without_a_tree_there_is_nothing_to_list() -> None:
    async with open_actor_system() as system:
        assert (await tree_report(system))["children"] == []
