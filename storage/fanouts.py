"""What groups have brought to devices that are online, one row for all of them, until it is known who has it.

    fanouts   group, gseq of the first message  -> the messages, and for each device its first seq

Most devices acknowledge within a second, and then need no row of their own and no deletion of one. Until
then a fan-out row stands for as many rows of queues as it has devices and messages.

Rule 1: what it says of a device counts from the device's stored cursor on: a seq below its `next_seq` is
    accounted for by the cursor and the rows of the queue (mailboxes.py). So whoever stores a cursor stores
    with it what is still to be delivered below, and a device is settled however many fan-out rows name it.
Rule 2: a fan-out row goes when the stored cursors of all its devices are beyond it.

Seqs of one device are without gaps, so the first is enough; a message does not go to the device that sent it.
Here is also what writes ordinary rows instead while no node runs (`expand`). What a running node does:
relay/group/settlement.py.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from protocol.ids import DeviceAddress, DeviceId, Seq, UserId
from storage import accounts, mailboxes, payloads
from storage.environment import Environment, Reader
from storage.errors import CorruptRecordError
from storage.mailboxes import DeviceCursor, GroupMessage
from storage.offline import open_writer
from storage.payloads import PayloadKey
from storage.records import RecordCodec
from storage.tables import FANOUTS, Delete, Op, Put

log = logging.getLogger("roost.storage")

_KEY = struct.Struct(">QQ")
_COUNTS_V1 = struct.Struct(">HI")

Devices = Sequence[tuple[UserId, DeviceId]]
"""Devices of any users."""


class Fanout(NamedTuple):
    """Messages of one group on their way to devices."""

    messages: Sequence[GroupMessage]
    """In order; not empty."""
    devices: Devices
    firsts: Sequence[int]
    """The seq of the first message at each of the devices."""

    @property
    def key(self) -> PayloadKey:
        """Which one it is."""
        first = self.messages[0]
        return first.sender.group, first.number

    def messages_for(self, user: UserId, device: DeviceId) -> Sequence[GroupMessage]:
        """Those that a device gets."""
        return messages_for(self.messages, user, device)


def messages_for(messages: Sequence[GroupMessage], user: UserId, device: DeviceId) -> Sequence[GroupMessage]:
    """What of a group's items is for a device: not the messages that it has sent itself."""
    for message in messages:
        if message.sender.user == user and message.sender.device == device and not message.is_entry:
            return [each for each in messages if each.sender[1:] != (user, device) or each.is_entry]
    return messages


def _encode(fanout: Fanout) -> bytes:
    count = len(fanout.devices)
    users = [user for user, _ in fanout.devices]
    devices = [device for _, device in fanout.devices]
    parts = [
        _COUNTS_V1.pack(len(fanout.messages), count),
        struct.pack(f">{count}Q{count}H{count}Q", *users, *devices, *fanout.firsts),
    ]
    for message in fanout.messages:
        parts += (message.row, message.ciphertext)
    return b"".join(parts)


def _decode_v1(payload: bytes) -> Fanout:
    messages, count = _COUNTS_V1.unpack_from(payload)
    layout = struct.Struct(f">{count}Q{count}H{count}Q")
    numbers = layout.unpack_from(payload, _COUNTS_V1.size)
    at = _COUNTS_V1.size + layout.size
    found: list[GroupMessage] = []
    for _ in range(messages):
        message = mailboxes.read_group_message(payload, at)
        at += len(message.row) + len(message.ciphertext)
        found.append(message)
    return Fanout(
        found, list(zip(numbers[:count], numbers[count : 2 * count], strict=True)), numbers[2 * count :]
    )


FANOUT_CODEC = RecordCodec(FANOUTS, 1, _encode, {1: _decode_v1})


def put_fanout(fanout: Fanout) -> Put:
    """What makes it durable; nothing more is needed for any of the devices."""
    return FANOUT_CODEC.put(_KEY.pack(*fanout.key), fanout)


def remove_fanout(key: PayloadKey) -> Delete:
    """The cursors of all its devices are beyond it (Rule 2)."""
    return Delete(FANOUTS, _KEY.pack(*key))


def all_fanouts(reader: Reader) -> Iterator[Fanout]:
    """Every fan-out row of an environment that can be read.

    One that is damaged is left where it is, and said to be so: whom it was for is not known, and nobody else
    is held up.
    """
    for key, data in reader.scan(FANOUTS, b"\0", b"\xff" * _KEY.size):
        try:
            yield FANOUT_CODEC.unpack(key, data)
        except CorruptRecordError as error:
            log.error("fanout_unreadable", extra={"reason": str(error)})


def expand(environment: Environment) -> int:
    """Let every device have rows of its own; durable when this returns. No node runs meanwhile.

    All of it is one transaction, so a process that is killed has done it or not. It is some megabytes: a
    node's fan-out rows live for a second or two.

    Returns:
        How many fan-out rows that were.

    Raises:
        JournalError: it could not be written.
        CorruptRecordError: a row is damaged.
    """
    with environment.read() as reader:
        fanouts = list(all_fanouts(reader))
        waiting: dict[tuple[UserId, DeviceId], list[tuple[int, GroupMessage]]] = {}
        for fanout in fanouts:
            for (user, device), first in zip(fanout.devices, fanout.firsts, strict=True):
                mine = fanout.messages_for(user, device)
                waiting.setdefault((user, device), []).extend(enumerate(mine, start=first))
        ops: list[Op] = [remove_fanout(fanout.key) for fanout in fanouts]
        for (user, device), numbered in waiting.items():
            ops += _rows_of(reader, DeviceAddress(user, device), numbered)
    if not fanouts:
        return 0
    for fanout in fanouts:
        ops += payloads_of(fanout.messages)
    with open_writer(environment) as write:
        write(ops)
    return len(fanouts)


def payloads_of(messages: Iterable[GroupMessage]) -> list[Op]:
    """What rows need that refer to these messages; written twice it is the same."""
    return [payloads.put_payload(each.sender.group, each.number, each.ciphertext) for each in messages]


def _rows_of(reader: Reader, device: DeviceAddress, numbered: list[tuple[int, GroupMessage]]) -> Iterator[Op]:
    """The rows of one device, and the cursor behind them; nothing for a device that is gone."""
    if accounts.load_device(reader, device) is None:
        return
    stored = cursor = mailboxes.load_device_queue_state(reader, device)
    for seq, message in sorted(numbered, key=lambda each: each[0]):
        if seq >= stored.next_seq:
            cursor = mailboxes.counting(_at(cursor, seq), message)
            yield mailboxes.put_row(device, Seq(seq), message)
    if cursor is not stored:
        yield mailboxes.put_cursor(device, cursor)


def _at(cursor: DeviceCursor, seq: int) -> DeviceCursor:
    return cursor if seq == cursor.next_seq else mailboxes.count_on_from(cursor, seq - 1)
