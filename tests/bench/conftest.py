"""A node that the tests of all scenarios share: starting one takes a second."""

from collections.abc import Iterator

import pytest

from bench.measurement import Stage
from bench.node import Node, running_node
from bench.progress import Progress

ACCOUNTS = 24


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    with running_node(ACCOUNTS) as node:
        yield node


@pytest.fixture
def stage(node: Node) -> Stage:
    return Stage(node, frozenset(), 1, Progress(quiet=True))
