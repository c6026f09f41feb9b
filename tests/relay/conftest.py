"""A simulated network under the virtual clock: most tests of the relay need no real socket."""

from collections.abc import AsyncIterator

import pytest
import trio.testing

from tests.helpers.sim_network import SimNetwork, open_sim_network


@pytest.fixture
async def sim(autojump_clock: trio.testing.MockClock) -> AsyncIterator[SimNetwork]:
    """A network of its own, without faults until a test commands some."""
    async with open_sim_network() as network:
        yield network
