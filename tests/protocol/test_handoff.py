"""Connections that change hands: exported and adopted at any byte, they behave as if they had not been."""

import logging
from collections.abc import Callable, Iterator

import cbor2
import pytest

from protocol import (
    Accepted,
    Ack,
    Confirmed,
    Deliver,
    DeviceAddress,
    DeviceId,
    Error,
    ErrorCode,
    Event,
    HandOff,
    HandOffError,
    Hello,
    LocalProtocolError,
    MessageNumber,
    Ping,
    Register,
    Registered,
    RelayConnection,
    RemoteProtocolError,
    Send,
    Seq,
    State,
    UndecryptableError,
    UserId,
)
from protocol.frames import encode_frame
from protocol.limits import MAX_BINDINGS_PER_SIDE
from tests.helpers.connection_pair import (
    DEVICE_KEY,
    ConnectionPair,
    online_pair,
    relay_connection,
    stranger_pair,
    welcome,
)

ALICE = UserId(7)
BOBS_PHONE = DeviceAddress(UserId(8), DeviceId(2))
STANZAS_HEARD = 6  # HandshakeDone, Confirmed, and what recorded_client says that is no Ping or plain Bind
PATTERNS = pytest.mark.parametrize("xx", [True, False], ids=["XX", "IK"])


def handed_over(relay: RelayConnection) -> RelayConnection:
    """The same connection in another process, as far as it can tell."""
    handoff = HandOff(bytes(relay.export()))
    adopted = relay_connection()
    adopted.adopt(handoff)
    return adopted


class Wire:
    """A relay's end that hears a recorded client, answers what a relay would, and writes down what it did."""

    def __init__(self) -> None:
        self.relay = relay_connection()
        self.events: list[Event] = []
        self.said = b""

    def hear(self, data: bytes) -> None:
        self.events += self.relay.receive_data(data)
        self.act()

    def act(self) -> None:
        """Let the device in if it has proved who it is, and write what there is to say."""
        if self.relay.confirmed is not None:
            self.relay.send(welcome(), Deliver(Seq(1), BOBS_PHONE, MessageNumber(1), b"for you"))
            self.events += self.relay.proceed()
        self.said += self.relay.data_to_send()

    def hand_over(self) -> None:
        self.relay = handed_over(self.relay)


def recorded_client(*, xx: bool) -> list[bytes]:
    """What a client says in a conversation: the handshake, and frames that use every part of the state."""
    pair = ConnectionPair(xx=xx)
    wire = Wire()
    pair.relay = wire.relay
    said = [pair.client.data_to_send()]
    wire.hear(said[-1])
    pair.client.receive_data(wire.said)
    for stanzas in (
        [Ping(), Send(ALICE, MessageNumber(1), b"hello")],
        [Ack(Seq(1)), Send(ALICE, MessageNumber(2), b"again")],
        [Send(UserId(9), MessageNumber(1), b"somebody else")],
    ):
        pair.client.send(*stanzas)
        said.append(pair.client.data_to_send())
    return said


@PATTERNS
def test_handed_over_at_any_byte_a_connection_hears_and_says_the_same(xx: bool) -> None:
    handshake, *frames = recorded_client(xx=xx)
    stream = b"".join(frames)
    for split in range(len(stream) + 1):
        moved, unmoved = Wire(), Wire()
        for wire in (moved, unmoved):
            wire.hear(handshake)
            wire.hear(stream[:split])
        if moved.relay.state is State.ONLINE:
            moved.hand_over()
        for wire in (moved, unmoved):
            wire.hear(stream[split:])
        assert moved.events == unmoved.events, f"cut at byte {split}"
        assert moved.said == unmoved.said, f"cut at byte {split}"
        assert len(moved.events) == STANZAS_HEARD


