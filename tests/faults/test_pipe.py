from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest
import trio
import trio.testing

from faults.real.pipe import BUFFER_BYTES, READ_BYTES, End, Pipe
from faults.real.rules import Rules
from tests.faults.sides import MemorySide


class Carried:
    """A pipe between two sides, at whose far ends the test is."""

    def __init__(self, rules: Rules) -> None:
        self.changes = 0
        self.pipe = Pipe(rules, 0, Random(1), self._note)
        self.source = MemorySide()
        self.sink = MemorySide()

    def _note(self) -> None:
        self.changes += 1

    def start(self, nursery: trio.Nursery) -> None:
        nursery.start_soon(self.pipe.read, self.source)
        nursery.start_soon(self.pipe.write, self.sink)

    async def say(self, data: bytes) -> None:
        await self.source.peer.send_all(data)

    async def hear(self, size: int) -> bytes:
        heard = b""
        while len(heard) < size:
            heard += await self.sink.peer.receive_some(size - len(heard))
        return heard


@contextmanager
def lasting(seconds: float) -> Iterator[None]:
    started = trio.current_time()
    yield
    assert trio.current_time() - started == pytest.approx(seconds)


@pytest.fixture
async def rules() -> Rules:
    return Rules()


async def test_bytes_arrive_at_once_in_fair_weather(
    rules: Rules, autojump_clock: trio.testing.MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        carried = Carried(rules)
        carried.start(nursery)
        with lasting(0):
            await carried.say(b"hello")
            assert await carried.hear(5) == b"hello"
        nursery.cancel_scope.cancel()


async def test_latency_delays_and_does_not_narrow(
    rules: Rules, autojump_clock: trio.testing.MockClock
) -> None:
    rules.latency = 2.0
    async with trio.open_nursery() as nursery:
        carried = Carried(rules)
        carried.start(nursery)
        with lasting(3):
            await carried.say(b"a")
            await trio.sleep(1)
            await carried.say(b"b")
            assert await carried.hear(2) == b"ab"
        nursery.cancel_scope.cancel()


async def test_held_bytes_arrive_when_they_are_let_go(
    autojump_clock: trio.testing.MockClock, rules: Rules
) -> None:
    async with trio.open_nursery() as nursery:
        carried = Carried(rules)
        carried.start(nursery)
        carried.pipe.valve.shut()
        await carried.say(b"hello")
        with trio.move_on_after(100) as waiting:
            await carried.hear(5)
        assert waiting.cancelled_caught
        carried.pipe.valve.open()
        assert await carried.hear(5) == b"hello"
        nursery.cancel_scope.cancel()


async def test_who_writes_into_a_held_line_is_stopped_when_the_window_is_full(
    autojump_clock: trio.testing.MockClock, rules: Rules
) -> None:
    rules.valve.shut()
    async with trio.open_nursery() as nursery:
        carried = Carried(rules)
        carried.start(nursery)
        for _ in range(2 * BUFFER_BYTES // READ_BYTES):
            await carried.say(bytes(READ_BYTES))
        await trio.testing.wait_all_tasks_blocked()
        unread = await carried.source.receive(READ_BYTES * 100)
        assert BUFFER_BYTES - 2 * READ_BYTES <= len(unread) <= BUFFER_BYTES
        rules.valve.open()
        await carried.hear(2 * BUFFER_BYTES - len(unread))
        nursery.cancel_scope.cancel()


async def test_an_end_comes_after_what_was_said_before_it(
    autojump_clock: trio.testing.MockClock, rules: Rules
) -> None:
    rules.latency = 1.0
    carried = Carried(rules)
    with lasting(1):
        async with trio.open_nursery() as nursery:
            carried.start(nursery)
            await carried.say(b"bye")
            await carried.source.peer.send_eof()
    assert await carried.hear(3) == b"bye"
    assert (carried.sink.was_finished, carried.sink.was_reset) == (True, False)
    assert carried.pipe.end is End.FINISHED
    assert carried.pipe.is_done
    assert carried.changes == 2


async def test_a_reset_is_passed_on(rules: Rules) -> None:
    carried = Carried(rules)
    carried.source.close()
    async with trio.open_nursery() as nursery:
        carried.start(nursery)
    assert carried.sink.was_reset


async def test_a_sink_that_takes_no_more_is_told_of(rules: Rules) -> None:
    carried = Carried(rules)
    async with trio.open_nursery() as nursery:
        carried.start(nursery)
        await carried.sink.peer.aclose()
        await carried.say(b"anybody?")
        await trio.testing.wait_all_tasks_blocked()
        assert carried.pipe.is_broken
        assert carried.changes == 1
        nursery.cancel_scope.cancel()


async def test_nothing_comes_through_a_silenced_pipe_and_its_source_does_not_notice(rules: Rules) -> None:
    carried = Carried(rules)
    async with trio.open_nursery() as nursery:
        carried.start(nursery)
        carried.pipe.is_silenced = True
        for _ in range(2 * BUFFER_BYTES // READ_BYTES):
            await carried.say(bytes(READ_BYTES))
        await carried.source.peer.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert carried.pipe.carried_bytes == 0
        assert (carried.sink.was_finished, carried.sink.was_reset) == (False, False)
        assert carried.pipe.end is End.FINISHED
        nursery.cancel_scope.cancel()


async def test_frames_are_altered_from_the_next_one_on(rules: Rules) -> None:
    carried = Carried(rules)
    async with trio.open_nursery() as nursery:
        carried.start(nursery)
        await carried.say(b"\x00\x00\x02a")
        assert await carried.hear(4) == b"\x00\x00\x02a"
        carried.pipe.alter(lambda frame: [frame, frame])
        await carried.say(b"b\x00\x00\x01c\x00\x00\x02d")
        assert await carried.hear(9) == b"b\x00\x00\x01c\x00\x00\x01c"
        carried.pipe.alter(None)
        assert await carried.hear(4) == b"\x00\x00\x02d"
        nursery.cancel_scope.cancel()
