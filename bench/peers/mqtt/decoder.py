"""Bytes of an MQTT 3.1.1 stream to packets, in either direction; no socket.

It knows the packets of packets.py. Anything else, and whatever the standard calls a protocol violation in
what it reads, is an error, and the error stays: there is no way back into a stream whose packets are not
where they should be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from bench.peers.mqtt.errors import MalformedPacketError, MqttError, PacketTooLargeError
from bench.peers.mqtt.packets import (
    AT_LEAST_ONCE,
    PROTOCOL_LEVEL,
    SUBSCRIBE_FLAGS,
    ConnAck,
    Connect,
    Disconnect,
    Flag,
    Kind,
    Packet,
    PingReq,
    PingResp,
    PubAck,
    Publish,
    SubAck,
    Subscribe,
)

MAX_PACKET_BYTES: Final = 65_536
"""The largest packet that is taken, without its fixed header, unless somebody says otherwise: hundreds of
times a chat's message."""

_LENGTH_BYTES: Final = 4

_PUBLISH_QOS_1: Final = Kind.PUBLISH << 4 | AT_LEAST_ONCE << 1
_DUPLICATE: Final = 0x08
_PUBACK: Final = Kind.PUBACK << 4


class PacketDecoder:
    """Cuts a stream into packets.

    Args:
        max_packet_bytes: a packet that announces more is refused before it is read.
    """

    __slots__ = ("_buffer", "_error", "_limit")

    def __init__(self, max_packet_bytes: int = MAX_PACKET_BYTES) -> None:
        self._buffer = b""  # the beginning of a packet that is not here yet
        self._limit = max_packet_bytes
        self._error: MqttError | None = None

    def receive(self, data: bytes) -> Iterator[Packet]:
        """Give the packets that are complete with what the network has brought.

        To be used up before the next call.

        Raises:
            MalformedPacketError: the bytes are no packet, or an earlier call said so.
            PacketTooLargeError: likewise.
        """
        if self._error is not None:
            raise self._error
        buffer = self._buffer + data if self._buffer else data
        start, size = 0, len(buffer)
        try:
            while size - start >= 2:
                # Most packets say their length in one byte.
                length, begin = buffer[start + 1], start + 2
                if length > 0x7F:
                    length, begin = _long_length(buffer, start)
                if length > self._limit:
                    raise PacketTooLargeError(length, self._limit)
                if begin + length > size:
                    break
                first, start = buffer[start], begin + length
                yield _packet(first, buffer[begin:start])
        except MqttError as error:
            self._error = error
            raise
        finally:
            self._buffer = buffer[start:]


def _long_length(buffer: bytes, start: int) -> tuple[int, int]:
    """The length of the packet at `start`, and where its body begins: behind the buffer if not known yet."""
    length = 0
    for place, byte in enumerate(buffer[start + 1 : start + 1 + _LENGTH_BYTES]):
        length |= (byte & 0x7F) << (7 * place)
        if byte <= 0x7F:
            return length, start + 2 + place
    if len(buffer) > start + _LENGTH_BYTES:
        raise MalformedPacketError("a length of more than four bytes")
    return 0, len(buffer) + 1


def _packet(first: int, body: bytes) -> Packet:
    # Two kinds in front, because a busy connection has no others.
    if first & ~_DUPLICATE == _PUBLISH_QOS_1:
        return _publish(body, is_duplicate=first & _DUPLICATE != 0)
    if first == _PUBACK:
        return PubAck(_packet_id_alone(body))
    read = _READERS.get(first)
    if read is None:
        raise MalformedPacketError(f"no packet that we know begins with 0x{first:02x}")
    return read(body)


def _publish(body: bytes, *, is_duplicate: bool) -> Publish:
    end = 2 + (body[0] << 8 | body[1]) if len(body) >= 2 else 2
    if len(body) < end + 2:
        raise MalformedPacketError("a PUBLISH ends within its topic or id")
    packet_id = body[end] << 8 | body[end + 1]
    if not packet_id:
        raise MalformedPacketError("a packet id is 0")
    return Publish(body[2:end], packet_id, body[end + 2 :], is_duplicate)