@PATTERNS
def test_handed_over_at_confirmed_with_any_bytes_behind_it_nothing_is_lost_or_heard_twice(xx: bool) -> None:
    handshake, *frames = recorded_client(xx=xx)
    stream = b"".join(frames)
    moves = 0
    for split in range(len(stream) + 1):
        moved, unmoved = Wire(), Wire()
        for wire in (moved, unmoved):
            wire.hear(handshake)
            wire.events += wire.relay.receive_data(stream[:split])
        confirmed = moved.relay.confirmed
        if confirmed is not None:
            moved.hand_over()
            moves += 1
            assert moved.relay.confirmed == confirmed
        for wire in (moved, unmoved):
            wire.act()
            wire.hear(stream[split:])
        assert moved.events == unmoved.events, f"cut at byte {split}"
        assert moved.said == unmoved.said, f"cut at byte {split}"
        assert len(moved.events) == STANZAS_HEARD
    assert moves > len(stream) // 2


def test_a_connection_may_change_hands_many_times() -> None:
    pair = online_pair()
    for number in range(1, 20):
        pair.relay = handed_over(pair.relay)
        pair.client.send(Send(ALICE, MessageNumber(number), b"hello"))
        pair.relay.send(Accepted(ALICE, MessageNumber(number)))
        at_relay, at_client = pair.take_events()
        assert at_relay == [Send(ALICE, MessageNumber(number), b"hello")]
        assert at_client == [Accepted(ALICE, MessageNumber(number))]


def test_a_stranger_is_handed_over_behind_its_registration() -> None:
    pair = stranger_pair()
    pair.client.send(Register(1, "+4917012345678", "123456", bytes(32), 1, bytes(32), bytes(64), ()))
    pair.run()
    pair.relay.send(Registered(1, UserId(7), DeviceId(1)))
    pair.relay = handed_over(pair.relay)  # with the answer not taken yet
    assert pair.relay.confirmed is None
    pair.relay.send(welcome())
    _, at_client = pair.take_events()
    assert at_client == [Registered(1, UserId(7), DeviceId(1)), welcome()]
    pair.client.send(Ack(Seq(1)))
    assert pair.take_events() == ([Ack(Seq(1))], [])


def bound_handles(relay: RelayConnection) -> Iterator[object]:
    table = relay._handles
    yield from (table._address_of, list(table._handle_for.items()), table._retiring, table._bound)
    yield from (table._pings, table._pongs)


def test_handles_that_are_changing_their_meaning_are_handed_over_as_they_are() -> None:
    pair = online_pair()
    for user in range(1, MAX_BINDINGS_PER_SIDE + 3):
        pair.relay.bind(UserId(user))
    before = list(bound_handles(pair.relay))
    assert before[2], "handles are retiring"
    relay = handed_over(pair.relay)
    assert list(bound_handles(relay)) == before
    pair.relay = relay
    pair.run()  # the Pongs end the barriers
    assert not pair.relay._handles._retiring


def test_a_fault_after_the_hand_over_is_answered_in_the_words_of_the_same_connection() -> None:
    pair = online_pair()
    pair.relay = handed_over(pair.relay)
    with pytest.raises(UndecryptableError):
        pair.relay.receive_data(encode_frame(bytes(20)))
    assert pair.client.receive_data(pair.relay.data_to_send()) == [Error(ErrorCode.MALFORMED)]


@PATTERNS
def test_who_cannot_place_a_connection_adopts_it_again_and_says_goodbye(xx: bool) -> None:
    pair = ConnectionPair(xx=xx)
    pair.relay.receive_data(pair.client.data_to_send())
    pair.client.receive_data(pair.relay.data_to_send())
    pair.relay.receive_data(pair.client.data_to_send())
    again = handed_over(pair.relay)
    again.close(ErrorCode.RESTARTING)
    assert again.proceed() == []
    assert pair.client.receive_data(again.data_to_send())[-1] == Error(ErrorCode.RESTARTING)


# --- Whose it is ---


