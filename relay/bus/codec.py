"""Bus messages as bytes: 4 bytes of length, then a CBOR array of messages, each `[number, *fields]`.

All that a worker says to another in one turn is one frame. Each message is encoded when it is said, so that
what waits is counted in bytes and not guessed; the frame only puts a header before them.

Strict: workers of one node run the same program, so what does not fit the table is a bug, and the link ends.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import cbor2

from protocol.fields import FieldError
from relay.bus.errors import BusProtocolError
from relay.bus.messages import ROW_OF_CLASS, ROW_OF_NUMBER, BusMessage

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""Far above what a link holds at once (peer.py): a length beyond it is not a length."""

_LENGTH = struct.Struct(">I")
_ARRAY_16 = struct.Struct(">BH")
_ARRAY_32 = struct.Struct(">BI")


def encode(message: BusMessage) -> bytes:
    """One message. Only what `frame` makes of it can be sent."""
    row = ROW_OF_CLASS[type(message)]
    return cbor2.dumps((row.number, *row.values(message)))


def frame(messages: Sequence[bytes]) -> bytes:
    """Encoded messages as one frame."""
    head = _array_header(len(messages))
    body = b"".join(messages)
    return _LENGTH.pack(len(head) + len(body)) + head + body


class FrameReader:
    """Puts frames together from what the link reads."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()  # at most one frame that is not whole, and one read

    def feed(self, data: bytes) -> Iterator[BusMessage]:
        """The messages that are whole now, one after the other.

        Raises:
            BusProtocolError: this is not from a worker of this version; no more can be read.
        """
        self._data += data
        while len(self._data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._data)
            if length > MAX_FRAME_BYTES:
                raise BusProtocolError(f"a frame of {length} bytes")
            end = _LENGTH.size + length
            if len(self._data) < end:
                return
            body = bytes(memoryview(self._data)[_LENGTH.size : end])
            del self._data[:end]
            yield from decode(body)


def decode(body: bytes) -> Iterator[BusMessage]:
    """The messages of a frame.

    Raises:
        BusProtocolError: as `FrameReader.feed`.
    """
    try:
        items = cbor2.loads(body)
    except (cbor2.CBORDecodeError, ValueError) as error:
        raise BusProtocolError(f"not CBOR: {type(error).__name__}") from error
    if not isinstance(items, list):
        raise BusProtocolError("a frame is not an array")
    for item in items:
        yield _read(item)


def _read(item: Any) -> BusMessage:
    """A message out of its CBOR form.

    Raises:
        BusProtocolError: it does not fit the table.
    """
    row = ROW_OF_NUMBER.get(item[0]) if isinstance(item, list) and item else None
    if row is None:
        raise BusProtocolError("no such message")
    try:
        return row.read(item)
    except FieldError as error:
        raise BusProtocolError(f"{row.message.__name__}: {error}") from error


def _array_header(count: int) -> bytes:
    """What CBOR puts before an array of so many items."""
    if count < 24:
        return bytes((0x80 | count,))
    if count < 1 << 16:
        return _ARRAY_16.pack(0x99, count)
    return _ARRAY_32.pack(0x9A, count)
