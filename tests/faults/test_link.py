from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
import trio
import trio.testing

from faults.real.link import Link
from faults.real.rules import Rules
from faults.real.sides import Side
from tests.faults.sides import MemorySide


class Linked:
    """A link whose far ends the test has."""

    def __init__(self) -> None:
        self.client = MemorySide()
        self.node = MemorySide()
        self.dials = 0
        self.is_away = False
        self.link = Link(self.client, self._dial, Rules(), Rules(), Random(1))

    async def _dial(self) -> Side:
        self.dials += 1
        if self.is_away:
            raise ConnectionRefusedError
        return self.node

    async def hears(self, side: MemorySide) -> bytes:
        return bytes(await side.peer.receive_some(100))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.link.run)
            await trio.testing.wait_all_tasks_blocked()
            yield
            nursery.cancel_scope.cancel()


@pytest.fixture
def linked() -> Linked:
    return Linked()


async def test_each_side_hears_the_other(linked: Linked) -> None:
    async with linked.running():
        await linked.client.peer.send_all(b"hello")
        assert await linked.hears(linked.node) == b"hello"
        await linked.node.peer.send_all(b"you")
        assert await linked.hears(linked.client) == b"you"


async def test_one_direction_can_be_held_alone(
    linked: Linked, autojump_clock: trio.testing.MockClock
) -> None:
    async with linked.running():
        linked.link.hold(up=False)
        await linked.client.peer.send_all(b"hello")
        await linked.node.peer.send_all(b"you")
        assert await linked.hears(linked.node) == b"hello"
        with trio.move_on_after(10) as waiting:
            await linked.hears(linked.client)
        assert waiting.cancelled_caught
        linked.link.release()
        assert await linked.hears(linked.client) == b"you"


async def test_it_ends_when_both_sides_have_ended(linked: Linked) -> None:
    async with linked.running():
        await linked.client.peer.send_eof()
        assert await linked.hears(linked.node) == b""
        await linked.node.peer.send_all(b"last")
        assert await linked.hears(linked.client) == b"last"
        assert not linked.link.ended.is_set()
        await linked.node.peer.aclose()
        await linked.link.ended.wait()


async def test_a_reset_of_one_side_resets_the_other(linked: Linked) -> None:
    async with linked.running():
        linked.client.close()  # what the proxy reads from now on raises
        await linked.link.ended.wait()
        assert linked.node.was_reset


async def test_who_writes_to_a_node_that_closed_is_reset(linked: Linked) -> None:
    async with linked.running():
        await linked.node.peer.aclose()
        assert await linked.hears(linked.client) == b""
        await linked.client.peer.send_all(b"still there?")
        await linked.link.ended.wait()
        assert linked.client.was_reset


async def test_a_node_that_is_away_is_felt_as_a_reset(linked: Linked) -> None:
    linked.is_away = True
    async with linked.running():
        await linked.link.ended.wait()
        assert linked.client.was_reset


async def test_both_sides_see_a_break(linked: Linked) -> None:
    async with linked.running():
        linked.link.reset()
        await linked.link.ended.wait()
        assert linked.client.was_reset
        assert linked.node.was_reset


async def test_the_node_is_not_called_before_the_line_is_free(
    linked: Linked, autojump_clock: trio.testing.MockClock
) -> None:
    linked.link.down.rules.valve.shut()
    async with linked.running():
        await trio.sleep(100)
        assert linked.dials == 0
        await linked.client.peer.send_all(b"hello")
        linked.link.down.rules.valve.open()
        assert await linked.hears(linked.node) == b"hello"


async def test_the_node_is_not_called_for_a_client_that_has_given_up(linked: Linked) -> None:
    linked.link.up.rules.valve.shut()
    async with linked.running():
        await linked.client.peer.aclose()
        await trio.testing.wait_all_tasks_blocked()
        linked.link.up.rules.valve.open()
        await linked.link.ended.wait()
        assert linked.dials == 0


async def test_a_node_is_not_told_that_a_client_has_vanished(linked: Linked) -> None:
    async with linked.running():
        linked.link.half_open()
        await linked.node.peer.send_all(b"are you there?")
        await trio.testing.wait_all_tasks_blocked()
        assert linked.client.was_reset
        assert not linked.node.was_closed
        assert not linked.link.ended.is_set()
        await linked.node.peer.aclose()
        await linked.link.ended.wait()


async def test_a_client_is_not_told_that_the_node_has_vanished(linked: Linked) -> None:
    async with linked.running():
        linked.link.half_open(client_lives=True, node_lives=False)
        await linked.client.peer.send_all(b"are you there?")
        await trio.testing.wait_all_tasks_blocked()
        assert linked.node.was_reset
        assert not linked.client.was_closed
        await linked.client.peer.aclose()
        await linked.link.ended.wait()


async def test_neither_is_told_that_the_way_between_them_has_vanished(linked: Linked) -> None:
    async with linked.running():
        linked.link.half_open(client_lives=True)
        await linked.client.peer.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert not linked.node.was_closed
        assert not linked.link.ended.is_set()
        linked.link.reset()
        await linked.link.ended.wait()
