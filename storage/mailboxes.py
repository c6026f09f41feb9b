"""What waits for each device, and how far its queue has come.

    queue      user, device, seq                        -> QueuedMessage
    cursors    user, device                             -> DeviceCursor

Keys are big-endian, so a device's queue is one range, in order of seq.

A message, the cursor that numbers it and the progress that makes it idempotent belong in ONE submission:
functions that change something return operations, and the caller submits the operations of one step together.
They compute from the cursor that they are given, not from the disk: the mailbox that owns the queue knows
what is on its way there. Readers see what is durable, nothing else.
Not here: how far each sender's messages have come (progress.py); finding what has expired (expiry_walk.py).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from protocol.ids import (
    DeviceAddress,
    DeviceId,
    GroupId,
    GroupSeq,
    MemberAddress,
    MessageNumber,
    Seq,
    UserId,
)
from storage import payloads
from storage.environment import Reader
from storage.errors import CorruptRecordError
from storage.records import RecordCodec
from storage.tables import CURSORS, QUEUE, Delete, DeleteRange, Op, Put

_QUEUE_KEY = struct.Struct(">QHQ")
_DEVICE_KEY = struct.Struct(">QH")

LAST_SEQ = Seq(2**64 - 1)

# Where a queue stands before the first message: it counts from 1.
NO_SEQ = Seq(0)
FIRST_SEQ = Seq(1)


# The records below are built or read for every message: slotted and not frozen, which costs a third
# (207 against 720 ns). They are values all the same: whoever holds one makes a new one instead
# of changing it.
@dataclass(slots=True)
class QueuedMessage:
    """A message as it waits for one device."""

    sender: DeviceAddress
    number: MessageNumber
    # Unix seconds: when it was accepted, and from when on it may be dropped undelivered.
    accepted_at: int
    expires_at: int
    ciphertext: bytes


class GroupMessage:
    """A group's message, or an entry of its log, as it waits for devices: one object for all of them.

    Its row is short and refers to the payload, which the environment has once (payloads.py).
    """

    __slots__ = (
        "accepted_at",
        "ciphertext",
        "expires_at",
        "is_entry",
        "number",
        "origin",
        "row",
        "said",
        "sender",
    )

    def __init__(
        self,
        sender: MemberAddress,
        gseq: GroupSeq,
        origin: MessageNumber,
        accepted_at: int,
        expires_at: int,
        is_entry: bool,
        ciphertext: bytes,
    ) -> None:
        self.sender = sender
        self.number = gseq  # its place in the group's timeline
        self.origin = origin  # what the sender's device counts it as
        self.accepted_at = accepted_at
        self.expires_at = expires_at
        self.is_entry = is_entry
        self.ciphertext = ciphertext
        # What every device is told of it that need not have waited, behind seq and chat.
        said = (origin, ciphertext, None, gseq)
        self.said: tuple[object, ...] = (*said, 1) if is_entry else said
        group, user, device = sender
        size = len(ciphertext)
        self.row = _GROUP_ROW.pack(  # made once, whoever it waits for
            user, device, origin, accepted_at, expires_at, group, gseq, size, is_entry
        )


class GroupRow(NamedTuple):
    """The row of a group's message: everything but its payload."""

    sender: MemberAddress
    gseq: GroupSeq
    origin: MessageNumber
    accepted_at: int
    expires_at: int
    is_entry: bool
    size: int


Queued: TypeAlias = QueuedMessage | GroupMessage
"""What waits in a device's queue."""


@dataclass(slots=True)
class DeviceCursor:
    """How far the queue of one device has come."""

    # What the next message gets. Never goes back, also not over restarts: a seq is never used twice.
    next_seq: Seq = FIRST_SEQ
    # Everything up to here was acknowledged and is deleted.
    acked_seq: Seq = NO_SEQ
    # What waits: messages, and bytes of ciphertext. Kept here so that nobody has to count rows.
    messages: int = 0
    ciphertext_bytes: int = 0
    # A lower bound of when the first of them expires, so that nobody has to look before; 0: not known. It is
    # not exact, and no part of what a cursor says: what leaves otherwise does not raise it.
    soonest: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """What leaves a queue: how many messages, with how many bytes of ciphertext."""

    messages: int
    ciphertext_bytes: int


# Records ----------------------------------------------------------------------------------------------------

