"""Every message to somebody who is away is accepted, takes disk, and is fetched later."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.catalogue import CATALOGUE
from bench.measurement import Stage
from bench.node import running_node
from bench.progress import Progress
from bench.scenarios import offline
from bench.scenarios.offline import Plan, disk_bytes, share_of


@pytest.mark.slow
def test_all_messages_are_accepted_and_then_fetched() -> None:
    plan = Plan(recipients=2, queued=50, writers=3, window=4)
    with running_node(offline.accounts(plan)) as node:
        stage = Stage(node, frozenset(), 1, Progress(quiet=True))
        # A second time on the same node: a number that was used before would be accepted and not stored.
        for figures in (offline.measure(stage, plan).figures, offline.measure(stage, plan).figures):
            assert figures["messages"] == 100
            assert (figures["accepted_per_s"] or 0) > 0
            assert (figures["drained_per_s"] or 0) > 0
            assert figures.keys() <= CATALOGUE.keys()


@given(st.integers(0, 1000), st.integers(1, 50))
def test_shares_are_even_and_add_up(amount: int, shares: int) -> None:
    parts = [share_of(amount, shares, place) for place in range(shares)]
    assert sum(parts) == amount
    assert max(parts) - min(parts) <= 1


def test_holes_of_files_take_no_disk(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**30)
    assert (disk_bytes(tmp_path) or 0) < 2**20
    assert disk_bytes(None) is None
