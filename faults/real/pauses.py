"""Faults: processes that stand still for seconds and go on (SIGSTOP, SIGCONT), as on a machine that swaps."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio

from faults.real.arena import Arena
from faults.real.bystanders import open_bystanders
from faults.real.fault import Broken, Fault, Stroke
from faults.real.intruder import door_of
from faults.real.processes import is_running, is_stopped
from faults.real.rogues import rogues_of
from faults.real.unharmed import unharmed
from faults.real.victims import any_worker, until

STOPPED_SECONDS = 5.0

PAUSE_SECONDS = (2.0, 20.0)


@asynccontextmanager
async def stopped(*pids: int) -> AsyncIterator[None]:
    """Let processes stand still for the length of a block.

    Raises:
        Broken: one of them was not to be stopped, or has ended meanwhile.
    """
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in pids:
            await until(partial(is_stopped, pid), STOPPED_SECONDS, f"process {pid} did not stop")
        yield
        ended = [pid for pid in pids if not is_running(pid)]
        if ended:
            raise Broken(f"processes {ended} ended while they stood still")
    finally:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass  # it was killed, and will be missed elsewhere


async def _pause_worker(arena: Arena, stroke: Stroke) -> str:
    number, pid = await any_worker(arena.node, stroke.random)
    async with unharmed(arena, number), stopped(pid):
        await trio.sleep(stroke.seconds)
    return f"worker {number} stood still for {stroke.seconds:.1f} s"


async def _pause_parent(arena: Arena, stroke: Stroke) -> str:
    pair = await rogues_of(arena).take(2)
    async with open_bystanders(door_of(arena.node), pair) as others, stopped(arena.node.pid):
        await trio.sleep(stroke.seconds)
    return f"the parent stood still for {stroke.seconds:.1f} s; {others}"


async def _pause_node(arena: Arena, stroke: Stroke) -> str:
    pids = arena.node.processes()
    async with stopped(*pids):
        await trio.sleep(stroke.seconds)
    return f"all {len(pids)} processes of the node stood still for {stroke.seconds:.1f} s"


async def _pause_client(arena: Arena, stroke: Stroke) -> str:
    client = stroke.random.choice(arena.crowd.clients)
    async with stopped(client.pid):
        await trio.sleep(stroke.seconds)
    return f"{client.name} stood still for {stroke.seconds:.1f} s"


FAULTS = (
    Fault(
        name="pause worker",
        point="SIGSTOP to a worker's process at any moment, SIGCONT seconds later",
        promise="Nobody ends it: it goes on as the same process, and those of the other workers never wait.",
        strike=_pause_worker,
        seconds=PAUSE_SECONDS,
    ),
    Fault(
        name="pause parent",
        point="SIGSTOP to the node's parent at any moment, SIGCONT seconds later",
        promise="The workers serve on without it.",
        strike=_pause_parent,
        seconds=PAUSE_SECONDS,
        weight=4,
    ),
    Fault(
        name="pause node",
        point="SIGSTOP to every process of the node, one after the other, SIGCONT seconds later",
        promise="All go on as the same processes; devices stay connected.",
        strike=_pause_node,
        seconds=PAUSE_SECONDS,
        weight=4,
    ),
    Fault(
        name="pause client",
        point="SIGSTOP to a client's process with all its phones, SIGCONT seconds later",
        promise="The relay keeps what is for them, within a bounded buffer, and nobody else waits.",
        strike=_pause_client,
        seconds=PAUSE_SECONDS,
    ),
)