# sender user, sender device, number, accepted_at, expires_at; the ciphertext is the rest.
_MESSAGE_V1 = struct.Struct(">QHQQQ")
# Version 2 is another kind of row: as version 1, then group, gseq, size of the payload, is_entry.
_GROUP_ROW = struct.Struct(">QHQQQQQIB")
_CURSOR_V1 = struct.Struct(">QQQQ")
# Version 2: as version 1, then `soonest`.
_CURSOR_V2 = struct.Struct(">QQQQQ")
# Where a row of the queue, of either kind, has its `expires_at`: behind the record's version byte.
_EXPIRES_AT = struct.Struct(">Q")
_EXPIRES_AT_OFFSET = 1 + _MESSAGE_V1.size - _EXPIRES_AT.size


def _encode_message(message: QueuedMessage) -> bytes:
    user, device = message.sender
    head = _MESSAGE_V1.pack(user, device, message.number, message.accepted_at, message.expires_at)
    return head + message.ciphertext


def _decode_message_v1(payload: bytes) -> QueuedMessage:
    user, device, number, accepted_at, expires_at = _MESSAGE_V1.unpack_from(payload)
    return QueuedMessage(
        DeviceAddress(user, device), number, accepted_at, expires_at, payload[_MESSAGE_V1.size :]
    )


def _encode_group_message(message: GroupMessage) -> bytes:
    return message.row


def _decode_group_row(payload: bytes) -> GroupRow:
    user, device, origin, accepted_at, expires_at, group, gseq, size, is_entry = _GROUP_ROW.unpack(payload)
    sender = MemberAddress(GroupId(group), UserId(user), DeviceId(device))
    return GroupRow(
        sender, GroupSeq(gseq), MessageNumber(origin), accepted_at, expires_at, bool(is_entry), size
    )


def _encode_cursor(cursor: DeviceCursor) -> bytes:
    return _CURSOR_V2.pack(
        cursor.next_seq, cursor.acked_seq, cursor.messages, cursor.ciphertext_bytes, cursor.soonest
    )


def _decode_cursor_v1(payload: bytes) -> DeviceCursor:
    return DeviceCursor(*_CURSOR_V1.unpack(payload))


def _decode_cursor_v2(payload: bytes) -> DeviceCursor:
    return DeviceCursor(*_CURSOR_V2.unpack(payload))


_ROW_DECODERS: dict[int, Callable[[bytes], QueuedMessage | GroupRow]] = {
    1: _decode_message_v1,
    2: _decode_group_row,
}
# One table with two kinds of rows, told apart by their version; either codec reads both.
_GROUP_VERSION = b"\x02"
MESSAGE_CODEC: RecordCodec[Any] = RecordCodec(QUEUE, 1, _encode_message, _ROW_DECODERS)
GROUP_ROW_CODEC: RecordCodec[Any] = RecordCodec(QUEUE, 2, _encode_group_message, _ROW_DECODERS)
CURSOR_CODEC = RecordCodec(CURSORS, 2, _encode_cursor, {1: _decode_cursor_v1, 2: _decode_cursor_v2})


# The queue of a device --------------------------------------------------------------------------------------


def load_device_queue_state(reader: Reader, device: DeviceAddress) -> DeviceCursor:
    """How far the queue of `device` has come; a device that was never written to starts at the beginning.

    Raises:
        CorruptRecordError: the row is damaged.
    """
    key = _DEVICE_KEY.pack(*device)
    data = reader.get(CURSORS, key)
    return DeviceCursor() if data is None else CURSOR_CODEC.unpack(key, data)


def read_range(
    reader: Reader, device: DeviceAddress, after: int, limit: int, max_bytes: int | None = None
) -> list[tuple[Seq, Queued]]:
    """Up to `limit` messages that wait for `device` after seq `after`, in order.

    Seqs may be missing where messages have expired. With `max_bytes`, reading stops with the message that
    reaches that many bytes of ciphertext, so there is always at least one if any waits.

    Raises:
        CorruptRecordError: a row is damaged.
    """
    messages: list[tuple[Seq, Queued]] = []
    size = 0
    for key, data in rows_between(reader, device, after):
        if len(messages) >= limit or (max_bytes is not None and size >= max_bytes):
            break
        message = read_row(reader, key, data)
        messages.append((seq_of(key), message))
        size += len(message.ciphertext)
    return messages


