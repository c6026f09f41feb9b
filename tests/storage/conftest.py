from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import Environment, open_environment
from tests.storage.one_queue import Mailbox

MIB = 1 << 20


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path / "data", map_bytes=64 * MIB, reserve_bytes=MIB) as environment:
        yield environment


@pytest.fixture
def mailbox(environment: Environment) -> Mailbox:
    return Mailbox(environment)
