"""The hellos inside the handshake."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import LocalProtocolError, MalformedError
from protocol.hello import (
    Hello,
    RelayHello,
    decode_hello,
    decode_relay_hello,
    encode_hello,
    encode_relay_hello,
)
from protocol.ids import Seq
from protocol.limits import MAX_CLIENT_NAME_CHARS, MAX_UINT63


@given(
    minor=st.integers(0, 2**32 - 1),
    seq=st.integers(0, MAX_UINT63),
    name=st.text(max_size=MAX_CLIENT_NAME_CHARS),
)
def test_a_hello_comes_back_as_it_was(minor: int, seq: int, name: str) -> None:
    hello = Hello(minor, Seq(seq), name)
    assert decode_hello(encode_hello(hello)) == hello
    assert decode_relay_hello(encode_relay_hello(RelayHello(minor))) == RelayHello(minor)


def test_fields_of_a_later_version_are_skipped() -> None:
    assert decode_hello(cbor2.dumps([1, 2, "x", {"new": True}])) == Hello(1, Seq(2), "x")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x80",
        cbor2.dumps([0, 0]),
        cbor2.dumps([0, -1, ""]),
        cbor2.dumps([0, 0, "x" * 65]),
        cbor2.dumps(7),
        bytes(1025),
    ],
)
def test_anything_else_is_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedError):
        decode_hello(payload)


def test_our_own_hello_keeps_the_limits_too() -> None:
    with pytest.raises(LocalProtocolError):
        encode_hello(Hello(client_name="x" * 65))


@given(payload=st.binary(max_size=64))
def test_of_any_payload_only_the_documented_error_comes_out(payload: bytes) -> None:
    for decode in (decode_hello, decode_relay_hello):
        try:
            decode(payload)
        except MalformedError:
            pass