def _packet_id_alone(body: bytes) -> int:
    if len(body) != 2:
        raise MalformedPacketError(f"{len(body)} bytes where a packet id is all")
    packet_id = body[0] << 8 | body[1]
    if not packet_id:
        raise MalformedPacketError("a packet id is 0")
    return packet_id


def _connect(body: bytes) -> Connect:
    fields = _Fields(body)
    if fields.string() != b"MQTT" or fields.byte() != PROTOCOL_LEVEL:
        raise MalformedPacketError("a CONNECT of another protocol than MQTT 3.1.1")
    flags, keepalive = fields.byte(), fields.uint16()
    if flags & ~(Flag.CLEAN_SESSION | Flag.USER_NAME | Flag.PASSWORD):
        raise MalformedPacketError(f"a CONNECT with flags 0x{flags:02x}: a will, or one that is reserved")
    if flags & Flag.PASSWORD and not flags & Flag.USER_NAME:
        raise MalformedPacketError("a CONNECT with a password and without a user")
    client_id = fields.string()
    user = fields.string() if flags & Flag.USER_NAME else b""
    password = fields.string() if flags & Flag.PASSWORD else b""
    fields.end()
    return Connect(client_id, user, password, flags & Flag.CLEAN_SESSION != 0, keepalive)


def _connack(body: bytes) -> ConnAck:
    fields = _Fields(body)
    present, code = fields.byte(), fields.byte()
    fields.end()
    if present > 1:
        raise MalformedPacketError(f"a CONNACK with flags 0x{present:02x}")
    return ConnAck(present == 1, code)


def _subscribe(body: bytes) -> Subscribe:
    fields = _Fields(body)
    packet_id, topics = fields.packet_id(), []
    while fields.are_left:
        topics.append(fields.string())
        if fields.byte() != AT_LEAST_ONCE:
            raise MalformedPacketError("a SUBSCRIBE of another QoS than 1")
    if not topics:
        raise MalformedPacketError("a SUBSCRIBE without a topic")
    return Subscribe(packet_id, tuple(topics))


def _suback(body: bytes) -> SubAck:
    fields = _Fields(body)
    packet_id, codes = fields.packet_id(), []
    while fields.are_left:
        codes.append(fields.byte())
    return SubAck(packet_id, tuple(codes))


def _empty(packet: Callable[[], Packet]) -> Callable[[bytes], Packet]:
    def read(body: bytes) -> Packet:
        _Fields(body).end()
        return packet()

    return read


_READERS: Final[dict[int, Callable[[bytes], Packet]]] = {
    Kind.CONNECT << 4: _connect,
    Kind.CONNACK << 4: _connack,
    Kind.SUBSCRIBE << 4 | SUBSCRIBE_FLAGS: _subscribe,
    Kind.SUBACK << 4: _suback,
    Kind.PINGREQ << 4: _empty(PingReq),
    Kind.PINGRESP << 4: _empty(PingResp),
    Kind.DISCONNECT << 4: _empty(Disconnect),
}
"""{first byte: who reads the body}"""


class _Fields:
    """Reads a body from front to back; each method raises MalformedPacketError if it ends too soon."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def are_left(self) -> bool:
        return self._at < len(self._body)

    def take(self, count: int) -> bytes:
        taken = self._body[self._at : self._at + count]
        if len(taken) < count:
            raise MalformedPacketError("a packet ends within a field")
        self._at += count
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def uint16(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def packet_id(self) -> int:
        number = self.uint16()
        if not number:
            raise MalformedPacketError("a packet id is 0")
        return number

    def string(self) -> bytes:
        return self.take(self.uint16())

    def end(self) -> None:
        if self.are_left:
            raise MalformedPacketError(f"{len(self._body) - self._at} bytes after the end of a packet")
