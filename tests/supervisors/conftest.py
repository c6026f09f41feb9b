"""What the tests of this folder share: a stage for the players, and a system for them to play in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from actors import ActorSystem, open_actor_system
from tests.supervisors.cast import Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def system() -> AsyncIterator[ActorSystem]:
    """An actor system. A test names `autojump_clock` itself: pytest-trio sees no clock of a fixture."""
    async with open_actor_system() as system:
        yield system
