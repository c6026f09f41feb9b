"""Faults: somebody has recorded what a phone said to the node, and says it to the node again.

The node must answer the handshake, which can be a replay and nobody could know, and nothing else: it must not
take the replay for the phone, and not take the phone's own connection away.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import trio

from faults.real.arena import Arena
from faults.real.cuts import any_port
from faults.real.fault import Broken, Fault, Stroke
from faults.real.frames import FrameEnds
from faults.real.link import Link
from faults.real.proxy import Port, Proxy
from faults.real.sides import Side, dial
from protocol.limits import AEAD_TAG_BYTES, FRAME_HEADER_BYTES
from relay.config import HANDSHAKE_SECONDS

HANDSHAKE_FRAMES = 2
"""The preamble, and the only handshake message that a phone says to a relay whose key it knows."""
RECORDED_FRAMES = 6
"""The preamble, the handshake message, and what a phone says then: a Ping, and more."""
RECORDED_SECONDS = 15.0
ATTEMPTS = 5
END_SECONDS = 10.0
"""In which the node ends a replay, besides what it gives a handshake."""
AFTERWARDS_SECONDS = 1.0
"""In which a node that had taken a replay for the phone would have ended the phone's own connection."""
MOST_ANSWERS = 2
MOST_ERROR_BYTES = FRAME_HEADER_BYTES + AEAD_TAG_BYTES + 8
"""Of a frame with an Error and nothing else: too small for a Welcome, which has 28 bytes inside."""
READ_BYTES = 65_536


class Recorder:
    """An alteration that changes nothing and writes down the first frames.

    Args:
        count: how many; the preamble is the first.
    """

    def __init__(self, count: int) -> None:
        self.frames: list[bytes] = []
        self.is_full = trio.Event()
        self._count = count

    def __call__(self, frame: bytes) -> Iterable[bytes]:
        """Let a frame pass."""
        if len(self.frames) < self._count:
            self.frames.append(frame)
        if len(self.frames) == self._count:
            self.is_full.set()
        return (frame,)


async def record(proxy: Proxy, random: Random) -> tuple[Link, list[bytes]]:
    """What a phone says on a new connection, from the first byte on; and that connection, which goes on.

    A connection is cut, so that there soon is a new one.

    Raises:
        Broken: no phone says enough.
    """
    for _ in range(ATTEMPTS):
        recorder = Recorder(RECORDED_FRAMES)
        found = await _record_next(any_port(proxy, random), recorder, random)
        if found is not None and found.is_whole:
            return found, recorder.frames
    raise Broken("no phone said anything that could have been recorded")


async def _record_next(port: Port, recorder: Recorder, random: Random) -> Link | None:
    found: list[Link] = []

    def begin(link: Link) -> None:
        if not found:
            found.append(link)
            link.up.alter(recorder)

    port.on_link.append(begin)
    try:
        random.choice(port.links).reset()
        with trio.move_on_after(RECORDED_SECONDS):
            await recorder.is_full.wait()
            return found[0]
    finally:
        port.on_link.remove(begin)
        for link in found:
            link.up.alter(None)
    return None


async def answer_to(node: Side, said: bytes) -> bytes:
    """All that the node answers to these bytes, until it ends the connection.

    Raises:
        Broken: it does not end it.
    """
    answer = b""
    with trio.move_on_after(HANDSHAKE_SECONDS + END_SECONDS):
        try:
            await node.send(said)
            while heard := await node.receive(READ_BYTES):
                answer += heard
        except trio.BrokenResourceError:
            pass  # a reset is an end
        return answer
    raise Broken(
        f"the node has not ended a replayed connection, to which it had answered {len(answer)} bytes"
    )


def judge(answer: bytes) -> None:
    """Whether this is all that a replay may be answered: a handshake message or an alert, and an Error.

    Raises:
        Broken: it is not.
    """
    ends = FrameEnds(0).find(answer)
    sizes = [end - start for start, end in zip((0, *ends), ends, strict=False)]
    if len(sizes) > MOST_ANSWERS or (not ends and answer) or (ends and ends[-1] != len(answer)):
        raise Broken(f"the node has answered a replay by {len(sizes)} frames in {len(answer)} bytes")
    if len(sizes) == MOST_ANSWERS and sizes[-1] > MOST_ERROR_BYTES:
        raise Broken(f"the node has told a replay {sizes[-1]} bytes, which is more than an Error")


async def _replay(arena: Arena, random: Random, count: int) -> str:
    link, frames = await record(arena.proxy, random)
    node = await dial(arena.proxy.node_port)
    try:
        judge(await answer_to(node, b"".join(frames[:count])))
    finally:
        node.close()
    with trio.move_on_after(AFTERWARDS_SECONDS):
        await link.ended.wait()
    if link.left_first is not None and link.left_first is link.node:
        raise Broken("the node has ended the connection of a phone whose words somebody else repeated")
    return f"{count} frames, {sum(map(len, frames[:count]))} bytes"


async def _replayed_handshake(arena: Arena, stroke: Stroke) -> str:
    return await _replay(arena, stroke.random, HANDSHAKE_FRAMES)


async def _replayed_connection(arena: Arena, stroke: Stroke) -> str:
    return await _replay(arena, stroke.random, RECORDED_FRAMES)


FAULTS = (
    Fault(
        name="replayed handshake",
        point="what a phone said first is said once more, on a connection of its own, with nothing behind it",
        promise="The node answers the handshake and nothing else; the phone's own connection stays.",
        strike=_replayed_handshake,
        weight=5,
    ),
    Fault(
        name="replayed connection",
        point="what a phone said is said once more, handshake, frames and all, on a connection of its own",
        promise="The node answers the handshake, refuses the rest, and the phone's own connection stays.",
        strike=_replayed_connection,
    ),
)