def append(device: DeviceAddress, cursor: DeviceCursor, message: Queued) -> tuple[DeviceCursor, list[Op]]:
    """Put `message` at the end of the queue, as `cursor.next_seq`.

    Returns:
        The cursor after it, and the operations.
    """
    after, put = append_one_of_several(device, cursor, message)
    return after, [put, put_cursor(device, after)]


def append_one_of_several(
    device: DeviceAddress, cursor: DeviceCursor, message: Queued
) -> tuple[DeviceCursor, Op]:
    """As `append`, without the cursor's row: for several messages in one submission.

    Whoever calls it adds `put_cursor` with the last cursor, once.
    """
    return counting(cursor, message), put_row(device, cursor.next_seq, message)


def put_row(device: DeviceAddress, seq: Seq, message: Queued) -> Put:
    """The row of a message by itself; it needs a cursor beyond it, in the same submission."""
    key = _QUEUE_KEY.pack(device.user, device.device, seq)
    codec = MESSAGE_CODEC if type(message) is QueuedMessage else GROUP_ROW_CODEC
    return codec.put(key, message)


def counting(cursor: DeviceCursor, message: Queued) -> DeviceCursor:
    """The cursor when one more message waits, as `next_seq`."""
    return DeviceCursor(
        Seq(cursor.next_seq + 1),
        cursor.acked_seq,
        cursor.messages + 1,
        cursor.ciphertext_bytes + len(message.ciphertext),
        min(cursor.soonest, message.expires_at) if cursor.messages else message.expires_at,
    )


def acknowledge(
    device: DeviceAddress, cursor: DeviceCursor, upto: int, taken: Taken
) -> tuple[DeviceCursor, list[Op]]:
    """Delete everything up to seq `upto`; returns the cursor after it and the operations.

    An acknowledgement that says nothing new changes nothing and needs no operation.

    Args:
        device: whose queue it is.
        cursor: how far it has come.
        upto: the highest seq that the device has stored.
        taken: what that is. The mailbox knows it from its window.

    Raises:
        ValueError: `upto` was never sent: the device acknowledges what it cannot have.
    """
    if upto >= cursor.next_seq:
        raise ValueError(f"seq {upto} is acknowledged, but the next one is {cursor.next_seq}")
    if upto <= cursor.acked_seq:
        return cursor, []
    after = without(cursor, Seq(upto), taken)
    return after, [delete_range(device, cursor.acked_seq + 1, upto), put_cursor(device, after)]


def without(cursor: DeviceCursor, upto: Seq, taken: Taken) -> DeviceCursor:
    """The cursor when everything up to seq `upto` is acknowledged, which was `taken`."""
    return DeviceCursor(
        cursor.next_seq,
        upto,
        max(0, cursor.messages - taken.messages),
        max(0, cursor.ciphertext_bytes - taken.ciphertext_bytes),
        cursor.soonest,
    )


def count_on_from(cursor: DeviceCursor, seq: int) -> DeviceCursor:
    """The cursor after which the next message gets a number above `seq`, with a gap if need be.

    For a store that was set back: what it would give away next, the device may have seen.
    """
    next_seq = Seq(max(cursor.next_seq, seq + 1))
    return DeviceCursor(next_seq, cursor.acked_seq, cursor.messages, cursor.ciphertext_bytes, cursor.soonest)


def expires_at_of(key: bytes, data: bytes) -> int:
    """When a row expires, without reading the rest of it.

    Raises:
        CorruptRecordError: the row is damaged.
    """
    if len(data) < _EXPIRES_AT_OFFSET + _EXPIRES_AT.size:
        MESSAGE_CODEC.unpack(key, data)  # raises: it is damaged
    expires_at: int = _EXPIRES_AT.unpack_from(data, _EXPIRES_AT_OFFSET)[0]
    return expires_at


def remove_queue(device: DeviceAddress) -> list[Op]:
    """Forget the queue of a device that was logged out for good. Its number is never given away again."""
    return [delete_range(device, 0, LAST_SEQ), Delete(CURSORS, _DEVICE_KEY.pack(*device))]


def put_cursor(device: DeviceAddress, cursor: DeviceCursor) -> Put:
    """The operation that stores a cursor by itself."""
    return CURSOR_CODEC.put(_DEVICE_KEY.pack(*device), cursor)


