"""Floods: connections, handshakes, garbage, logins, messages and codes, in numbers that no person makes.

Each is a mob's doing (mob_acts.py), watched as all mobs are (watching.py); what is checked here besides is
that the node's limits are what docs/operations.md says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from faults.real.fault import Broken, Fault, Stroke
from faults.real.watching import Watched, setting, watch_mob
from protocol import ErrorCode
from relay.config import HANDSHAKE_SECONDS, SWEEP_SECONDS
from relay.rate_limits import Limit

if TYPE_CHECKING:
    from faults.real.arena import Arena
    from faults.real.node import NodeProcess

FEWEST, MOST = 200, 6_000
"""Connections of a flood, by its size: with the node's own below 8,000 descriptors for each process."""

AT_ONCE_FEWEST, AT_ONCE_MOST = 8, 64
"""Of those who come again and again."""

HELD_SECONDS: Final = HANDSHAKE_SECONDS + 2 * SWEEP_SECONDS
"""The longest that the relay lets anybody be silent: it counts in beats, and from when it has accepted."""

LATE_SECONDS: Final = 3.0
"""What a busy machine adds to a deadline: the kernel completes connections before the node accepts them."""


def between(fewest: int, most: int, size: float) -> int:
    return round(fewest + (most - fewest) * size)


# ---- those who hold places ----


async def _connections(arena: Arena, stroke: Stroke) -> str:
    count = between(FEWEST, MOST, stroke.size)
    seen = await watch_mob(arena, "silence", count=count, seconds=stroke.seconds)
    _check_held(arena.node, seen, count)
    return seen.told(f"{count} connections that say nothing")


async def _trickle(arena: Arena, stroke: Stroke) -> str:
    count = between(FEWEST, FEWEST * 4, stroke.size)
    seen = await watch_mob(arena, "trickle", count=count, seconds=stroke.seconds)
    _check_held(arena.node, seen, count)
    return seen.told(f"{count} connections that say a byte a second")


def _check_held(node: NodeProcess, seen: Watched, count: int) -> None:
    """Nobody is held for longer than a handshake may take, and not more of them than are allowed."""
    places = setting(node, "max_handshakes") * len(seen.before.pids)
    stayed = count - seen.did.outcomes[ErrorCode.OVERLOADED.wire_name]
    if stayed > places:
        raise Broken(f"{stayed} were let stay who had not said who they are; {places} are allowed")
    if seen.did.longest_s > HELD_SECONDS + LATE_SECONDS:
        raise Broken(f"one was let be for {seen.did.longest_s:.1f} s, and not {HELD_SECONDS:.0f}")


async def _strangers(arena: Arena, stroke: Stroke) -> str:
    count = between(FEWEST, FEWEST * 5, stroke.size)
    seen = await watch_mob(arena, "strangers", count=count, seconds=stroke.seconds)
    return seen.told(f"{count} strangers who stay")


# ---- those who come again and again ----


def _again(kind: str, what: str) -> Callable[[Arena, Stroke], Awaitable[str]]:
    async def strike(arena: Arena, stroke: Stroke) -> str:
        count = between(AT_ONCE_FEWEST, AT_ONCE_MOST, stroke.size)
        seed = stroke.random.getrandbits(32)
        seen = await watch_mob(arena, kind, count=count, seconds=stroke.seconds, seed=seed)
        _check_came(seen)
        return seen.told(f"{what}, {count} at a time")

    return strike


def _check_came(seen: Watched) -> None:
    """A flood in which nobody came is none."""
    if not seen.did.outcomes:
        raise Broken("nobody could connect")


_SAID_OF_GARBAGE: Final = frozenset(
    code.wire_name
    for code in (
        ErrorCode.MALFORMED,
        ErrorCode.FRAME_TOO_LARGE,
        ErrorCode.HANDSHAKE_FAILED,
        ErrorCode.UNSUPPORTED_VERSION,
        ErrorCode.NOT_ALLOWED_HERE,
        ErrorCode.OVERLOADED,
    )
)


async def _garbage(arena: Arena, stroke: Stroke) -> str:
    count = between(AT_ONCE_FEWEST, AT_ONCE_MOST, stroke.size)
    seed = stroke.random.getrandbits(32)
    seen = await watch_mob(arena, "garbage", count=count, seconds=stroke.seconds, seed=seed)
    _check_came(seen)
    if not _SAID_OF_GARBAGE & set(seen.did.outcomes):
        raise Broken(f"garbage was not refused by name: {seen.did}")
    return seen.told(f"garbage, {count} at a time")


