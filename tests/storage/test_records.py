"""Every kind of row, damaged in every byte: it is named, and never read as something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.device_list import SignedDeviceList
from protocol.ids import DeviceAddress, DeviceId, GroupSeq, MessageNumber, Seq, UserId
from protocol.stanzas import Audience, Privacy
from storage.accounts import DEVICE_CODEC, PHONE_CODEC, STATIC_KEY_CODEC, USER_CODEC, DeviceRecord, UserRecord
from storage.bans import BAN_CODEC, BanRecord
from storage.checks import CODECS
from storage.codes import CODE_CODEC, CodeRecord
from storage.device_lists import DEVICE_LIST_CODEC
from storage.errors import CorruptRecordError
from storage.fanouts import FANOUT_CODEC, Fanout
from storage.groups import (
    ENTRY_CODEC,
    GROUP_CODEC,
    GROUP_CURSOR_CODEC,
    ITEM_CODEC,
    JOIN_CODEC,
    MARK_CODEC,
    MEMBER_CODEC,
    NUMBER_CODEC,
    GroupItem,
    JoinAsk,
    Mark,
    Membership,
)
from storage.kem_prekeys import KEM_PREKEY_CODEC, LAST_RESORT_CODEC, KemPrekeyRecord
from storage.mailboxes import CURSOR_CODEC, MESSAGE_CODEC, DeviceCursor, QueuedMessage
from storage.migrations import META_CODEC
from storage.payloads import ARRIVED_CODEC, PAYLOAD_CODEC
from storage.pins import PIN_CODEC, PinRecord
from storage.prekeys import PREKEY_CODEC
from storage.profiles import PIECE_CODEC, Piece
from storage.progress import PROGRESS_CODEC, Progress
from storage.records import RecordCodec, cbor_codec
from storage.settings import BLOCK_CODEC, CONTACT_CODEC, PRIVACY_CODEC, SHUNNED_CODEC
from storage.tables import META, Table

ADDRESS = DeviceAddress(UserId(2**62 + 7), DeviceId(3))
EXAMPLES: list[tuple[RecordCodec[Any], object]] = [
    (META_CODEC, 1),
    (USER_CODEC, UserRecord("+4915112345678", 1_790_000_000, DeviceId(2), 0)),
    (PHONE_CODEC, UserId(2**62 + 7)),
    (DEVICE_CODEC, DeviceRecord(b"s" * 32, b"i" * 32, 7, b"p" * 32, b"g" * 64, 1_790_000_000, "phone")),
    (STATIC_KEY_CODEC, ADDRESS),
    (PREKEY_CODEC, b"k" * 32),
    (KEM_PREKEY_CODEC, b"k" * 1_184 + b"s" * 64),
    (LAST_RESORT_CODEC, KemPrekeyRecord(7, b"k" * 1_184, b"s" * 64)),
    (MESSAGE_CODEC, QueuedMessage(ADDRESS, MessageNumber(5), 1_790_000_000, 1_792_592_000, b"c" * 100)),
    (CURSOR_CODEC, DeviceCursor(Seq(9), Seq(4), 4, 400)),
    (PROGRESS_CODEC, Progress(MessageNumber(9), MessageNumber(8), MessageNumber(7))),
    (CODE_CODEC, CodeRecord(b"s" * 16, b"d" * 32, 1, 2, 5, 3, 1)),
    (PRIVACY_CODEC, Privacy(Audience.CONTACTS, Audience.NOBODY, Audience.EVERYONE)),
    (BLOCK_CODEC, 1_790_000_000),
    (CONTACT_CODEC, None),
    (SHUNNED_CODEC, 17),
    (PIECE_CODEC, Piece(2**62, b"sealed" * 20)),
    (PIN_CODEC, PinRecord(b"s" * 16, b"d" * 32, 1_790_000_000, 9, 1_790_000_000, 0)),
    (DEVICE_LIST_CODEC, SignedDeviceList(b"list", b"s" * 64)),
    (BAN_CODEC, BanRecord(1_790_000_000, "spam")),
    (GROUP_CODEC, b"state"),
    (GROUP_CURSOR_CODEC, GroupSeq(9)),
    (ENTRY_CODEC, b"entry"),
    (ITEM_CODEC, GroupItem(GroupSeq(9), ADDRESS, MessageNumber(5), 1_790_000_000, 1, True, b"payload")),
    (MEMBER_CODEC, Membership(GroupSeq(3), GroupSeq(9))),
    (NUMBER_CODEC, GroupSeq(9)),
    (JOIN_CODEC, JoinAsk(b"i" * 32, b"proof", 1_790_000_000)),
    (MARK_CODEC, Mark(GroupSeq(9), GroupSeq(8))),
    (PAYLOAD_CODEC, b"payload"),
    (ARRIVED_CODEC, GroupSeq(9)),
    (FANOUT_CODEC, Fanout([], [(UserId(1), DeviceId(2))], (5,))),  # messages: test_fanouts.py
]
KEY = b"\x01" * 18
every_record = pytest.mark.parametrize(("codec", "value"), EXAMPLES, ids=[e[0].table for e in EXAMPLES])


def test_every_table_has_an_example_here() -> None:
    assert [codec for codec, _ in EXAMPLES] == list(CODECS)


@every_record
def test_what_is_packed_is_unpacked(codec: RecordCodec[Any], value: object) -> None:
    assert codec.unpack(KEY, codec.pack(KEY, value)) == value


@every_record
def test_a_flip_of_any_byte_is_found_and_names_the_row(codec: RecordCodec[Any], value: object) -> None:
    data = codec.pack(KEY, value)
    for position in range(len(data)):
        for flip in (0x01, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[position] ^= flip
            with pytest.raises(CorruptRecordError) as raised:
                codec.unpack(KEY, bytes(damaged))
            assert (raised.value.table, raised.value.key) == (codec.table, KEY)


@every_record
def test_a_row_cut_short_anywhere_is_found(codec: RecordCodec[Any], value: object) -> None:
    data = codec.pack(KEY, value)
    for length in range(len(data)):
        with pytest.raises(CorruptRecordError):
            codec.unpack(KEY, data[:length])


@every_record
def test_a_row_under_another_key_is_corrupt(codec: RecordCodec[Any], value: object) -> None:
    with pytest.raises(CorruptRecordError, match="checksum"):
        codec.unpack(b"\x02" * 18, codec.pack(KEY, value))


def test_a_row_of_another_table_is_corrupt() -> None:
    here = cbor_codec(META, 1, lambda n: [n], int)
    there = cbor_codec(Table("elsewhere"), 1, lambda n: [n], int)
    with pytest.raises(CorruptRecordError):
        there.unpack(KEY, here.pack(KEY, 5))


@given(st.binary(max_size=64))
def test_bytes_that_nobody_packed_are_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptRecordError):
        CURSOR_CODEC.unpack(KEY, data)


@dataclass
class Pet:
    name: str
    legs: int


def test_old_versions_stay_readable_and_are_written_as_the_new_one() -> None:
    old = cbor_codec(META, 1, lambda pet: [pet.name], lambda name: Pet(name, 4))
    new: RecordCodec[Pet] = RecordCodec(
        META,
        2,
        lambda pet: cbor2.dumps([pet.name, pet.legs]),
        {1: lambda data: Pet(cbor2.loads(data)[0], 4), 2: lambda data: Pet(*cbor2.loads(data))},
    )
    assert new.unpack(KEY, old.pack(KEY, Pet("Ada", 4))) == Pet("Ada", 4)
    assert new.pack(KEY, Pet("Bee", 6))[0] == 2


def test_a_version_from_the_future_is_refused_by_name() -> None:
    future = cbor_codec(META, 9, lambda version: [version], int)
    with pytest.raises(CorruptRecordError, match="unknown record version 9"):
        META_CODEC.unpack(KEY, future.pack(KEY, 1))


def test_a_payload_of_the_wrong_shape_is_corrupt_although_its_checksum_is_right() -> None:
    longer = cbor_codec(META, 1, lambda version: [version, "and more"], int)
    with pytest.raises(CorruptRecordError, match="does not decode"):
        META_CODEC.unpack(KEY, longer.pack(KEY, 1))


def test_a_codec_that_could_not_read_what_it_writes_is_not_made() -> None:
    with pytest.raises(ValueError, match="version 2"):
        RecordCodec(META, 2, bytes, {1: bytes})


def test_put_packs_for_its_own_table_and_key() -> None:
    op = PREKEY_CODEC.put(KEY, b"k")
    assert (op.table, op.key) == (PREKEY_CODEC.table, KEY)
    assert PREKEY_CODEC.unpack(KEY, op.value) == b"k"