def queues_after(
    reader: Reader, device: DeviceAddress | None, limit: int
) -> list[tuple[DeviceAddress, DeviceCursor]]:
    """Up to `limit` queues after that of `device` (None: from the first).

    This is how a sweep walks over all of them, slice by slice, with a short read transaction for each.

    Raises:
        CorruptRecordError: a row is damaged.
    """
    first = b"\0" if device is None else _DEVICE_KEY.pack(*device) + b"\0"
    queues: list[tuple[DeviceAddress, DeviceCursor]] = []
    for key, data in reader.scan(CURSORS, first, b"\xff" * _DEVICE_KEY.size):
        if len(queues) >= limit:
            break
        queues.append((DeviceAddress(*_DEVICE_KEY.unpack(key)), CURSOR_CODEC.unpack(key, data)))
    return queues


def count_queued(reader: Reader) -> int:
    """The messages that wait for all devices together, without reading any."""
    return reader.count(QUEUE)


def seq_of(key: bytes) -> Seq:
    """The seq of a row of a queue."""
    return Seq(_QUEUE_KEY.unpack(key)[2])


def read_row(reader: Reader, key: bytes, data: bytes) -> Queued:
    """What a row of a queue holds, or refers to.

    Raises:
        CorruptRecordError: it is damaged.
    """
    row = MESSAGE_CODEC.unpack(key, data)
    message: Queued = row if type(row) is QueuedMessage else _with_payload(reader, key, row)
    return message


def read_group_message(data: bytes, at: int) -> GroupMessage:
    """A group's message whose row, without key and frame, stands in `data`, and the payload behind it."""
    sender, gseq, origin, accepted_at, expires_at, is_entry, size = _decode_group_row(
        data[at : at + _GROUP_ROW.size]
    )
    begin = at + _GROUP_ROW.size
    payload = data[begin : begin + size]
    if len(payload) != size:
        raise ValueError("a payload is cut off")
    return GroupMessage(sender, gseq, origin, accepted_at, expires_at, is_entry, payload)


def _with_payload(reader: Reader, key: bytes, row: GroupRow) -> GroupMessage:
    sender, gseq, origin, accepted_at, expires_at, is_entry, _ = row
    payload = payloads.load_payload(reader, sender.group, gseq)
    if payload is None:
        raise CorruptRecordError(QUEUE, key, "what it refers to is not there")
    return GroupMessage(sender, gseq, origin, accepted_at, expires_at, is_entry, payload)


def group_rows_after(
    reader: Reader, after: bytes, limit: int
) -> tuple[bytes | None, list[payloads.PayloadKey]]:
    """What rows refer to, among up to `limit` rows of all queues behind the key `after`.

    Returns:
        The key to go on behind (None: that was the last), and the payloads.

    Raises:
        CorruptRecordError: a row is damaged.
    """
    found: list[payloads.PayloadKey] = []
    rows = reader.scan(QUEUE, after + b"\0", b"\xff" * _QUEUE_KEY.size)
    for count, (key, data) in enumerate(rows, start=1):
        reference = refers_to(key, data)
        if reference is not None:
            found.append(reference)
        if count >= limit:
            return key, found
    return None, found


def refers_to(key: bytes, data: bytes) -> payloads.PayloadKey | None:
    """What payload a row of a queue refers to; None if it has its own ciphertext.

    Raises:
        CorruptRecordError: the row is damaged.
    """
    if data[:1] != _GROUP_VERSION:
        return None
    row = GROUP_ROW_CODEC.unpack(key, data)
    return row.sender.group, row.gseq


def rows_between(
    reader: Reader, device: DeviceAddress, after: int, upto: int = LAST_SEQ
) -> Iterator[tuple[bytes, bytes]]:
    """The rows of a queue after seq `after` up to and including `upto`, unread: keys and records."""
    first = _QUEUE_KEY.pack(device.user, device.device, after + 1)
    return reader.scan(QUEUE, first, _QUEUE_KEY.pack(device.user, device.device, upto))


def delete_range(device: DeviceAddress, first: int, last: int) -> DeleteRange:
    """The operation that deletes the rows of a queue from seq `first` to seq `last`."""
    return DeleteRange(
        QUEUE,
        _QUEUE_KEY.pack(device.user, device.device, first),
        _QUEUE_KEY.pack(device.user, device.device, last),
    )
