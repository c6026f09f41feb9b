"""Faults: processes that are killed, at any moment and at chosen ones. SIGKILL, which nobody can handle."""

from __future__ import annotations

import os
import signal
from functools import partial

import trio

from faults.real.arena import Arena
from faults.real.fault import Broken, Fault, Stroke
from faults.real.moments import Moment, Trap, lay
from faults.real.processes import children
from faults.real.unharmed import unharmed
from faults.real.victims import (
    Watch,
    any_worker,
    kill,
    living,
    until,
    until_gone,
    until_killing_is_fair,
)

MOST_PASSES = 8
"""A worker gets past a trap up to so many times: with the first only, it would always be the same story."""

TRAP_SECONDS = 60.0
"""Somebody writes something every second; but a worker that starts may take its time on a busy machine."""

AGAIN_SECONDS = 5.0
"""Between two attempts to have connections handed over."""

LOOP_TIMES = (2, 4)
"""How many times a worker is killed in a row: below the five a minute that a node bears for each worker."""

START_SECONDS = 2.0
"""A node is killed within so much of its start: on most machines before it serves, on some after that."""


# ---- at any moment ----


async def _kill_worker(arena: Arena, stroke: Stroke) -> str:
    await until_killing_is_fair(arena.node)
    number, pid = await any_worker(arena.node, stroke.random)
    async with unharmed(arena, number):
        await kill(arena.node, number, pid)
    return f"worker {number}"


async def _kill_all_workers(arena: Arena, stroke: Stroke) -> str:
    node = arena.node
    await until_killing_is_fair(node, node.worker_count)
    victims = node.workers_by_number()
    watch = Watch(node)
    for pid in victims.values():
        os.kill(pid, signal.SIGKILL)
    for number, pid in victims.items():
        await until_gone(pid)
        await watch.until_ended(number, -signal.SIGKILL)
    return f"{len(victims)} workers at once"


async def _kill_reserve(arena: Arena, stroke: Stroke) -> str:
    """And at once a worker, whose successor has to be started from nothing then."""
    node = arena.node
    await until_killing_is_fair(node)
    number, pid = await any_worker(node, stroke.random)
    spare = [each for each in children(node.pid) if each not in node.workers()]
    for each in spare:
        os.kill(each, signal.SIGKILL)
    await kill(node, number, pid)
    return f"{len(spare)} in reserve, and worker {number}"


async def _kill_node(arena: Arena, stroke: Stroke) -> str:
    await arena.node.kill()
    await trio.sleep(stroke.seconds)
    await arena.node.start()
    return f"started again after {stroke.seconds:.1f} s"


async def _kill_node_in_start(arena: Arena, stroke: Stroke) -> str:
    lived = stroke.size * START_SECONDS
    await arena.node.kill()
    await arena.node.launch()
    await trio.sleep(lived)
    await arena.node.kill()
    await arena.node.start()
    return f"killed, started, killed {lived:.2f} s later, started again"


async def _restart_node(arena: Arena, stroke: Stroke) -> str:
    status = await arena.node.stop()
    if status:
        raise Broken(f"the node ended with status {status} when it was asked to")
    await trio.sleep(stroke.seconds)
    await arena.node.start()
    return f"SIGTERM, started again after {stroke.seconds:.1f} s"


async def _kill_client(arena: Arena, stroke: Stroke) -> str:
    client = stroke.random.choice(arena.crowd.clients)
    await client.kill()
    await trio.sleep(stroke.seconds)
    client.start()
    return f"{client.name}, started again after {stroke.seconds:.1f} s"


async def _crash_loop(arena: Arena, stroke: Stroke) -> str:
    node = arena.node
    times = stroke.random.randint(*LOOP_TIMES)
    await until_killing_is_fair(node, times)
    number, pid = await any_worker(node, stroke.random)
    await kill(node, number, pid)
    for _ in range(times - 1):
        pid = await living(node, number, other_than=pid)  # not: until it serves
        await trio.sleep(stroke.random.random() * stroke.size)
        await kill(node, number, pid)
    return f"worker {number}, {times} times in a row"


# ---- at chosen moments ----


async def _kill_at(moment: Moment, arena: Arena, stroke: Stroke) -> str:
    node = arena.node
    await until_killing_is_fair(node)
    number, _ = await any_worker(node, stroke.random)
    passes = 1 + int(stroke.size * (MOST_PASSES - 1))
    watch = Watch(node)
    trap = lay(node.within, moment, number, passes)
    pid = await until_fallen(trap, watch, number)
    return f"worker {number}, process {pid}, the {passes}. time it came by"


async def _kill_in_handover(moment: Moment, arena: Arena, stroke: Stroke) -> str:
    node = arena.node
    if node.worker_count == 1:
        return "nothing: there is one worker only, and nothing is handed over"
    await until_killing_is_fair(node)
    number, _ = await any_worker(node, stroke.random)
    watch = Watch(node)
    trap = lay(node.within, moment, number, 1 + int(stroke.size * 2))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_make_them_come_again, arena)
        pid = await until_fallen(trap, watch, number)
        nursery.cancel_scope.cancel()
    return f"worker {number}, process {pid}"


