"""Devices that do not read cost a window each, and are closed when they take more."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from faults.real import slow_readers
from faults.real.fault import Broken
from faults.real.mob import obey
from faults.real.mob_order import Order, Tally, packed
from faults.real.rogues import rogues_at
from faults.real.slow_readers import FAULTS
from faults.real.toll import take_toll
from faults.real.watching import Watched
from tests.faults.inside_node import CONFIG, InsideNode, arena_of, open_inside_node, stroke

TIGHT = replace(CONFIG, max_unsent_bytes=65_536)
READERS = 3


async def listen_badly(node: InsideNode, kind: str, messages: int, until: Any) -> Tally:
    """Have some devices not read, until something is so."""
    people = await rogues_at(node, node.folder).take(1 + READERS)  # type: ignore[arg-type]
    order = Order(kind, node.port, node.key.hex(), seconds=60.0, size=messages, accounts=packed(people))
    tally = Tally()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey, order, tally)
        with trio.fail_after(30):
            while not until(tally):  # noqa: ASYNC110 - a count: there is no event for it
                await trio.sleep(0.02)
        nursery.cancel_scope.cancel()
    return tally


async def test_whoever_acknowledges_and_does_not_read_is_closed_as_too_slow(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path, TIGHT) as node:
        closed = node.worker.counters.connections_closed
        await listen_badly(node, "blind", 90, until=lambda _: closed.get("too-slow", 0) == READERS)


async def test_whoever_neither_reads_nor_acknowledges_gets_a_window_and_stays(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        tally = await listen_badly(node, "deaf", 12, until=lambda tally: tally.outcomes["accepted"] == 12)
        assert "too-slow" not in node.worker.counters.connections_closed
        # The first entry of the group's log, and four or five of 60,000 bytes, to each of them.
        assert node.worker.counters.pushed <= READERS * 7 + 1
    assert tally.outcomes["deaf"] == READERS


async def test_a_node_that_closes_nobody_is_found_out(tmp_path: Path) -> None:
    async with open_inside_node(tmp_path) as node:
        toll = await take_toll(node)  # type: ignore[arg-type]
    seen = Watched(Tally(Counter({"deaf": 2})), toll, replace(toll, closed={"too-slow": 2}), 0, "")
    slow_readers._check_closed(seen, 2)
    with pytest.raises(Broken, match="2 of 3 devices that read nothing were closed"):
        slow_readers._check_closed(seen, 3)


async def test_memory_beyond_what_they_may_cost_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_readers, "FEWEST", READERS)
    monkeypatch.setattr(slow_readers, "MESSAGES", 3)
    monkeypatch.setattr(slow_readers, "SLACK", -(2**40))
    deaf = next(fault for fault in FAULTS if fault.name == "slow readers")
    async with open_inside_node(tmp_path) as node:
        with pytest.raises(Broken, match=r"the workers took .* MB more"):
            await deaf.strike(arena_of(node), stroke(1.0))
