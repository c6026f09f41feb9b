"""What a group message is made of, once for each environment, however many devices it waits for there.

    payloads   group, gseq           -> the ciphertext, or the log's entry
    arrived    group                 -> the newest gseq that has arrived in this environment

A row in a device's queue refers to its payload (mailboxes.py). Payload, rows and `arrived` are one
submission: whatever is sent again after a crash has either arrived whole or not at all.

Both tables belong to the environment, not to a user: when users move, what they refer to is copied after them
(resharding.py), and what nobody refers to any more is swept (relay/group/payload_sweep.py).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from protocol.ids import GroupId, GroupSeq
from storage.environment import Reader
from storage.records import RecordCodec
from storage.tables import ARRIVED, PAYLOADS, Delete, Put

PayloadKey = tuple[GroupId, GroupSeq]

_KEY = struct.Struct(">QQ")
_GROUP_KEY = struct.Struct(">Q")
_GSEQ_V1 = struct.Struct(">Q")

NOTHING = GroupSeq(0)


def _encode_payload(payload: bytes) -> bytes:
    return payload


def _decode_payload_v1(payload: bytes) -> bytes:
    return payload


def _encode_arrived(gseq: GroupSeq) -> bytes:
    return _GSEQ_V1.pack(gseq)


def _decode_arrived_v1(payload: bytes) -> GroupSeq:
    return GroupSeq(_GSEQ_V1.unpack(payload)[0])


PAYLOAD_CODEC = RecordCodec(PAYLOADS, 1, _encode_payload, {1: _decode_payload_v1})
ARRIVED_CODEC = RecordCodec(ARRIVED, 1, _encode_arrived, {1: _decode_arrived_v1})


def payload_key(group: GroupId, gseq: GroupSeq) -> bytes:
    """The key of a payload's row."""
    return _KEY.pack(group, gseq)


def put_payload(group: GroupId, gseq: GroupSeq, payload: bytes) -> Put:
    """Keep a payload; once, however many rows refer to it."""
    return PAYLOAD_CODEC.put(_KEY.pack(group, gseq), payload)


def load_payload(reader: Reader, group: GroupId, gseq: GroupSeq) -> bytes | None:
    """A payload; None if it is not here.

    Raises:
        CorruptRecordError: the row is damaged.
    """
    key = _KEY.pack(group, gseq)
    data = reader.get(PAYLOADS, key)
    return None if data is None else PAYLOAD_CODEC.unpack(key, data)


def remove_payloads(keys: Iterable[PayloadKey]) -> list[Delete]:
    """Nobody refers to these any more."""
    return [Delete(PAYLOADS, _KEY.pack(*key)) for key in keys]


def payloads_after(reader: Reader, after: PayloadKey | None, limit: int) -> list[PayloadKey]:
    """The keys of up to `limit` payloads behind one; None: from the first."""
    first = b"\0" if after is None else _KEY.pack(*after) + b"\0"
    keys: list[PayloadKey] = []
    for key, _ in reader.scan(PAYLOADS, first, b"\xff" * _KEY.size):
        if len(keys) >= limit:
            break
        group, gseq = _KEY.unpack(key)
        keys.append((GroupId(group), GroupSeq(gseq)))
    return keys


def load_arrived(reader: Reader, group: GroupId) -> GroupSeq:
    """The newest gseq of a group that has arrived here; 0: none.

    Raises:
        CorruptRecordError: the row is damaged.
    """
    key = _GROUP_KEY.pack(group)
    data = reader.get(ARRIVED, key)
    return NOTHING if data is None else ARRIVED_CODEC.unpack(key, data)


def put_arrived(group: GroupId, gseq: GroupSeq) -> Put:
    """Everything of a group up to `gseq` has arrived here."""
    return ARRIVED_CODEC.put(_GROUP_KEY.pack(group), gseq)
