"""Sets an arena up and takes it down: the node, the proxy before it, the crowd, a watcher over all of it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

from faults.real.arena import Arena
from faults.real.catalogue import FAULTS
from faults.real.crowd import Crowd
from faults.real.disk import SmallDisk, open_small_disk, why_not
from faults.real.needs import Need
from faults.real.node import NodeProcess
from faults.real.orphans import Watcher
from faults.real.plan import Plan
from faults.real.proxy import open_proxy


@asynccontextmanager
async def open_arena(plan: Plan, folder: Path, say: Callable[[str], None]) -> AsyncIterator[Arena]:
    """A node that serves, and a crowd that talks through a proxy, for the length of a block.

    All of it has ended when the block has, however it ends, and also if this process is killed.

    Raises:
        Broken: the node did not come up, or not everybody of the crowd got in.
    """
    size = plan.size
    async with AsyncExitStack() as stack:
        watcher = stack.enter_context(Watcher())
        node = NodeProcess(folder / "node", workers=size.workers, minder=watcher)
        disk = await stack.enter_async_context(_disk_of(node, watcher)) if _needs_a_disk(plan) else None
        stack.push_async_callback(node.close)
        say(f"the node starts, with {size.workers} workers")
        await node.start()
        proxy = await stack.enter_async_context(open_proxy(node.port, Random(f"{plan.seed} of the proxy")))
        crowd = Crowd(
            folder / "crowd",
            node.key,
            node.sms,
            proxy.open_port,
            clients=size.clients,
            phones=size.phones,
            seed=plan.seed,
            rate=size.rate,
            companions=size.companions,
            minder=watcher,
        )
        stack.push_async_callback(crowd.close)
        say(f"{size.clients} clients with {size.phones} people each come in")
        await crowd.start()
        yield Arena(folder, node, proxy, crowd, disk, watcher, say)


def _needs_a_disk(plan: Plan) -> bool:
    """Whether the node's data has to be on a disk of its own; no, where none can be had."""
    return why_not() is None and any(Need.MOUNT in FAULTS[step.fault].needs for step in plan.steps)


@asynccontextmanager
async def _disk_of(node: NodeProcess, watcher: Watcher) -> AsyncIterator[SmallDisk]:
    """A small disk for the node's data; at the end what is on it lies where it would lie without one."""
    usual = node.data
    async with open_small_disk(node.folder / "disk", minder=watcher) as disk:
        node.data = disk.folder / "data"
        try:
            yield disk
        finally:
            disk.empty()
            if node.data.exists():
                sockets = shutil.ignore_patterns("volatile")
                shutil.copytree(node.data, usual, dirs_exist_ok=True, ignore=sockets)
