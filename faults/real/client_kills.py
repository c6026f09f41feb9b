"""Faults: a client is killed at a chosen moment, just before or just after a commit of one of its phones."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING

import trio

from faults.real.commits import ONLY_ONE
from faults.real.fault import Broken, Fault, Stroke
from faults.real.moments import Moment, lay

if TYPE_CHECKING:
    from faults.real.arena import Arena

MOST_PASSES = 100
"""Writing, sealing, ✓, ✓✓, receiving, reading: each is a commit, some fifty a second in a client of four
phones. So each of them is hit sooner or later."""

TRAP_SECONDS = 30.0


async def _kill_at(moment: Moment, arena: Arena, stroke: Stroke) -> str:
    client = stroke.random.choice(arena.crowd.clients)
    passes = 1 + int(stroke.random.random() * MOST_PASSES)
    trap = lay(client.traps, moment, ONLY_ONE, passes)
    try:
        with trio.move_on_after(TRAP_SECONDS):
            await client.until_ended()
        if client.is_running:
            raise Broken(f"{client.name} had not come by {moment.value} after {TRAP_SECONDS:.0f} s")
        if trap.fallen() is None or client.status != -signal.SIGKILL:
            raise Broken(f"{client.name} ended with status {client.status}: {client.last_words()}")
    finally:
        trap.take_away()
    await trio.sleep(stroke.seconds)
    client.start()
    return f"{client.name}, at its {passes}. commit, started again after {stroke.seconds:.1f} s"


FAULTS = (
    Fault(
        name="kill client before commit",
        point="SIGKILL to a client in whose phone's transaction all is written, before SQLite commits it",
        promise="Nothing of it has happened: what it was about to receive comes again, what to send goes.",
        strike=partial(_kill_at, Moment.BEFORE_COMMIT),
        seconds=(0.0, 1.0),
    ),
    Fault(
        name="kill client after commit",
        point="SIGKILL to a client whose phone has committed something, before it tells anybody",
        promise="What was received is not shown again when it comes again; what was to be sent goes out.",
        strike=partial(_kill_at, Moment.AFTER_COMMIT),
        seconds=(0.0, 1.0),
    ),
)
