"""Faults of disks, at a real node of one worker; for the other ones of them too (full.py, power_loss.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.real import failing_disk, full, power_loss
from faults.real.disk import has_loop_devices, why_not
from faults.real.needs import Need
from tests.faults.small_node import open_small_node, stroke

FAULTS = {fault.name: fault for fault in (*full.FAULTS, *failing_disk.FAULTS, *power_loss.FAULTS)}
LACKING = why_not() or Need.STRACE.missing() or (None if has_loop_devices() else "needs loop devices")


@pytest.mark.slow
@pytest.mark.timeout(600)  # four starts of a node
@pytest.mark.skipif(LACKING is not None, reason=str(LACKING))
async def test_a_node_gets_over_what_is_done_to_its_disk_and_each_strike_says_what_that_was(
    tmp_path: Path,
) -> None:
    async with open_small_node(tmp_path) as arena:

        async def strike(name: str, size: float) -> str:
            told = await FAULTS[name].strike(arena, stroke(size))
            await arena.node.until_ready(60.0)
            return told

        assert "0 MiB were left" in await strike("full disk", 1.0)
        assert "EIO for the" in await strike("failing fsync", 0.5)
        assert "bytes" in await strike("power loss", 0.5)
        assert "mounted anew" in await strike("read-only disk", 0.5)
