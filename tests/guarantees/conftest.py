"""What several guarantee suites share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from trio.testing import MockClock

from tests.helpers.scene import Scene, open_scene
from tests.helpers.sim_network import SimNetwork, open_sim_network


@pytest.fixture
async def scene(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    """Three people with open phones, and the one who lies to them."""
    async with open_scene(tmp_path, monkeypatch) as scene:
        yield scene


@pytest.fixture
async def sim(autojump_clock: MockClock) -> AsyncIterator[SimNetwork]:
    async with open_sim_network() as network:
        yield network
