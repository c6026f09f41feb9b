"""The packets of MQTT 3.1.1 that a messenger needs, each able to write itself.

Section numbers are those of the OASIS standard of 29 October 2014. Messages are QoS 1 only, there are no
wills, and nothing is retained. Topics, client ids and payloads are bytes: nobody here reads them.

Packets are slotted and not frozen: one is made for every packet that a load process hears, and freezing
triples what that costs.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

PROTOCOL_LEVEL: Final = 4
"""3.1.1."""

MAX_PACKET_ID: Final = 0xFFFF
MAX_STRING_BYTES: Final = 0xFFFF
MAX_REMAINING_BYTES: Final = 268_435_455
"""What four bytes of seven bits each can say (section 2.2.3)."""

AT_LEAST_ONCE: Final = 1
"""QoS 1."""

SUBSCRIBE_FLAGS: Final = 2
"""The second half of a SUBSCRIBE's first byte, which has no meaning (2.2.2)."""


class Kind(IntEnum):
    """The first half byte of a packet (section 2.2.1)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class Flag(IntEnum):
    """The bits of a CONNECT's flags (section 3.1.2.3) that we use."""

    CLEAN_SESSION = 0x02
    PASSWORD = 0x40
    USER_NAME = 0x80


@dataclass(slots=True)
class Connect:
    """A client says who it is; the first packet of a connection (3.1)."""

    client_id: bytes
    user: bytes = b""
    """Empty for none."""
    password: bytes = b""
    """Empty for none; not without a user (3.1.2.9)."""
    is_clean: bool = True
    """Forget what the session was, and keep nothing of it; otherwise the broker keeps subscriptions and
    messages for a client that is away."""
    keepalive: int = 60
    """Seconds between two packets at most."""

    def encode(self) -> bytes:
        """Its bytes.

        Raises:
            ValueError: a password without a user, or a field that is too long.
        """
        if self.password and not self.user:
            raise ValueError("a password needs a user")
        flags = Flag.CLEAN_SESSION * self.is_clean | Flag.USER_NAME * bool(self.user)
        flags |= Flag.PASSWORD * bool(self.password)
        body = b"".join(
            (
                _string(b"MQTT"),
                bytes((PROTOCOL_LEVEL, flags)),
                _uint16(self.keepalive),
                _string(self.client_id),
                *(_string(each) for each in (self.user, self.password) if each),
            )
        )
        return _packet(Kind.CONNECT << 4, body)


@dataclass(slots=True)
class ConnAck:
    """The broker lets a client in, or says why not (3.2)."""

    is_session_present: bool
    """Whether it kept a session of this client."""
    code: int
    """0 if it is let in."""

    def encode(self) -> bytes:
        """Its bytes."""
        return bytes((Kind.CONNACK << 4, 2, self.is_session_present, self.code))


@dataclass(slots=True)
class Publish:
    """A message, in either direction (3.3); QoS 1, so it is answered with a PubAck of the same id."""

    topic: bytes
    packet_id: int
    payload: bytes
    is_duplicate: bool = False
    """Whether it may have been sent before."""

    def encode(self) -> bytes:
        """Its bytes.

        Raises:
            ValueError: an id that is none, or a field that is too long.
        """
        first = Kind.PUBLISH << 4 | AT_LEAST_ONCE << 1 | self.is_duplicate << 3
        return _packet(first, _string(self.topic) + _packet_id(self.packet_id) + self.payload)

    def acknowledgement(self) -> bytes:
        """The bytes of the PubAck that answers it."""
        return _PUBACK_HEAD + self.packet_id.to_bytes(2, "big")


