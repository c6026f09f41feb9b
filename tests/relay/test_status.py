"""The numbers of a worker as one object."""

from pathlib import Path

from trio.testing import MockClock

from relay.status import worker_status
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


async def test_an_idle_worker_has_nothing_to_show(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        status = worker_status(stage.running.worker)
        levels = (
            *("connections", "handshakes", "devices_online", "users_online"),
            *("queued_messages", "borne_deliveries"),
        )
        assert [status[name] for name in levels] == [0] * len(levels)
        assert status["phase"] == "ready"