def test_after_the_export_this_end_is_closed_and_has_no_keys() -> None:
    pair = online_pair()
    pair.client.send(Ack(Seq(1)))
    relay = pair.relay
    relay.export()
    assert relay.state is State.CLOSED
    assert relay.receive_data(pair.client.data_to_send()) == []
    assert relay.proceed() == []
    relay.close(ErrorCode.RESTARTING)
    assert relay.data_to_send() == b""
    assert relay.handshake_hash is None
    with pytest.raises(LocalProtocolError):
        relay.send(Ping())
    with pytest.raises(LocalProtocolError):
        relay.export()


def unconfirmed() -> RelayConnection:
    pair = ConnectionPair()
    pair.relay.receive_data(pair.client.data_to_send())
    assert pair.relay.state is State.UNCONFIRMED
    return pair.relay


@pytest.mark.parametrize("make", [relay_connection, unconfirmed])
def test_who_has_not_proved_who_it_is_is_handed_to_nobody(make: Callable[[], RelayConnection]) -> None:
    relay = make()
    before = relay.state
    with pytest.raises(LocalProtocolError, match=before.value):
        relay.export()
    assert relay.state is before


def test_only_a_fresh_connection_adopts() -> None:
    pair = online_pair()
    with pytest.raises(LocalProtocolError):
        unconfirmed().adopt(pair.relay.export())


def test_nothing_secret_shows_itself(caplog: pytest.LogCaptureFixture) -> None:
    relay = online_pair().relay
    assert relay._transport is not None
    keys = [key for key, _ in relay._transport.export()]
    handoff = relay.export()
    logging.getLogger("roost.test").warning("%s %r", handoff, handoff)
    adopted = relay_connection()
    adopted.adopt(handoff)
    shown = caplog.text + repr(adopted) + repr(adopted._transport)
    assert f"HandOff({len(bytes(handoff))} bytes)" in shown
    for key in keys:
        assert key in bytes(handoff)
        assert repr(key)[2:-1] not in shown
        assert key.hex() not in shown


# --- What is no connection ---


def exported_values() -> list[object]:
    values = cbor2.loads(bytes(online_pair().relay.export()))
    assert isinstance(values, list)
    return values


def with_field(place: int, value: object) -> HandOff:
    values = exported_values()
    values[place] = value
    return HandOff(cbor2.dumps(values))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 2),  # a later version
        (1, "closed"),
        (1, "no-such-state"),
        (2, None),
        (3, "text"),
        (4, [b"short", 0]),
        (4, [bytes(32), -1]),
        (5, [bytes(32)]),
        (6, b"\xff"),
        (7, None),
        (8, 1),
        (10, [1]),
        (10, [0, 0, 0, [[1, b"short"]], [], []]),
        (10, [0, 0, 0, [], [5], []]),
        (10, [0, 0, 0, 7, [], []]),
    ],
)
def test_what_is_no_connection_is_refused_and_changes_nothing(place: int, value: object) -> None:
    relay = relay_connection()
    with pytest.raises(HandOffError):
        relay.adopt(with_field(place, value))
    assert relay.state is State.AWAIT_PREAMBLE
    relay.adopt(HandOff(cbor2.dumps(exported_values())))


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x80", cbor2.dumps({"version": 1})])
def test_bytes_that_are_no_value_are_refused(data: bytes) -> None:
    with pytest.raises(HandOffError):
        relay_connection().adopt(HandOff(data))


def test_the_size_of_a_hand_over_is_about_that_of_its_keys() -> None:
    pair = ConnectionPair(hello=Hello(client_name="roost/0.1"))
    pair.relay.receive_data(pair.client.data_to_send())
    pair.client.receive_data(pair.relay.data_to_send())
    (confirmed,) = pair.relay.receive_data(pair.client.data_to_send())
    assert isinstance(confirmed, Confirmed)
    assert confirmed.remote_static == DEVICE_KEY.public
    assert len(bytes(pair.relay.export())) < 200


def test_a_fault_of_the_peer_is_never_one_of_ours() -> None:
    assert not issubclass(HandOffError, RemoteProtocolError)