class NumberedPublish:
    """Messages that differ only in their number, which is before the rest of the payload.

    MQTT says neither who has sent a message nor which it is: both have to be in the payload.

    Args:
        topic: where to.
        payload: what is behind the number.

    Raises:
        ValueError: one of them is too long.
    """

    __slots__ = ("_after", "_before")

    def __init__(self, topic: bytes, payload: bytes) -> None:
        encoded = Publish(topic, MAX_PACKET_ID, bytes(NUMBER_BYTES) + payload).encode()
        self._before = encoded[: len(encoded) - len(payload) - _ID_AND_NUMBER.size]
        self._after = payload

    def encode(self, packet_id: int, number: int) -> bytes:
        """The bytes of one of them.

        Raises:
            struct.error: the id has more than 16 bits, or the number more than 32.
        """
        return self._before + _ID_AND_NUMBER.pack(packet_id, number) + self._after


@dataclass(slots=True)
class PubAck:
    """A message was taken over (3.4)."""

    packet_id: int

    def encode(self) -> bytes:
        """Its bytes.

        Raises:
            ValueError: an id that is none.
        """
        return _PUBACK_HEAD + _packet_id(self.packet_id)


@dataclass(slots=True)
class Subscribe:
    """A client wants the messages of some topics, QoS 1 at most (3.8)."""

    packet_id: int
    topics: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Its bytes.

        Raises:
            ValueError: no topic, an id that is none, or a field that is too long.
        """
        if not self.topics:
            raise ValueError("a SUBSCRIBE has at least one topic")
        wanted = b"".join(_string(topic) + bytes((AT_LEAST_ONCE,)) for topic in self.topics)
        return _packet(Kind.SUBSCRIBE << 4 | SUBSCRIBE_FLAGS, _packet_id(self.packet_id) + wanted)


@dataclass(slots=True)
class SubAck:
    """What became of a Subscribe (3.9)."""

    packet_id: int
    codes: tuple[int, ...]
    """For each topic the QoS that was granted, or REFUSED."""

    REFUSED = 0x80

    def encode(self) -> bytes:
        """Its bytes.

        Raises:
            ValueError: an id that is none.
        """
        return _packet(Kind.SUBACK << 4, _packet_id(self.packet_id) + bytes(self.codes))


@dataclass(slots=True)
class PingReq:
    """A client is still there (3.12)."""

    def encode(self) -> bytes:
        """Its bytes."""
        return bytes((Kind.PINGREQ << 4, 0))


@dataclass(slots=True)
class PingResp:
    """The broker has heard it (3.13)."""

    def encode(self) -> bytes:
        """Its bytes."""
        return bytes((Kind.PINGRESP << 4, 0))


@dataclass(slots=True)
class Disconnect:
    """A client leaves in order (3.14)."""

    def encode(self) -> bytes:
        """Its bytes."""
        return bytes((Kind.DISCONNECT << 4, 0))


Packet: TypeAlias = (
    Connect | ConnAck | Publish | PubAck | Subscribe | SubAck | PingReq | PingResp | Disconnect
)


_ID_AND_NUMBER: Final = struct.Struct(">HI")
NUMBER_BYTES: Final = 4

_PUBACK_HEAD: Final = bytes((Kind.PUBACK << 4, 2))


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + encode_length(len(body)) + body


def encode_length(length: int) -> bytes:
    """The remaining length, seven bits a byte, lowest first (2.2.3).

    Raises:
        ValueError: it is more than four bytes can say.
    """
    if not 0 <= length <= MAX_REMAINING_BYTES:
        raise ValueError(f"{length} bytes are more than a packet can have")
    encoded = bytearray()
    while length > 0x7F:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return bytes(encoded)


def _string(value: bytes) -> bytes:
    if len(value) > MAX_STRING_BYTES:
        raise ValueError(f"a field of {len(value)} bytes, and {MAX_STRING_BYTES} is the limit")
    return _uint16(len(value)) + value


def _packet_id(number: int) -> bytes:
    if not 0 < number <= MAX_PACKET_ID:
        raise ValueError(f"{number} is no packet id")
    return _uint16(number)


def _uint16(number: int) -> bytes:
    if not 0 <= number <= 0xFFFF:
        raise ValueError(f"{number} does not fit two bytes")
    return number.to_bytes(2, "big")