async def _make_them_come_again(arena: Arena) -> None:
    """Break all connections, again and again: half of those that come are handed over."""
    while True:
        arena.proxy.reset()
        await trio.sleep(AGAIN_SECONDS)


async def _kill_in_start(arena: Arena, stroke: Stroke) -> str:
    node = arena.node
    await until_killing_is_fair(node, 2)
    number, pid = await any_worker(node, stroke.random)
    watch = Watch(node)
    trap = lay(node.within, Moment.STARTING, number)  # who runs already is past it
    try:
        await kill(node, number, pid)
        successor = await until_fallen(trap, watch, number, times=2)
    finally:
        trap.take_away()
    return f"worker {number}, and process {successor} that came after it"


async def until_fallen(trap: Trap, watch: Watch, number: int, times: int = 1) -> int:
    """Wait until a worker has fallen into a trap, is gone, and its parent knows why; which process it was.

    Args:
        trap: which is taken away, whatever becomes of this.
        watch: begun before the trap was laid.
        number: the worker.
        times: its ends by SIGKILL since then, this one included.

    Raises:
        Broken: nobody came by in time, so nothing was tried.
    """
    try:
        await until(
            lambda: trap.fallen() is not None,
            TRAP_SECONDS,
            f"nobody came by {trap.path.name} in {TRAP_SECONDS:.0f} s: nothing was tried",
        )
        pid = trap.fallen()
        assert pid is not None
        await until_gone(pid)
        await watch.until_ended(number, -signal.SIGKILL, times)
    finally:
        trap.take_away()
    return pid


FAULTS = (
    Fault(
        name="kill worker",
        point="SIGKILL to a worker's process at any moment",
        promise="The parent starts it again; phones of the other workers notice nothing.",
        strike=_kill_worker,
    ),
    Fault(
        name="kill all workers",
        point="SIGKILL to the processes of all workers at once, at any moment",
        promise="The parent starts them again; none waits for another.",
        strike=_kill_all_workers,
        weight=5,
    ),
    Fault(
        name="kill reserve",
        point="SIGKILL to the process in reserve, and at once to a worker, at any moment",
        promise="The worker's successor is started from nothing, and there is a reserve again.",
        strike=_kill_reserve,
        weight=4,
    ),
    Fault(
        name="kill node",
        point="SIGKILL to the node's parent at any moment; started again seconds later",
        promise="Its workers end with it, and it starts again on the same folder and port.",
        strike=_kill_node,
        seconds=(0.0, 3.0),
        weight=5,
    ),
    Fault(
        name="kill node in its start",
        point="SIGKILL to the node's parent within two seconds of its start",
        promise="It starts again on the same folder and port.",
        strike=_kill_node_in_start,
        weight=3,
    ),
    Fault(
        name="restart node",
        point="SIGTERM to the node's parent at any moment; started again seconds later",
        promise="All its processes end within 15 seconds, the parent with status 0.",
        strike=_restart_node,
        seconds=(0.0, 3.0),
        weight=4,
    ),
    Fault(
        name="kill client",
        point="SIGKILL to a client's process with all its phones, at any moment; started again seconds later",
        promise="What it had written goes out once, and what came for it is shown.",
        strike=_kill_client,
        seconds=(0.0, 3.0),
    ),
    Fault(
        name="crash loop",
        point="SIGKILL to the same worker two to four times in a row, each time while it starts",
        promise="It is started again each time, and the node goes on.",
        strike=_crash_loop,
        weight=5,
    ),
    Fault(
        name="kill before commit",
        point="SIGKILL to a worker that has written messages into a transaction, before LMDB commits it",
        promise="None of the batch is there afterwards, and nobody had a tick for it: phones send it again.",
        strike=partial(_kill_at, Moment.BEFORE_COMMIT),
    ),
    Fault(
        name="kill after commit",
        point="SIGKILL to a worker whose transaction with messages is on the disk, before anybody was told",
        promise="Sent again, the messages are known: ✓ without a second copy.",
        strike=partial(_kill_at, Moment.AFTER_COMMIT),
    ),
    Fault(
        name="kill after deliver",
        point="SIGKILL to a worker that has given a message to a socket, before it reads an acknowledgement",
        promise="It is delivered again unless the phone has it, and shown once.",
        strike=partial(_kill_at, Moment.AFTER_DELIVER),
    ),
    Fault(
        name="kill giver in hand-over",
        point="SIGKILL to a worker that has detached a connection to hand it to another, before it has left",
        promise="The phone connects again; nothing was acted upon.",
        strike=partial(_kill_in_handover, Moment.GIVING),
        weight=5,
    ),
    Fault(
        name="kill taker in hand-over",
        point="SIGKILL to a worker that has been handed a connection, before an actor of its own has it",
        promise="The phone connects again; nothing was acted upon.",
        strike=partial(_kill_in_handover, Moment.TAKING),
        weight=5,
    ),
    Fault(
        name="kill in start",
        point="SIGKILL to a worker's successor that has opened its store, before it says that it is ready",
        promise="The next successor finds everything in order.",
        strike=_kill_in_start,
        weight=5,
    ),
)
