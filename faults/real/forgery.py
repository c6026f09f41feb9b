"""Faults: somebody on the way who changes, repeats, exchanges and swallows what phone and relay say.

Whoever gets such a frame must notice by itself, since the proxy has no keys to look at an answer with: what
is looked at is who ends the connection, how soon, and what the node's log calls it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import trio

from faults.real.arena import Arena
from faults.real.fault import Broken, Fault, Strike, Stroke
from faults.real.link import Link
from faults.real.pipe import Pipe
from faults.real.proxy import Proxy
from faults.real.sides import Side
from protocol.limits import FRAME_HEADER_BYTES

ESTABLISHED_FRAMES = 3
"""With so many frames in each direction the handshake is long over."""
SPOKEN_SECONDS = 20.0
"""In which somebody says something on a connection that is chosen; else another one is."""
ATTEMPTS = 5
NOTICED_SECONDS = 10.0
LOGGED_SECONDS = 5.0
POLL_SECONDS = 0.05
UNDECRYPTABLE = "undecryptable-frame"
"""What docs/wire-protocol.md calls a frame that does not open."""

Forge = Callable[[bytes], Iterable[bytes] | None]
"""What is sent in the place of a frame, and of all until then; None: not yet forged, this one waits."""


class OneForgery:
    """An alteration that forges once, and lets pass all that comes after that.

    Args:
        forge: what with.
    """

    def __init__(self, forge: Forge) -> None:
        self.done = trio.Event()
        self._forge = forge

    def __call__(self, frame: bytes) -> Iterable[bytes]:
        """Alter a frame."""
        if self.done.is_set():
            return (frame,)
        forged = self._forge(frame)
        if forged is None:
            return ()
        self.done.set()
        return forged


# ---- what with ----


def corrupting(random: Random) -> Forge:
    """Another value for one byte behind the header."""

    def forge(frame: bytes) -> Iterable[bytes]:
        damaged = bytearray(frame)
        damaged[random.randrange(FRAME_HEADER_BYTES, len(frame))] ^= random.randrange(1, 256)
        return (bytes(damaged),)

    return forge


def repeating(_random: Random) -> Forge:
    """The same frame twice."""
    return lambda frame: (frame, frame)


def exchanging(_random: Random) -> Forge:
    """A frame behind the one that follows it."""
    kept: list[bytes] = []

    def forge(frame: bytes) -> Iterable[bytes] | None:
        if kept:
            return (frame, *kept)
        kept.append(frame)
        return None

    return forge


def swallowing(_random: Random) -> Forge:
    """A frame without the one before it."""
    gone: list[bytes] = []

    def forge(frame: bytes) -> Iterable[bytes] | None:
        if gone:
            return (frame,)
        gone.append(frame)
        return None

    return forge


def inserting(foreign: bytes) -> Forge:
    """A frame of another connection before one of this."""
    return lambda frame: (foreign, frame)


def recording_into(captured: list[bytes]) -> Forge:
    """What came, unforged; but it is written down."""

    def forge(frame: bytes) -> Iterable[bytes]:
        captured.append(frame)
        return (frame,)

    return forge


# ---- doing it ----


@dataclass(frozen=True, slots=True)
class Direction:
    """Which way the forged bytes go."""

    reader: str
    """Who gets them."""
    pipe: Callable[[Link], Pipe]
    side: Callable[[Link], Side | None]
    """The reader's."""


TO_NODE = Direction("node", lambda link: link.up, lambda link: link.node)
TO_CLIENT = Direction("phone", lambda link: link.down, lambda link: link.client)


async def forge_once(proxy: Proxy, random: Random, direction: Direction, forge: Callable[[], Forge]) -> None:
    """Forge on a connection that is in use, and see that the reader of it ends the connection.

    Raises:
        Broken: it does not, or nobody says anything that could be forged.
    """
    for _ in range(ATTEMPTS):
        link = any_established_link(proxy, random)
        forgery = OneForgery(forge())
        direction.pipe(link).alter(forgery)
        if not await _is_done(forgery, link):
            direction.pipe(link).alter(None)
            continue
        with trio.move_on_after(NOTICED_SECONDS) as patience:
            await link.ended.wait()
        if patience.cancelled_caught:
            link.reset()
            raise Broken(f"the {direction.reader} has read a forged frame and went on")
        if link.left_first is direction.side(link):
            return
        # The other side left by chance, before the reader had said anything: try it with somebody else.
    raise Broken(f"no forged frame has got to a {direction.reader}")


