"""The codec: every stanza comes back as it went, and of any bytes only documented errors come out."""

from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.codec import decode_cbor, join_frame, read_stanza, spec_of, split_frame, write_stanza
from protocol.errors import LocalProtocolError, MalformedError, UnknownStanzaError
from protocol.ids import Address, DeviceAddress, DeviceId, Handle, MessageNumber, Seq, UserId
from protocol.limits import MAX_CIPHERTEXT_BYTES, MAX_STANZAS_PER_FRAME
from protocol.schema import SCHEMA, Sender, StanzaSpec
from protocol.stanzas import Ack, Bind, Deliver, Part, Ping, Read, Send, Stanza
from tests.protocol.stanza_strategies import stanzas_from

ALICE = UserId(7)
ALICES_PHONE = DeviceAddress(ALICE, DeviceId(1))


class Handles:
    """A handle table of the simplest kind."""

    def __init__(self, *addresses: Address) -> None:
        self._addresses = list(addresses)

    def handle_for(self, address: Address) -> Handle:
        if address not in self._addresses:
            self._addresses.append(address)
        return Handle(self._addresses.index(address))

    def address_of(self, handle: Handle) -> Address:
        if handle >= len(self._addresses):
            raise MalformedError("unbound")
        return self._addresses[handle]


def encode(stanzas: list[Stanza], sender: Sender, handles: Handles) -> bytes:
    return join_frame([write_stanza(stanza, sender, handles.handle_for) for stanza in stanzas])


def decode(plaintext: bytes, sender: Sender, handles: Handles) -> list[Stanza]:
    return [read_stanza(spec_of(item), item, sender, handles.address_of) for item in split_frame(plaintext)]


def from_client(data: bytes, *addresses: Address) -> list[Stanza]:
    return decode(data, Sender.CLIENT, Handles(*addresses))


@pytest.mark.parametrize("sender", [Sender.CLIENT, Sender.RELAY])
@given(data=st.data())
@settings(max_examples=40)
def test_every_stanza_comes_back_as_it_went(sender: Sender, data: st.DataObject) -> None:
    stanzas = data.draw(st.lists(stanzas_from(sender), max_size=2))
    handles = Handles()
    assert decode(encode(stanzas, sender, handles), sender, handles) == stanzas


def test_a_stanza_without_fields_is_one_byte() -> None:
    assert encode([Ping(), Ping()], Sender.CLIENT, Handles()) == b"\x00\x00"
    assert from_client(b"\x00\x81\x00") == [Ping(), Ping()]


def test_the_bytes_are_those_of_the_specification() -> None:
    send = Send(ALICE, MessageNumber(2), b"abc")
    assert encode([send], Sender.CLIENT, Handles(ALICE)).hex() == "8408000243616263"


@pytest.mark.parametrize("count", [0, 1, 23, 24, 255, 256, MAX_STANZAS_PER_FRAME])
def test_any_number_of_stanzas_fits_up_to_the_limit(count: int) -> None:
    assert len(from_client(encode([Ping()] * count, Sender.CLIENT, Handles()))) == count


def test_more_stanzas_than_the_limit_are_malformed() -> None:
    with pytest.raises(MalformedError, match="too many"):
        split_frame(b"\x00" * (MAX_STANZAS_PER_FRAME + 1))


def test_unknown_trailing_fields_are_skipped() -> None:
    assert from_client(cbor2.dumps([2, 5, {"a": [1, 2.5]}, "later"])) == [Ack(Seq(5))]
    assert from_client(cbor2.dumps([0, "a ping with a field of the future"])) == [Ping()]


def test_an_absent_optional_field_and_a_null_are_the_same() -> None:
    address = bytes(7) + b"\x07"
    for fields in ([11, 0, address], [11, 0, address, None], [11, 0, address, None, "later"]):
        assert from_client(cbor2.dumps(fields)) == [Bind(Handle(0), ALICE)]


def test_an_unknown_type_is_an_error_that_carries_its_number() -> None:
    for data in (b"\x17", cbor2.dumps([1000, 1])):
        with pytest.raises(UnknownStanzaError) as caught:
            from_client(data)
        assert caught.value.facts == {"stanza_type": caught.value.stanza_type}


def test_what_follows_a_break_is_padding() -> None:
    assert from_client(b"\x00\xff" + b"anything \x00\xc0\xff at all") == [Ping()]


