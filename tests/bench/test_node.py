"""The node of a benchmark is a real one: it has the accounts, says what it uses, and ends with the block."""

import os

import pytest

from bench.node import running_node


@pytest.mark.slow
def test_a_node_runs_for_the_length_of_the_block() -> None:
    with running_node(3, pin=False) as node:
        assert len(node.accounts) == 3
        assert node.memory_bytes("Rss") > 0
        assert node.cpu_seconds() > 0
    with pytest.raises(ProcessLookupError):
        os.kill(node.pid, 0)
