import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import cast

import pytest
import trio
import trio.testing

from faults.real.fault import Broken
from faults.real.forgery import (
    ESTABLISHED_FRAMES,
    TO_CLIENT,
    TO_NODE,
    OneForgery,
    any_established_link,
    capture_frame,
    corrupting,
    exchanging,
    forge_once,
    inserting,
    repeating,
    swallowing,
    until_logged,
)
from faults.real.link import Link
from faults.real.proxy import Proxy
from faults.real.rules import Rules
from faults.real.sides import Side
from tests.faults.sides import MemorySide

PREAMBLE = b"RO\x01\x01"


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(3, "big") + body


ONE, TWO, THREE = frame(b"one"), frame(b"two"), frame(b"three")


def forged(forgery: OneForgery, *frames: bytes) -> list[bytes]:
    return [sent for each in frames for sent in forgery(each)]


# ---- what is forged ----


def test_one_byte_behind_the_length_is_another_one_and_all_that_comes_later_is_as_it_was() -> None:
    for seed in range(50):
        damaged, *rest = forged(OneForgery(corrupting(Random(seed))), ONE, TWO)
        assert damaged[:3] == ONE[:3]
        assert sum(a != b for a, b in zip(damaged, ONE, strict=True)) == 1
        assert rest == [TWO]


def test_a_frame_comes_twice() -> None:
    assert forged(OneForgery(repeating(Random(1))), ONE, TWO) == [ONE, ONE, TWO]


def test_two_frames_come_in_another_order() -> None:
    assert forged(OneForgery(exchanging(Random(1))), ONE, TWO, THREE) == [TWO, ONE, THREE]


def test_a_frame_does_not_come_and_it_is_done_when_the_next_one_does() -> None:
    forgery = OneForgery(swallowing(Random(1)))
    assert forged(forgery, ONE) == []
    assert not forgery.done.is_set()
    assert forged(forgery, TWO, THREE) == [TWO, THREE]
    assert forgery.done.is_set()


def test_a_foreign_frame_comes_first() -> None:
    assert forged(OneForgery(inserting(THREE)), ONE, TWO) == [THREE, ONE, TWO]


# ---- whether it is noticed ----


class Conversation:
    """A connection whose client and node say frames now and then; the node may look at what it gets."""

    def __init__(self, *, node_looks: bool) -> None:
        self.client, self.node = MemorySide(), MemorySide()
        self.link = Link(self.client, self._dial, Rules(), Rules(), Random(1))
        self.proxy = cast("Proxy", SimpleNamespace(links=[self.link]))
        self.node_looks = node_looks

    async def _dial(self) -> Side:
        return self.node

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.link.run)
            nursery.start_soon(self._speak, self.client)
            nursery.start_soon(self._speak, self.node)
            nursery.start_soon(self._listen, self.client, False)
            nursery.start_soon(self._listen, self.node, self.node_looks)
            await trio.sleep(10)
            yield
            nursery.cancel_scope.cancel()

    async def _speak(self, side: MemorySide) -> None:
        try:
            if side is self.client:
                await side.peer.send_all(PREAMBLE)
            while True:
                await side.peer.send_all(ONE)
                await trio.sleep(1)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async def _listen(self, side: MemorySide, looks: bool) -> None:
        heard = b""
        try:
            async for data in side.peer:
                heard += data
                if looks and heard != (PREAMBLE + ONE * len(heard))[: len(heard)]:
                    break
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        await side.peer.aclose()


async def test_a_node_that_notices_has_kept_its_promise(autojump_clock: trio.testing.MockClock) -> None:
    conversation = Conversation(node_looks=True)
    async with conversation.going_on():
        await forge_once(conversation.proxy, Random(1), TO_NODE, lambda: corrupting(Random(3)))
        assert conversation.link.left_first is conversation.node


async def test_a_node_that_believes_what_is_forged_is_found_out(
    autojump_clock: trio.testing.MockClock,
) -> None:
    conversation = Conversation(node_looks=False)
    async with conversation.going_on():
        with pytest.raises(Broken, match="the node has read a forged frame and went on"):
            await forge_once(conversation.proxy, Random(1), TO_NODE, lambda: corrupting(Random(3)))


async def test_a_phone_that_believes_what_is_forged_is_found_out(
    autojump_clock: trio.testing.MockClock,
) -> None:
    conversation = Conversation(node_looks=True)
    async with conversation.going_on():
        with pytest.raises(Broken, match="the phone has read a forged frame and went on"):
            await forge_once(conversation.proxy, Random(1), TO_CLIENT, lambda: repeating(Random(3)))


async def test_what_a_phone_says_can_be_captured_without_being_changed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    conversation = Conversation(node_looks=True)
    async with conversation.going_on():
        assert await capture_frame(conversation.proxy, Random(1)) == ONE
        await trio.sleep(10)
        assert conversation.link.is_whole


async def test_a_connection_in_its_handshake_is_not_forged_upon() -> None:
    conversation = Conversation(node_looks=True)
    assert conversation.link.up.frames < ESTABLISHED_FRAMES
    with pytest.raises(Broken, match="nobody is connected"):
        any_established_link(conversation.proxy, Random(1))


# ---- what the node's log says ----


async def test_only_what_the_log_says_behind_the_place_counts(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    log = tmp_path / "node.log"
    line = json.dumps({"event": "peer_broke_protocol", "kind": "undecryptable-frame"}) + "\n"
    log.write_text(line)
    await until_logged(log, 0, "undecryptable-frame")
    with pytest.raises(Broken, match="undecryptable-frame"):
        await until_logged(log, len(line), "undecryptable-frame")
