"""A mob at work, watched: what holds for all of them, whatever they do.

Two others write to each other all the time and must not wait for long; no worker may end and no actor crash;
nobody may be told that the relay failed inside; memory is bounded while it lasts, and descriptors and
connections come back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import trio

from faults.real.bystanders import open_bystanders
from faults.real.fault import Broken
from faults.real.intruder import door_of
from faults.real.mob import send_mob
from faults.real.mob_order import Tally, packed
from faults.real.rogues import rogues_of
from faults.real.toll import MEGABYTE, Toll, check_alive, take_toll, until_given_back
from protocol import ErrorCode
from relay.config import Config
from relay.rate_limits import Limit, parse_limit

if TYPE_CHECKING:
    from faults.real.arena import Arena
    from faults.real.node import NodeProcess

OTHERS: Final = 2

GIVEN_BACK_SECONDS: Final = 20.0

SPARE: Final = 32
"""Descriptors and connections that the crowd may have more than before: its phones come and go."""

MAX_GROWTH: Final = 64 * MEGABYTE
"""Of all workers together: what a flood may take that is refused at the door, and what Python keeps of it."""

SAMPLE_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen while a mob was at work."""

    did: Tally
    before: Toll
    after: Toll
    peak: int
    """The most that the workers' memory was, in bytes."""
    others: str

    def told(self, what: str) -> str:
        """What a stroke did, in words."""
        peak, left = (
            round((each - self.before.resident) / MEGABYTE) for each in (self.peak, self.after.resident)
        )
        return (
            f"{what}: {self.did}. {self.others}. Workers grew by {max(0, peak)} MB, and kept {max(0, left)}"
        )


async def watch_mob(
    arena: Arena,
    kind: str,
    *,
    people: int = 0,
    may_grow: int = MAX_GROWTH,
    until: Callable[[Toll], bool] = lambda now: False,
    **order: Any,
) -> Watched:
    """Have a mob do something while two others write to each other, and check what holds for all.

    Args:
        arena: where.
        kind: what the mob does.
        people: how many accounts it has.
        may_grow: by how many bytes all workers together may grow while it lasts.
        until: says of how the node is now whether it has been enough.
        order: the rest of what the mob is told.

    Raises:
        Broken: others waited, a worker ended, an actor crashed, or something was not given back.
    """
    accounts = await rogues_of(arena).take(OTHERS + people)
    before = await take_toll(arena.node)
    async with open_bystanders(door_of(arena.node), accounts[:OTHERS]) as others:
        mob = partial(send_mob, kind=kind, accounts=packed(accounts[OTHERS:]), **order)
        did, peak = await _measured(arena.node, mob, until)
    after = await until_given_back(arena.node, before, GIVEN_BACK_SECONDS, SPARE)
    check_alive(before, after)
    internal = did.outcomes[ErrorCode.INTERNAL.wire_name]
    if internal:
        raise Broken(f"{internal} peers were told that the relay failed inside ({did})")
    seen = Watched(did, before, after, peak, str(others))
    if peak - before.resident > may_grow:
        raise Broken(f"the workers took {(peak - before.resident) / MEGABYTE:.0f} MB more ({did})")
    return seen


async def _measured(
    node: NodeProcess, mob: Callable[..., Awaitable[Tally]], until: Callable[[Toll], bool]
) -> tuple[Tally, int]:
    """Send the mob; the most memory that the workers had meanwhile, too."""
    peak = 0

    async def watch() -> None:
        nonlocal peak
        while True:
            now = await take_toll(node)
            peak = max(peak, now.resident)
            if until(now):
                return
            await trio.sleep(SAMPLE_SECONDS)

    return await mob(node, until=watch), peak


def setting(node: NodeProcess, key: str) -> Any:
    """A setting of a node: what was said to it, or the default."""
    said = node.config.get(key)
    default = getattr(Config(), key)
    if said is None:
        return default
    return parse_limit(said) if isinstance(default, Limit) else said