async def _is_done(forgery: OneForgery, link: Link) -> bool:
    """Wait until the forged bytes are on their way; not for ever, and not after the connection's end."""

    async def give_up(scope: trio.CancelScope) -> None:
        await link.ended.wait()
        scope.cancel()

    with trio.move_on_after(SPOKEN_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(give_up, nursery.cancel_scope)
            await forgery.done.wait()
            nursery.cancel_scope.cancel()
    return forgery.done.is_set()


def any_established_link(proxy: Proxy, random: Random) -> Link:
    """A connection whose handshake is over. Raises Broken if there is none."""
    links = [
        link
        for link in proxy.links
        if link.is_whole and min(link.up.frames, link.down.frames) >= ESTABLISHED_FRAMES
    ]
    if not links:
        raise Broken("nobody is connected")
    return random.choice(links)


async def until_logged(log: Path, offset: int, kind: str) -> None:
    """Wait until the node has logged, behind a place in its log, that a peer broke the protocol so.

    Raises:
        Broken: it does not.
    """
    with trio.move_on_after(LOGGED_SECONDS):
        while kind not in _kinds(log, offset):  # noqa: ASYNC110 - a file that others write
            await trio.sleep(POLL_SECONDS)
        return
    raise Broken(f"the node has not logged that a peer broke the protocol by: {kind}")


def _kinds(log: Path, offset: int) -> list[str]:
    with log.open("rb") as file:
        file.seek(offset)
        lines = file.read().splitlines()
    facts = [json.loads(line) for line in lines if b"peer_broke_protocol" in line and line.endswith(b"}")]
    return [str(fact.get("kind")) for fact in facts]


async def forge_to_node(arena: Arena, forge: Callable[[], Forge], random: Random) -> None:
    """Forge once what the node reads, and see that it notices. Raises Broken."""
    offset = arena.node.log.stat().st_size
    await forge_once(arena.proxy, random, TO_NODE, forge)
    await until_logged(arena.node.log, offset, UNDECRYPTABLE)


def _striking(make: Callable[[Random], Forge], what: str) -> Strike:
    """A strike that forges towards the node or, if it is not bad, towards a phone."""

    async def strike(arena: Arena, stroke: Stroke) -> str:
        random = stroke.random
        if stroke.size >= 0.5:
            await forge_to_node(arena, lambda: make(random), random)
            return f"{what}, to the node"
        await forge_once(arena.proxy, random, TO_CLIENT, lambda: make(random))
        return f"{what}, to a phone"

    return strike


async def _foreign_frame(arena: Arena, stroke: Stroke) -> str:
    captured = await capture_frame(arena.proxy, stroke.random)
    await forge_to_node(arena, lambda: inserting(captured), stroke.random)
    return f"{len(captured)} bytes"


async def capture_frame(proxy: Proxy, random: Random) -> bytes:
    """A frame that a phone has just said to the node. Raises Broken if none says anything."""
    for _ in range(ATTEMPTS):
        link = any_established_link(proxy, random)
        captured: list[bytes] = []
        recording = OneForgery(recording_into(captured))
        link.up.alter(recording)
        await _is_done(recording, link)
        link.up.alter(None)
        if captured:
            return captured[0]
    raise Broken("nobody said anything that could have been recorded")


NOTICED = "Whoever reads it ends the connection at once and believes nothing of it; its phone comes back."

FAULTS = (
    Fault(
        name="corrupted byte",
        point="one byte of a frame, behind its length, is another one, on its way to the node or to a phone",
        promise=NOTICED,
        strike=_striking(corrupting, "one byte"),
    ),
    Fault(
        name="repeated frame",
        point="a frame comes twice on the same connection, to the node or to a phone",
        promise=NOTICED,
        strike=_striking(repeating, "a frame twice"),
    ),
    Fault(
        name="exchanged frames",
        point="two frames come in another order on the same connection, to the node or to a phone",
        promise=NOTICED,
        strike=_striking(exchanging, "two frames in another order"),
    ),
    Fault(
        name="swallowed frame",
        point="a frame does not come, and the ones after it do, to the node or to a phone",
        promise=NOTICED,
        strike=_striking(swallowing, "a frame missing"),
    ),
    Fault(
        name="frame of another connection",
        point="a frame that was recorded on one connection is put between the frames of another, to the node",
        promise=NOTICED,
        strike=_foreign_frame,
    ),
)
