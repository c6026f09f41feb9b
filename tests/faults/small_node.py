"""A node of one worker on a small disk, and two who write to each other: for strikes at its disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import cast

import trio

from faults.real.arena import Arena
from faults.real.bystanders import open_bystanders
from faults.real.crowd import Crowd
from faults.real.disk import open_small_disk
from faults.real.fault import Broken, Stroke
from faults.real.intruder import Door
from faults.real.node import NodeProcess
from faults.real.orphans import Watcher
from faults.real.proxy import open_proxy
from faults.real.rogues import Account, rogues_of


def stroke(size: float, seed: int = 7) -> Stroke:
    return Stroke(0.2, size, Random(seed))


@asynccontextmanager
async def open_small_node(folder: Path) -> AsyncIterator[Arena]:
    with Watcher() as watcher:
        async with open_small_disk(folder / "disk", minder=watcher) as disk:
            node = NodeProcess(folder / "node", workers=1, minder=watcher)
            node.data = disk.folder / "data"
            try:
                await node.start()
                async with open_proxy(node.port) as proxy, trio.open_nursery() as nursery:
                    arena = Arena(folder, node, proxy, cast("Crowd", None), disk, watcher, lambda _text: None)
                    nursery.start_soon(_talk, arena, await rogues_of(arena).take(2))
                    yield arena
                    nursery.cancel_scope.cancel()
                assert await node.stop() == 0
            finally:
                await node.close()


async def _talk(arena: Arena, accounts: list[Account]) -> None:
    """Have them write to each other, whatever becomes of the node."""
    while True:
        try:
            async with open_bystanders(Door(arena.proxy.port, arena.node.key), accounts):
                await trio.sleep_forever()
        except Broken:
            pass  # that is what all this is about
