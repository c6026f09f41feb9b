"""Who logs in is in every register, and who leaves is in none."""

from pathlib import Path

from trio.testing import MockClock

from relay import login
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


async def test_a_login_is_known_everywhere_and_a_leave_is_too(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await stage.anna.connect()
        worker, device = stage.running.worker, stage.anna.address
        outgoing = worker.presence.of_device(device)
        assert outgoing is not None
        assert worker.routing.route(device) == login.route_of(worker, outgoing)
        assert worker.counters.logins == 1
        for _ in range(2):  # twice is harmless
            login.leave(worker, outgoing)
            assert worker.presence.of_device(device) is None
            assert worker.presence.connection_count == 0
            assert worker.routing.route(device) is None
            assert outgoing not in worker.surroundings.awake


async def test_the_end_of_a_replaced_connection_takes_nothing_from_the_newer_one(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await stage.anna.connect()
        worker, device = stage.running.worker, stage.anna.address
        older = worker.presence.of_device(device)
        await stage.anna.connect()
        newer = worker.presence.of_device(device)
        assert older is not None
        assert newer is not None
        assert older.end == "replaced"
        login.leave(worker, older)
        assert worker.presence.of_device(device) is newer
        assert worker.routing.route(device) == login.route_of(worker, newer)