async def _logins(arena: Arena, stroke: Stroke) -> str:
    count = between(AT_ONCE_FEWEST, AT_ONCE_MOST // 2, stroke.size)
    seen = await watch_mob(arena, "logins", people=2, count=count, seconds=stroke.seconds)
    limit: Limit = setting(arena.node, "limit_logins")
    welcomed = seen.did.outcomes["welcomed"] + seen.did.outcomes[ErrorCode.REPLACED.wire_name]
    _check_limit(limit, welcomed, stroke.seconds, "logins of one account", len(seen.before.pids))
    return seen.told(f"one account logs in, {count} at a time")


def _check_limit(limit: Limit, count: int, seconds: float, what: str, workers: int = 1) -> None:
    """No more were let through than the limit says, with a beat or two for the clock that it is counted by.

    Args:
        limit: the setting.
        count: how many were let through.
        seconds: for how long they came.
        what: they are.
        workers: that count each for themselves.
    """
    allowed = workers * (limit.burst + (seconds + 2 * SWEEP_SECONDS) / limit.seconds_each)
    if count > allowed:
        raise Broken(f"{count} {what} were let through in {seconds:.1f} s, and {allowed:.0f} are allowed")


# ---- those who are let in, and are too much ----


async def _messages(arena: Arena, stroke: Stroke) -> str:
    seen = await watch_mob(arena, "messages", people=2, seconds=stroke.seconds, size=1)
    limit: Limit = setting(arena.node, "limit_messages")
    accepted = seen.did.outcomes["accepted"]
    _check_limit(limit, accepted, stroke.seconds, "messages of one account")
    return seen.told("one account writes as fast as it is answered")


async def _bytes(arena: Arena, stroke: Stroke) -> str:
    size = 30_000
    seen = await watch_mob(arena, "messages", people=2, seconds=stroke.seconds, size=size)
    limit: Limit = setting(arena.node, "limit_bytes")
    _check_limit(limit, seen.did.outcomes["accepted"] * size, stroke.seconds + 4, "bytes of one account")
    return seen.told(f"one account writes messages of {size} bytes")


async def _small_talk(arena: Arena, stroke: Stroke) -> str:
    seed = stroke.random.getrandbits(32)
    seen = await watch_mob(arena, "small_talk", people=2, seconds=stroke.seconds, seed=seed)
    return seen.told("one account says short things as fast as they are read")


async def _codes(arena: Arena, stroke: Stroke) -> str:
    seed = stroke.random.randrange(1_000)
    seen = await watch_mob(arena, "codes", count=4, seconds=stroke.seconds, seed=seed)
    limit: Limit = setting(arena.node, "limit_codes")
    workers = len(seen.before.pids)
    _check_limit(limit, seen.did.outcomes["code sent"], stroke.seconds, "verification codes", workers)
    return seen.told("strangers have codes sent to number after number")


_LONG: Final = (HELD_SECONDS + LATE_SECONDS, HELD_SECONDS + 2 * LATE_SECONDS)
"""So that those who hold places are seen to be put out."""

_OTHERS: Final = "Others wait no more than 10 s for their ticks; no worker ends, no actor crashes; "
_BACK: Final = "descriptors and memory come back"

FAULTS: Final = (
    Fault(
        "connection flood",
        f"{FEWEST} to {MOST} TCP connections to the node's port that say nothing",
        _OTHERS + f"not more stay than max_handshakes allows, and none for longer than {HELD_SECONDS:.0f} s; "
        f"all others are told `overloaded`; {_BACK}.",
        _connections,
        seconds=_LONG,
        weight=3,
    ),
    Fault(
        "slow loris",
        f"{FEWEST} to {4 * FEWEST} connections that say a byte of their handshake a second",
        _OTHERS + f"none stays for longer than {HELD_SECONDS:.0f} s; {_BACK}.",
        _trickle,
        seconds=_LONG,
        weight=3,
    ),
    Fault(
        "strangers",
        f"{FEWEST} to {5 * FEWEST} connections that shake hands with keys that nobody knows, and stay",
        _OTHERS + _BACK + ".",
        _strangers,
        weight=3,
    ),
    Fault(
        "handshake flood",
        "XX is begun, answered, and never ended, again and again",
        _OTHERS + _BACK + ".",
        _again("half_handshakes", "handshakes that are never ended"),
        weight=5,
    ),
    Fault(
        "handshake replay flood",
        "the same first message of IK, which costs the relay four multiplications, again and again",
        _OTHERS + "nobody is logged in by it; " + _BACK + ".",
        _again("replayed_handshakes", "first messages that were recorded"),
        weight=5,
    ),
    Fault(
        "login flood of strangers",
        "strangers shake hands to the end, hear the Welcome and leave, again and again",
        _OTHERS + _BACK + ".",
        _again("whole_handshakes", "handshakes of strangers"),
        weight=5,
    ),
    Fault(
        "garbage flood",
        "random bytes, frames and stanzas, before the handshake and after it",
        _OTHERS + "each is refused by name, and never with `internal`; " + _BACK + ".",
        _garbage,
        weight=5,
    ),
    Fault(
        "login storm",
        "one account logs in as fast as it can, at several places at once",
        _OTHERS + "not more logins than limit_logins; " + _BACK + ".",
        _logins,
        weight=5,
    ),
    Fault(
        "message flood",
        "one account writes as fast as it is answered, and does not wait when told to",
        _OTHERS + "not more messages than limit_messages; " + _BACK + ".",
        _messages,
        weight=5,
    ),
    Fault(
        "byte flood",
        "one account writes messages of 30 KB",
        _OTHERS + "not more bytes than limit_bytes; " + _BACK + ".",
        _bytes,
        weight=5,
    ),
    Fault(
        "small talk flood",
        "one account says that it types, is there, has read, as fast as that is read: a thousand in a frame",
        _OTHERS + _BACK + ".",
        _small_talk,
        weight=5,
    ),
    Fault(
        "code flood",
        "strangers have verification codes sent to number after number",
        _OTHERS + "not more codes than limit_codes; " + _BACK + ".",
        _codes,
        weight=2,
    ),
)
