"""The numbers of a node as one object."""

from pathlib import Path

from trio.testing import MockClock

from relay.status import node_status, node_version
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


async def test_an_idle_node_has_nothing_to_show(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        status = node_status(stage.running.worker)
        levels = ("connections", "handshakes", "devices_online", "users_online", "queued_messages")
        assert [status[name] for name in levels] == [0] * len(levels)
        assert status["phase"] == "ready"


def test_the_version_is_known() -> None:
    assert node_version() != ""
