"""Slow readers by the hundred: devices that are logged in and do not read, while messages flow to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from faults.real.deaf import MESSAGE_BYTES
from faults.real.fault import Broken, Fault, Stroke
from faults.real.floods import between
from faults.real.toll import MEGABYTE, Toll, take_toll
from faults.real.watching import Watched, setting, watch_mob
from protocol import ErrorCode

if TYPE_CHECKING:
    from faults.real.arena import Arena
    from faults.real.node import NodeProcess

FEWEST, MOST = 20, 120
"""Of them, by the stroke's size; each is an account."""

SLACK: Final = 64 * MEGABYTE
"""What the workers may grow by besides: the group's payload, caches, what Python keeps."""

SEAL_FACTOR: Final = 2
"""What is unsent is a frame, and the frame before it was sealed: both are there for a moment."""

PATIENCE_SECONDS: Final = 45.0
"""Beyond the stroke's time, for a busy machine to write them all a megabyte."""

MESSAGES: Final = 90
"""Of 60 KB: enough for the window, for max_unsent_bytes, and for what the kernel's buffers swallow."""


async def _deaf(arena: Arena, stroke: Stroke) -> str:
    """They are held and not closed: a window fits the kernel's buffers, so that nothing is unsent."""
    count = between(FEWEST, MOST, stroke.size)
    window = setting(arena.node, "window_bytes") + MESSAGE_BYTES
    seen = await _watch(
        arena, "deaf", count, may_grow=count * SEAL_FACTOR * window + SLACK, seconds=stroke.seconds
    )
    return seen.told(f"{count} devices that read and acknowledge nothing")


async def _blind(arena: Arena, stroke: Stroke) -> str:
    count = between(FEWEST, MOST, stroke.size)
    before = (await take_toll(arena.node)).closed
    seen = await _watch(
        arena,
        "blind",
        count,
        seconds=stroke.seconds + PATIENCE_SECONDS,
        may_grow=count * _unsent(arena.node) + SLACK,
        until=lambda now: _closed_since(before, now) >= count,
    )
    _check_closed(seen, count)
    return seen.told(f"{count} devices that read nothing and acknowledge all")


async def _watch(arena: Arena, kind: str, count: int, **rest: Any) -> Watched:
    seen = await watch_mob(arena, kind, people=1 + count, size=MESSAGES, **rest)
    if seen.did.outcomes["deaf"] != count or not seen.did.outcomes["accepted"]:
        raise Broken(f"the slow readers did not come, or nobody wrote to them: {seen.did}")
    return seen


def _unsent(node: NodeProcess) -> int:
    """What one device may cost that reads nothing: what is unsent, and what comes at once on top of it."""
    limit: int = setting(node, "max_unsent_bytes") + setting(node, "window_bytes") + MESSAGE_BYTES
    return limit


def _check_closed(seen: Watched, count: int) -> None:
    """All of them were closed by the relay, for this reason."""
    closed = _closed_since(seen.before.closed, seen.after)
    if closed < count:
        raise Broken(f"{closed} of {count} devices that read nothing were closed as too-slow ({seen.did})")


def _closed_since(before: Mapping[str, int], now: Toll) -> int:
    reason = ErrorCode.TOO_SLOW.wire_name
    return now.closed.get(reason, 0) - before.get(reason, 0)


_OTHERS: Final = "Others wait no more than 10 s for their ticks; no worker ends, no actor crashes; "

FAULTS: Final = (
    Fault(
        "slow readers",
        f"{FEWEST} to {MOST} devices stay logged in and take nothing from their sockets and get messages",
        _OTHERS + "each costs no more memory than its window.",
        _deaf,
        seconds=(5.0, 10.0),
        weight=5,
    ),
    Fault(
        "slow readers that acknowledge",
        f"{FEWEST} to {MOST} devices take nothing from their sockets and acknowledge what they have not read",
        _OTHERS + "each costs no more than max_unsent_bytes and a window, and is closed as `too-slow`.",
        _blind,
        seconds=(10.0, 15.0),
        weight=5,
    ),
)
