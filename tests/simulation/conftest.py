"""What the tests of the simulation share: towns are founded once for all of them."""

from collections.abc import Iterator

import pytest

from faults.simulation.history import Founder, open_founder


@pytest.fixture(scope="session")
def founder() -> Iterator[Founder]:
    with open_founder() as founder:
        yield founder
