"""How far the messages of each sending device to a recipient have come, and which of them were dropped.

    progress   recipient user, sender user, device      -> Progress

It makes sending idempotent: submit it together with the message that it counts (mailboxes.py).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from protocol.ids import DeviceAddress, MessageNumber, UserId
from protocol.stanzas import Run
from storage.environment import Reader
from storage.records import RecordCodec
from storage.tables import PROGRESS, Put

_PROGRESS_KEY = struct.Struct(">QQH")

# Where a sender's messages stand before the first: they count from 1.
NO_MESSAGE = MessageNumber(0)


# Built or read for every message: slotted and not frozen, which costs a third. It is a value all the same:
# whoever holds one makes a new one instead of changing it.
@dataclass(slots=True)
class Progress:
    """How far one device's messages to one recipient have come; each number includes those below it."""

    accepted: MessageNumber = NO_MESSAGE
    delivered: MessageNumber = NO_MESSAGE
    read: MessageNumber = NO_MESSAGE
    # What was dropped undelivered, in order: the newest few runs.
    expired: tuple[Run, ...] = ()


_PROGRESS_V1 = struct.Struct(">QQQ")
# Version 2: as version 1, then any number of runs; nearly all rows have none.
_RUN_V2 = struct.Struct(">QQ")


def _encode_progress(progress: Progress) -> bytes:
    figures = _PROGRESS_V1.pack(progress.accepted, progress.delivered, progress.read)
    return figures + b"".join(_RUN_V2.pack(*run) for run in progress.expired) if progress.expired else figures


def _decode_progress_v1(payload: bytes) -> Progress:
    return Progress(*_PROGRESS_V1.unpack(payload))


def _decode_progress_v2(payload: bytes) -> Progress:
    if len(payload) == _PROGRESS_V1.size:
        return Progress(*_PROGRESS_V1.unpack(payload))
    figures, runs = payload[: _PROGRESS_V1.size], payload[_PROGRESS_V1.size :]
    accepted, delivered, read = _PROGRESS_V1.unpack(figures)
    expired = tuple(Run(*numbers) for numbers in _RUN_V2.iter_unpack(runs))
    return Progress(accepted, delivered, read, expired)


PROGRESS_CODEC = RecordCodec(PROGRESS, 2, _encode_progress, {1: _decode_progress_v1, 2: _decode_progress_v2})


def load_progress(reader: Reader, recipient: UserId, sender: DeviceAddress) -> Progress:
    """How far the messages of `sender` to `recipient` have come.

    Raises:
        CorruptRecordError: the row is damaged.
    """
    key = _PROGRESS_KEY.pack(recipient, *sender)
    data = reader.get(PROGRESS, key)
    return Progress() if data is None else PROGRESS_CODEC.unpack(key, data)


def list_senders(reader: Reader, recipient: UserId) -> list[tuple[DeviceAddress, Progress]]:
    """How far the messages of everybody who ever wrote to `recipient` have come.

    Raises:
        CorruptRecordError: a row is damaged.
    """
    first = _PROGRESS_KEY.pack(recipient, 0, 0)
    last = _PROGRESS_KEY.pack(recipient, 0xFFFF_FFFF_FFFF_FFFF, 0xFFFF)
    rows: list[tuple[DeviceAddress, Progress]] = []
    for key, data in reader.scan(PROGRESS, first, last):
        _, user, device = _PROGRESS_KEY.unpack(key)
        rows.append((DeviceAddress(user, device), PROGRESS_CODEC.unpack(key, data)))
    return rows


def put_progress(recipient: UserId, sender: DeviceAddress, progress: Progress) -> Put:
    """The operation that stores `progress`; submit it together with what it is about."""
    return PROGRESS_CODEC.put(_PROGRESS_KEY.pack(recipient, *sender), progress)
