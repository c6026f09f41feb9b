"""The lean wire says what the relay's own end of the protocol understands, and understands what that says."""

import pytest

from bench.load.wire import (
    ACCEPTED,
    ERROR,
    FAILED,
    PING,
    PROGRESSES,
    REFUSED,
    SEND,
    STANZAS_A_FRAME,
    WELCOME,
    RefusedError,
    Wire,
    accepted_before,
    bind,
    refusal,
)
from protocol import (
    Accepted,
    Confirmed,
    DeviceId,
    ErrorCode,
    Event,
    MessageNumber,
    Send,
    UserId,
    Welcome,
)
from tests.helpers.connection_pair import DEVICE_KEY, RELAY_KEY, hear, relay_connection

BOB = UserId(7)


def _shaken(relay_key: bytes | None) -> tuple[Wire, list[Event], list[object]]:
    """A wire and what either side has heard when the handshake is over and the relay has said welcome."""
    relay = relay_connection()
    wire = Wire(DEVICE_KEY, relay_key)
    events, items = list[Event](), list[object]()
    welcomed = False
    while data := wire.data_to_send():
        events += hear(relay, data)
        if not welcomed and any(isinstance(event, Confirmed) for event in events):
            welcomed = True
            relay.send(Welcome(UserId(1), DeviceId(1), 0, 30, 256, 0))
        items += wire.receive(relay.data_to_send())
    return wire, events, items


@pytest.mark.parametrize("relay_key", [None, RELAY_KEY.public], ids=["XX", "IK"])
def test_both_handshakes_lead_to_a_welcome(relay_key: bytes | None) -> None:
    _, events, items = _shaken(relay_key)
    assert any(isinstance(event, Confirmed) for event in events)
    assert any(type(item) is tuple and item[0] == WELCOME for item in items)


def test_messages_go_out_as_real_stanzas_and_their_ticks_come_back_as_items() -> None:
    relay, wire = relay_connection(), Wire(DEVICE_KEY, RELAY_KEY.public)
    hear(relay, wire.data_to_send())
    list(wire.receive(relay.data_to_send()))
    hear(relay, wire.data_to_send())
    relay.send(Welcome(UserId(1), DeviceId(1), 0, 30, 256, 0))
    list(wire.receive(relay.data_to_send()))
    wire.say(bind(0, BOB), (SEND, 0, 1, b"sealed"))
    assert hear(relay, wire.data_to_send()) == [Send(BOB, MessageNumber(1), b"sealed")]
    relay.send(Accepted(BOB, MessageNumber(1)))
    assert list(wire.receive(relay.data_to_send())) == [(ACCEPTED, 0, 1)]


def test_more_than_fits_a_frame_goes_out_in_several() -> None:
    wire, _, _ = _shaken(RELAY_KEY.public)
    wire.say(*[PING] * (2 * STANZAS_A_FRAME + 1))
    data, frames = wire.data_to_send(), 0
    while data:
        data = data[3 + int.from_bytes(data[:3]) :]
        frames += 1
    assert frames == 3
    assert wire.data_to_send() == b""


def test_a_rested_wire_goes_on_where_it_was() -> None:
    wire, _, _ = _shaken(RELAY_KEY.public)
    wire.rest()
    wire.say(PING)
    assert len(wire.data_to_send()) == 3 + 1 + 16


def test_a_refusal_in_clear_is_named() -> None:
    wire = Wire(DEVICE_KEY, RELAY_KEY.public)
    with pytest.raises(RefusedError, match="overloaded"):
        list(wire.receive(b"\x00\x00\x01" + bytes([ErrorCode.OVERLOADED])))


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ((ERROR, ErrorCode.REPLACED), "replaced"),
        ((FAILED, 1, ErrorCode.UNKNOWN_USER), "unknown-user"),
        ((REFUSED, 0, 7, ErrorCode.OUT_OF_ORDER, 5), r"out-of-order \(5\)"),
    ],
)
def test_a_refusal_says_its_code_and_its_detail(item: tuple[int, ...], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        raise refusal(item)


def test_numbers_go_on_where_an_earlier_run_has_stopped() -> None:
    progresses = (PROGRESSES, 1, ((5, 3, 2, 1), (BOB, 9, 9, 0)))
    assert accepted_before(progresses, BOB) == 9
    assert accepted_before(progresses, UserId(6)) == 0
