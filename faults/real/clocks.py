"""Faults: wall clocks that jump, of the whole node or of one worker; the machine's and the phones' do not.

Only the product's own clock jumps, in its processes (skew.py). What a wall clock decides is few: when a code
and a message of 30 days expire, when somebody was seen last, when a message was accepted. A day is less than
all of that but codes, so nothing may be lost, refused or shown in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import trio

from faults.real.arena import Arena
from faults.real.fault import Fault, Stroke
from faults.real.skew import Jump, forget_clock
from faults.real.victims import any_worker, until

LONGEST_JUMP_SECONDS = 86_400.0

LOOK_SECONDS = 30.0
"""A worker looks at its clock with every message, and with everybody who comes or goes."""


async def _node_jumps(arena: Arena, stroke: Stroke) -> str:
    return await _jump(arena, stroke, range(arena.node.worker_count), "all workers")


async def _worker_jumps(arena: Arena, stroke: Stroke) -> str:
    number, _ = await any_worker(arena.node, stroke.random)
    return await _jump(arena, stroke, [number], f"worker {number}")


async def _jump(arena: Arena, stroke: Stroke, workers: Sequence[int], who: str) -> str:
    """Let clocks jump, and jump back."""
    folder, seconds = arena.node.within, draw_jump(stroke.random)
    try:
        await _until_jumped([Jump(folder, number, seconds) for number in workers])
        await trio.sleep(stroke.seconds)
        await _until_jumped([Jump(folder, number, 0.0) for number in workers])
    finally:
        for number in workers:
            forget_clock(folder, number)
    return f"{who} by {seconds:+.1f} s for {stroke.seconds:.1f} s, and back"


async def _until_jumped(jumps: Sequence[Jump]) -> None:
    complaint = f"nobody looked at the clock for {LOOK_SECONDS:.0f} s: nothing was tried"
    await until(lambda: all(jump.has_happened for jump in jumps), LOOK_SECONDS, complaint)


def draw_jump(random: Random) -> float:
    """From a second to a day, small ones as often as large ones, either way."""
    return float(random.choice((-1.0, 1.0)) * LONGEST_JUMP_SECONDS ** random.random())


FAULTS = (
    Fault(
        name="clock jump",
        point="the wall clock of all workers, by up to a day either way, and back seconds later",
        promise="Nothing expires and nobody is sent away: order and ticks go by numbers.",
        strike=_node_jumps,
        seconds=(1.0, 5.0),
    ),
    Fault(
        name="clock jump of a worker",
        point="the wall clock of one worker, by up to a day either way, and back seconds later",
        promise="As above; workers do not compare their clocks.",
        strike=_worker_jumps,
        seconds=(1.0, 5.0),
        weight=5,
    ),
)