MALFORMED = {
    "no array and no integer": cbor2.dumps("text"),
    "an empty array": b"\x80",
    "a type that is text": cbor2.dumps(["2", 5]),
    "a type that is a bool": b"\xf5",
    "a negative type": b"\x20",
    "a map": cbor2.dumps({"type": 2}),
    "a missing field": cbor2.dumps([2]),
    "a bare type that has fields": b"\x02",
    "a field of the wrong type": cbor2.dumps([2, "5"]),
    "a field out of range": cbor2.dumps([2, 0]),
    "an integer over 63 bits": cbor2.dumps([2, 2**63]),
    "a bignum": cbor2.dumps([2, 2**70]),
    "a float": cbor2.dumps([2, 5.0]),
    "an empty ciphertext": cbor2.dumps([8, 0, 1, b""]),
    "a handle that is not bound": cbor2.dumps([8, 5, 1, b"x"]),
    "a handle out of range": cbor2.dumps([8, 8192, 1, b"x"]),
    "a handle of the wrong kind": cbor2.dumps([8, 1, 1, b"x"]),
    "an array cut off": b"\x82\x02",
    "bytes cut off": b"\x84\x08\x00\x01\x43ab",
    "a tag": b"\x82\x02\xc0\x05",
    "a tag in a field that would be skipped": cbor2.dumps([2, 5, cbor2.CBORTag(35, "(")]),
    "nested too deep": b"\x81" * 9 + b"\x00",
    "text that is no UTF-8": b"\x83\x18\x20\x01\x62\xff\xfe",
    "a length of 2^63": b"\x5b\x7f" + b"\xff" * 7,
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_it_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        from_client(data, ALICE, ALICES_PHONE)


def test_a_cyclic_structure_cannot_be_built() -> None:
    with pytest.raises(MalformedError):
        decode_cbor(b"\xd8\x1c\x81\xd8\x1d\x00")


def test_no_tag_is_decoded_not_even_one_that_a_later_cbor2_may_know() -> None:
    for tag in [*range(1_100), 43_000, 55_799, 2**32]:
        with pytest.raises(MalformedError):
            from_client(cbor2.dumps([2, 5, cbor2.CBORTag(tag, 0)]))


def _with(spec: StanzaSpec, place: int, value: object) -> bytes:
    fields: list[Any] = [1] * spec.required
    fields[place] = value
    return cbor2.dumps([spec.number, *fields])


@pytest.mark.parametrize("spec", [spec for spec in SCHEMA if spec.required], ids=lambda spec: spec.name)
def test_no_field_of_any_stanza_takes_a_bool_a_float_or_a_map(spec: StanzaSpec) -> None:
    for place in range(spec.required):
        for value in (True, 1.5, {"a": 1}):
            with pytest.raises(MalformedError):
                from_client(_with(spec, place, value))


@given(data=st.binary(max_size=200))
@settings(max_examples=500)
def test_of_any_bytes_only_documented_errors_come_out(data: bytes) -> None:
    try:
        from_client(data, ALICE, ALICES_PHONE)
    except (MalformedError, UnknownStanzaError):
        pass


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(number=st.integers(0, 50), fields=st.lists(json_like, max_size=8))
@settings(max_examples=100)
def test_of_any_valid_cbor_only_documented_errors_come_out(number: int, fields: list[object]) -> None:
    try:
        from_client(cbor2.dumps([number, *fields]), ALICE, ALICES_PHONE)
    except (MalformedError, UnknownStanzaError):
        pass


def test_our_own_mistakes_are_ours() -> None:
    handles = Handles()
    mistakes: list[Any] = [
        Ack(Seq(0)),
        Send(ALICE, MessageNumber(0), b"x"),
        Send(ALICE, MessageNumber(1), b""),
        Send(ALICE, MessageNumber(1), bytes(MAX_CIPHERTEXT_BYTES + 1)),
        Read(ALICE, MessageNumber(1)),  # a client reads what a device sent
        Bind(Handle(0), UserId(0)),
        "not a stanza",
    ]
    for mistake in mistakes:
        with pytest.raises(LocalProtocolError):
            write_stanza(mistake, Sender.CLIENT, handles.handle_for)


def test_parts_that_do_not_fit_a_frame_together_are_refused_when_said() -> None:
    parts = (Part(DeviceId(1), bytes(MAX_CIPHERTEXT_BYTES)), Part(DeviceId(2), b"x"))
    with pytest.raises(LocalProtocolError, match="together"):
        write_stanza(Send(ALICE, MessageNumber(1), parts), Sender.CLIENT, Handles().handle_for)


def test_an_absent_time_takes_no_bytes() -> None:
    handles = Handles(ALICES_PHONE)
    short = Deliver(Seq(1), ALICES_PHONE, MessageNumber(1), b"x")
    assert write_stanza(short, Sender.RELAY, handles.handle_for) == (9, 1, 0, 1, b"x")
    late = Deliver(Seq(1), ALICES_PHONE, MessageNumber(1), b"x", 1_700_000_000)
    assert write_stanza(late, Sender.RELAY, handles.handle_for) == (9, 1, 0, 1, b"x", 1_700_000_000)
