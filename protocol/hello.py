"""What the two sides tell each other inside the handshake: CBOR arrays, encrypted and authenticated.

The client's goes in its last handshake message (XX: message 3; IK: message 1), the relay's in message 2.
Versions are agreed here: `protocol_minor` counts additions that old peers can ignore, and each side uses what
the smaller of the two knows. Trailing fields that we do not know are skipped.
"""

from dataclasses import dataclass
from typing import Any, Final

import cbor2

from protocol.codec import decode_cbor
from protocol.errors import LocalProtocolError, MalformedError
from protocol.fields import FieldError, FieldType, Text, Uint
from protocol.ids import Seq
from protocol.limits import MAX_CLIENT_NAME_CHARS, MAX_HELLO_BYTES, MAX_UINT32, MAX_UINT63

# Additions since version 1 of the preamble.
PROTOCOL_MINOR: Final = 0

NOTHING_STORED: Final = Seq(0)


@dataclass(frozen=True, slots=True)
class Hello:
    """The client's word: who speaks, and where to resume."""

    protocol_minor: int = PROTOCOL_MINOR
    resume_seq: Seq = NOTHING_STORED
    """The highest seq that the device has stored durably; 0 for none."""
    client_name: str = ""
    """Program and version, for the operator's statistics."""


@dataclass(frozen=True, slots=True)
class RelayHello:
    """The relay's word."""

    protocol_minor: int = PROTOCOL_MINOR


_HELLO: Final[tuple[FieldType, ...]] = (Uint(MAX_UINT32), Uint(MAX_UINT63), Text(MAX_CLIENT_NAME_CHARS))
_RELAY_HELLO: Final[tuple[FieldType, ...]] = (Uint(MAX_UINT32),)


def encode_hello(hello: Hello) -> bytes:
    """Return the payload of the client's last handshake message.

    Raises:
        LocalProtocolError: a field is outside its limits.
    """
    return _encode(_HELLO, (hello.protocol_minor, hello.resume_seq, hello.client_name))


def decode_hello(payload: bytes) -> Hello:
    """Read the client's payload.

    Raises:
        MalformedError: it is anything else.
    """
    return Hello(*_decode(_HELLO, payload))


def encode_relay_hello(hello: RelayHello) -> bytes:
    """Return the payload of the relay's handshake message.

    Raises:
        LocalProtocolError: a field is outside its limits.
    """
    return _encode(_RELAY_HELLO, (hello.protocol_minor,))


def decode_relay_hello(payload: bytes) -> RelayHello:
    """Read the relay's payload.

    Raises:
        MalformedError: it is anything else.
    """
    return RelayHello(*_decode(_RELAY_HELLO, payload))


def _encode(types: tuple[FieldType, ...], values: tuple[object, ...]) -> bytes:
    try:
        return cbor2.dumps([kind.read(value) for kind, value in zip(types, values, strict=True)])
    except FieldError as error:
        raise LocalProtocolError(f"hello: {error}") from None


def _decode(types: tuple[FieldType, ...], payload: bytes) -> list[Any]:
    if len(payload) > MAX_HELLO_BYTES:
        raise MalformedError("a hello that is too long", size=len(payload))
    values = decode_cbor(payload)
    if not isinstance(values, tuple) or len(values) < len(types):
        raise MalformedError("a hello that is no array of its fields")
    try:
        return [kind.read(value) for kind, value in zip(types, values, strict=False)]
    except FieldError as error:
        raise MalformedError(f"hello: {error}") from None
