"""Workers 0 and 1 of a node on a simulated network, with a user at each."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.several_workers import Resident, SeveralWorkers, open_workers
from tests.helpers.sim_network import SimNetwork


@dataclass(frozen=True, slots=True)
class Pair:
    """Two workers, Anna at the first and Ben at the second."""

    node: SeveralWorkers
    anna: Resident
    ben: Resident


@pytest.fixture
async def pair(sim: SimNetwork, tmp_path: Path) -> AsyncIterator[Pair]:
    async with open_workers(tmp_path, sim, 2) as node:
        yield Pair(node, node.add_user(0, "+491713920001"), node.add_user(1, "+491713920002"))
