"""The outgoing side: what is gathered in a turn leaves at once, and cumulative ticks replace one another."""

from collections.abc import Callable
from typing import Any, cast

import lmdb
import pytest

from actors import ActorRef
from actors.network import Link, Network
from protocol import (
    Accepted,
    Deliver,
    Delivered,
    DeviceAddress,
    DeviceId,
    Error,
    ErrorCode,
    Expired,
    LocalProtocolError,
    MessageNumber,
    Read,
    Refused,
    RelayConnection,
    Run,
    Seq,
    Stanza,
    Tick,
    UserId,
)
from relay.config import MAX_CHATS_REMEMBERED
from relay.metrics import Counters
from relay.outgoing import Outgoing, Surroundings
from storage import CorruptRecordError
from storage.mailboxes import QueuedMessage

BEN, CARL = UserId(7), UserId(8)
ANNA = DeviceAddress(UserId(9), DeviceId(1))


class FakeNetwork:
    """Collects what is to run at the end of the turn."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def call_at_turn_end(self, fn: Callable[[], None]) -> None:
        self.calls.append(fn)

    def end_turn(self) -> None:
        calls, self.calls = self.calls, []
        for fn in calls:
            fn()


class FakeLink:
    """Counts writes; takes nothing if the test says so."""

    def __init__(self) -> None:
        self.writes = 0
        self.unsent_bytes = 0
        self.is_closed = False
        self.is_stuck = False

    def write(self, data: bytes) -> None:
        self.writes += 1
        if self.is_stuck:
            self.unsent_bytes += len(data)

    def close(self) -> None:
        self.is_closed = True


class FakeChannel:
    """A connection that has no keys: it remembers what was said, in order."""

    def __init__(self) -> None:
        self.said: list[Stanza] = []
        self.bound: dict[object, str | None] = {}
        self.waiting = 0
        self.refuses = False

    def send(self, stanza: Stanza) -> None:
        if self.refuses:
            raise LocalProtocolError("not now")
        self.said.append(stanza)
        self.waiting += 1

    def send_delivery(self, seq: Seq, chat: DeviceAddress, rest: tuple[Any, ...]) -> None:
        self.send(Deliver(seq, chat, *rest))

    def send_tick(self, tick: type[Tick], chat: UserId, number: MessageNumber) -> None:
        self.send(tick(chat, number))

    def is_bound(self, address: object) -> bool:
        return address in self.bound

    def bind(self, address: object, phone: str | None) -> None:
        self.bound[address] = phone

    def close(self, code: ErrorCode, detail: int | None) -> None:
        self.said.append(Error(code, detail))
        self.waiting += 1

    def data_to_send(self) -> bytes:
        data, self.waiting = b"x" * 100 * self.waiting, 0
        return data


class Bench:
    """An outgoing side with everything around it faked."""

    def __init__(self, max_unsent_bytes: int = 1000) -> None:
        self.network, self.link, self.channel = FakeNetwork(), FakeLink(), FakeChannel()
        self.counters = Counters()
        self.shared = Surroundings(
            cast("Network", self.network), self.counters, lambda user: f"+{user}", max_unsent_bytes
        )
        self.outgoing = Outgoing(
            1,
            cast("ActorRef", None),
            cast("Link", self.link),
            cast("RelayConnection", self.channel),
            self.shared,
        )
        self.outgoing.welcomed = True


@pytest.fixture
def bench() -> Bench:
    return Bench()


def number(value: int) -> MessageNumber:
    return MessageNumber(value)


def message(value: int) -> QueuedMessage:
    return QueuedMessage(ANNA, number(value), 1_000, 2_000, b"c")


def test_everything_of_a_turn_leaves_in_one_write(bench: Bench) -> None:
    for seq in (1, 2, 3):
        bench.outgoing.deliver(Seq(seq), message(seq), waited=False)
    bench.outgoing.accepted(BEN, number(1))
    assert bench.link.writes == 0
    assert len(bench.network.calls) == 1
    bench.network.end_turn()
    assert bench.link.writes == 1
    assert len(bench.channel.said) == 4


def test_ticks_are_cumulative_per_chat(bench: Bench) -> None:
    for value in (1, 2, 3):
        bench.outgoing.accepted(BEN, number(value))
        bench.outgoing.delivered(BEN, number(value))
        bench.outgoing.read(BEN, number(value))
    bench.outgoing.accepted(CARL, number(9))
    bench.network.end_turn()
    assert bench.channel.said == [
        Accepted(BEN, number(3)),
        Accepted(CARL, number(9)),
        Delivered(BEN, number(3)),
        Read(BEN, number(3)),
    ]


def test_ticks_wait_for_the_welcome_since_a_device_understands_none_before(bench: Bench) -> None:
    bench.outgoing.welcomed = False
    bench.outgoing.accepted(BEN, number(1))
    bench.outgoing.activity(ANNA, is_typing=True)
    bench.network.end_turn()
    assert bench.channel.said == []
    bench.outgoing.welcomed = True
    bench.outgoing.plan_flush()
    bench.network.end_turn()
    assert bench.channel.said == [Accepted(BEN, number(1))]


def test_what_was_accepted_is_told_before_what_was_refused_behind_it(bench: Bench) -> None:
    bench.outgoing.accepted(BEN, number(4))
    bench.outgoing.refused(BEN, number(5), ErrorCode.MAILBOX_FULL)
    bench.network.end_turn()
    assert [type(stanza) for stanza in bench.channel.said] == [Accepted, Refused]
    assert bench.counters.refused == {"mailbox-full": 1}


def test_what_expired_is_told_before_the_ticks_that_do_not_count_for_it(bench: Bench) -> None:
    bench.outgoing.delivered(BEN, number(4))
    bench.outgoing.expired(BEN, [Run(number(1), number(3))])
    bench.network.end_turn()
    assert bench.channel.said == [Expired(BEN, number(1), number(3)), Delivered(BEN, number(4))]


def test_what_expired_is_left_to_be_asked_for_before_the_welcome(bench: Bench) -> None:
    bench.outgoing.welcomed = False
    bench.outgoing.expired(BEN, [Run(number(1), number(3))])
    bench.network.end_turn()
    assert bench.channel.said == []


def test_a_sender_is_introduced_once_with_its_number(bench: Bench) -> None:
    bench.outgoing.deliver(Seq(1), message(1), waited=False)
    bench.outgoing.deliver(Seq(2), message(2), waited=True)
    assert bench.channel.bound == {ANNA: "+9"}
    direct, waited = bench.channel.said
    assert isinstance(direct, Deliver)
    assert isinstance(waited, Deliver)
    assert (direct.accepted_at, waited.accepted_at) == (None, 1_000)


def test_a_reader_slower_than_the_limit_is_closed() -> None:
    bench = Bench(max_unsent_bytes=250)
    bench.link.is_stuck = True
    for seq in (1, 2, 3):
        bench.outgoing.deliver(Seq(seq), message(seq), waited=False)
        bench.network.end_turn()
    assert bench.link.is_closed
    assert bench.outgoing.end == "too-slow"


def test_after_the_end_nothing_is_said_and_nothing_raises(bench: Bench) -> None:
    bench.outgoing.close(ErrorCode.REPLACED)
    said = len(bench.channel.said)
    bench.outgoing.deliver(Seq(1), message(1), waited=False)
    bench.outgoing.accepted(BEN, number(1))
    bench.outgoing.refused(BEN, number(2), ErrorCode.MAILBOX_FULL)
    bench.outgoing.activity(ANNA, is_typing=True)
    bench.outgoing.close(ErrorCode.INTERNAL)
    bench.network.end_turn()
    assert len(bench.channel.said) == said
    assert bench.outgoing.end == "replaced"


def test_our_own_mistake_costs_this_connection_and_not_the_one_who_spoke(bench: Bench) -> None:
    bench.channel.refuses = True
    bench.outgoing.deliver(Seq(1), message(1), waited=False)
    assert bench.outgoing.end == "internal"
    assert bench.link.is_closed


def test_a_peer_that_takes_something_is_not_stalled(bench: Bench) -> None:
    bench.link.is_stuck = True
    bench.outgoing.deliver(Seq(1), message(1), waited=False)
    bench.network.end_turn()
    assert bench.outgoing.stalled_for(10) == 0
    assert bench.outgoing.stalled_for(15) == 5
    bench.link.unsent_bytes -= 10
    assert bench.outgoing.stalled_for(16) == 0
    bench.link.unsent_bytes = 0
    assert bench.outgoing.stalled_for(40) == 0


def test_of_too_many_readings_the_oldest_are_forgotten(bench: Bench) -> None:
    def sender(number: int) -> DeviceAddress:
        return DeviceAddress(UserId(number), DeviceId(1))

    for number in range(1, MAX_CHATS_REMEMBERED + 1):
        bench.outgoing.was_read(sender(number), MessageNumber(1))
    bench.outgoing.was_read(sender(1), MessageNumber(2))
    bench.outgoing.was_read(sender(0), MessageNumber(1))
    readings = bench.outgoing.readings or {}
    assert len(readings) == MAX_CHATS_REMEMBERED
    assert sender(2) not in readings
    assert readings[sender(1)] == 2


@pytest.mark.parametrize(
    "error",
    [
        CorruptRecordError("users", b"key", "checksum does not match"),
        lmdb.CorruptedError("page"),
        lmdb.PanicError("meta"),
    ],
)
def test_an_account_that_cannot_be_read_ends_the_connection_that_was_to_hear_of_it_and_nothing_else(
    bench: Bench, error: Exception
) -> None:
    def damaged(_user: UserId) -> str:
        raise error

    bench.shared.phone_of = damaged
    bench.outgoing.deliver(Seq(1), message(1), waited=False)
    assert bench.outgoing.end == ErrorCode.INTERNAL.wire_name
    assert not any(isinstance(said, Deliver) for said in bench.channel.said)
