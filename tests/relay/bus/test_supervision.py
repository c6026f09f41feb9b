"""The branch of the bus: nothing with one worker, and everybody at their place with several."""

from pathlib import Path

from relay.bus import supervision
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage
from tests.relay.bus.conftest import Pair


async def test_with_one_worker_there_is_no_branch(sim: SimNetwork, tmp_path: Path) -> None:
    async with open_stage(tmp_path, sim) as stage:
        assert supervision.child_specs(stage.running.worker) == []


async def test_with_several_each_has_one_branch_with_everybody_in_it(pair: Pair) -> None:
    for number in (0, 1):
        worker = pair.node.worker(number)
        assert [spec.id for spec in supervision.child_specs(worker)] == ["bus"]
        kinds = [ref.kind_name for ref in worker.system.actors]
        for kind in ("Usher", "Settler", "Neighbour", "Reception", "Session"):
            assert kinds.count(kind) == 1, kind
