from collections.abc import Callable
from random import Random
from typing import cast

import pytest

from actors.network import Link, Network
from client.errors import RelayRefusedError
from client.line import MOST_PING_WAITERS, Ending, Line
from protocol.connection import ClientConnection, RelayConnection
from protocol.hello import Hello
from protocol.ids import DeviceId, UserId
from protocol.noise.primitives import KeyPair
from protocol.stanzas import Welcome

ENTROPY = Random(1).randbytes


class LinkDouble:
    """Writes into a list."""

    remote = "relay:1"
    unsent_bytes = 0

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_closed = self.is_aborted = False
        self.resumed = 0

    def activate(self, owner: object) -> None: ...

    def resume(self) -> None:
        self.resumed += 1

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True


class NetworkDouble:
    """Runs what is due at the end of a turn when the test says so."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def call_at_turn_end(self, fn: Callable[[], None]) -> None:
        self.due.append(fn)

    def end_turn(self) -> None:
        due, self.due = self.due, []
        for fn in due:
            fn()


class Wired:
    """A line that is online with a relay's end in memory."""

    def __init__(self) -> None:
        self.link, self.network = LinkDouble(), NetworkDouble()
        static = KeyPair.generate(ENTROPY)
        self.relay = RelayConnection(static, ENTROPY, knows=lambda _: True)
        client = ClientConnection(KeyPair.generate(ENTROPY), static.public, Hello(), ENTROPY)
        self.line = Line(1, cast("Link", self.link), client, cast("Network", self.network), False)
        self.line.flush()
        self.pass_on()
        self.relay.send(Welcome(UserId(5), DeviceId(1), 0, 30, 64, 0))
        self.line.connected()
        self.answer()

    def pass_on(self) -> None:
        """What the line wrote reaches the relay."""
        written, self.link.written = self.link.written, []
        for data in written:
            self.relay.receive_data(data)
            self.relay.proceed()
        if self.relay.has_data_to_send:
            self.line.hear(self.relay.data_to_send())
            self.line.flush()
            self.pass_on()

    def answer(self) -> None:
        if self.relay.has_data_to_send:
            self.line.hear(self.relay.data_to_send())


@pytest.fixture
async def wired() -> Wired:
    return Wired()


async def test_what_is_said_in_one_turn_leaves_in_one_write(wired: Wired) -> None:
    for _ in range(3):
        wired.line.ping()
    assert wired.link.written == []
    wired.network.end_turn()
    assert len(wired.link.written) == 1


async def test_pongs_answer_pings_in_order(wired: Wired) -> None:
    heard: list[tuple[str, bool]] = []
    wired.line.pong_heard()  # of the ping that IK sends by itself
    wired.line.ping(lambda pong: heard.append(("one", pong)))
    wired.line.ping()
    wired.line.ping(lambda pong: heard.append(("two", pong)))
    wired.line.pong_heard()
    wired.line.pong_heard()
    assert heard == [("one", True)]
    wired.line.bury("gone")
    assert heard == [("one", True), ("two", False)]


async def test_a_line_that_ended_is_silent_and_says_at_once_that_nobody_hears(wired: Wired) -> None:
    heard: list[bool] = []
    wired.line.end(Ending("first", error=RelayRefusedError("replaced", "Replaced.")))
    wired.line.end(Ending("second"))
    wired.line.abandon(Ending("third"))
    wired.line.ping(heard.append)
    wired.network.end_turn()
    assert heard == [False]
    assert wired.link.written == []
    assert wired.link.is_closed
    assert not wired.link.is_aborted
    assert wired.line.ending is not None
    assert wired.line.ending.reason == "first"


async def test_a_line_that_is_abandoned_is_cut(wired: Wired) -> None:
    wired.line.abandon(Ending("no sign of life"))
    assert wired.link.is_aborted


async def test_too_many_waiting_pings_are_answered_at_once(wired: Wired) -> None:
    heard: list[bool] = []
    for _ in range(MOST_PING_WAITERS + 1):
        wired.line.ping(heard.append)
    assert heard
    assert not any(heard)


async def test_the_end_answers_all_questions(wired: Wired) -> None:
    heard: list[object] = []
    wired.line.requests.put(heard.append)
    wired.line.bury("gone")
    assert len(heard) == 1
