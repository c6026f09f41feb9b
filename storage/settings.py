"""What users have chosen about others: who may see what of them, whom they block, whom they call a contact.

    settings   user                          -> Privacy
    blocks     user, blocked user            -> unix seconds
    contacts   user, contact                 -> (nothing)
    shunned    user, sender user, device     -> the first of its messages that was kept for nobody

A user without rows has chosen nothing: everybody may see everything, and nobody is blocked. The rows of a
user are written by the user's mailbox alone, and read by whoever has to respect them.
"""

from __future__ import annotations

import struct

import cbor2

from protocol.ids import DeviceAddress, DeviceId, MessageNumber, UserId
from protocol.stanzas import Audience, Privacy
from storage.environment import Reader
from storage.records import RecordCodec
from storage.tables import BLOCKS, CONTACTS, SETTINGS, SHUNNED, Delete, DeleteRange, Op

_USER_KEY = struct.Struct(">Q")
_PAIR_KEY = struct.Struct(">QQ")
_SENDER_KEY = struct.Struct(">QQH")
_NUMBER = struct.Struct(">Q")
_LAST_USER = 2**64 - 1
_LAST_DEVICE = 0xFFFF

EVERYTHING_OPEN = Privacy()
"""What a user has chosen who has chosen nothing."""


def _decode_privacy(payload: bytes) -> Privacy:
    """Of both versions: the first knew nothing of who may find the user by the number."""
    return Privacy(*map(Audience, cbor2.loads(payload)))


def _decode_number_v1(payload: bytes) -> int:
    (number,) = _NUMBER.unpack(payload)
    return int(number)


def _decode_nothing_v1(payload: bytes) -> None:
    if payload:
        raise ValueError("a row that says nothing by its value")


PRIVACY_CODEC: RecordCodec[Privacy] = RecordCodec(
    SETTINGS,
    2,
    lambda privacy: cbor2.dumps(list(map(str, privacy))),
    {1: _decode_privacy, 2: _decode_privacy},
)
BLOCK_CODEC: RecordCodec[int] = RecordCodec(BLOCKS, 1, _NUMBER.pack, {1: _decode_number_v1})
_NO_CHOICE = (_USER_KEY.pack(0), PRIVACY_CODEC.pack(_USER_KEY.pack(0), EVERYTHING_OPEN))
CONTACT_CODEC: RecordCodec[None] = RecordCodec(CONTACTS, 1, lambda _: b"", {1: _decode_nothing_v1})
SHUNNED_CODEC: RecordCodec[int] = RecordCodec(SHUNNED, 1, _NUMBER.pack, {1: _decode_number_v1})


# Reading: each raises CorruptRecordError if a row is damaged ------------------------------------------------


def load_privacy(reader: Reader, user: UserId) -> Privacy:
    """Who may see what of `user`."""
    key = _USER_KEY.pack(user)
    data = reader.get(SETTINGS, key)
    return EVERYTHING_OPEN if data is None else PRIVACY_CODEC.unpack(key, data)


def load_privacy_evenly(reader: Reader, user: UserId) -> Privacy:
    """As `load_privacy`, with the same work for whoever has chosen nothing, or is not there at all."""
    key = _USER_KEY.pack(user)
    data = reader.get(SETTINGS, key)
    return PRIVACY_CODEC.unpack(*(_NO_CHOICE if data is None else (key, data)))


def is_blocked(reader: Reader, user: UserId, other: UserId) -> bool:
    """Whether `user` blocks `other`."""
    return reader.get(BLOCKS, _PAIR_KEY.pack(user, other)) is not None


def list_blocked(reader: Reader, user: UserId) -> list[UserId]:
    """Whom `user` blocks."""
    return [UserId(_PAIR_KEY.unpack(key)[1]) for key, _ in reader.scan(BLOCKS, *_pairs_of(user))]


def is_contact(reader: Reader, user: UserId, other: UserId) -> bool:
    """Whether `user` has named `other` as a contact."""
    return reader.get(CONTACTS, _PAIR_KEY.pack(user, other)) is not None


def count_contacts(reader: Reader, user: UserId) -> int:
    """How many contacts `user` has named: looks at each, so only when somebody changes or asks."""
    return sum(1 for _ in reader.scan(CONTACTS, *_pairs_of(user)))


def list_shunned(reader: Reader, user: UserId) -> dict[DeviceAddress, MessageNumber]:
    """From which of their messages on nothing is kept of the devices that `user` blocks."""
    first, last = _SENDER_KEY.pack(user, 0, 0), _SENDER_KEY.pack(user, _LAST_USER, _LAST_DEVICE)
    shunned: dict[DeviceAddress, MessageNumber] = {}
    for key, data in reader.scan(SHUNNED, first, last):
        _, sender, device = _SENDER_KEY.unpack(key)
        shunned[DeviceAddress(UserId(sender), DeviceId(device))] = MessageNumber(
            SHUNNED_CODEC.unpack(key, data)
        )
    return shunned


# Changing: operations to be submitted together --------------------------------------------------------------


def put_privacy(user: UserId, privacy: Privacy) -> Op:
    """Let `privacy` hold from now on."""
    return PRIVACY_CODEC.put(_USER_KEY.pack(user), privacy)


def add_block(user: UserId, other: UserId, since: int) -> Op:
    """Have `user` block `other`; `since` is for the owner's own eyes."""
    return BLOCK_CODEC.put(_PAIR_KEY.pack(user, other), since)


def remove_block(user: UserId, other: UserId) -> Op:
    """Have `user` block `other` no more."""
    return Delete(BLOCKS, _PAIR_KEY.pack(user, other))


def add_contact(user: UserId, contact: UserId) -> Op:
    """Name a contact."""
    return CONTACT_CODEC.put(_PAIR_KEY.pack(user, contact), None)


def remove_contact(user: UserId, contact: UserId) -> Op:
    """Take a contact's name back."""
    return Delete(CONTACTS, _PAIR_KEY.pack(user, contact))


def forget_contacts(user: UserId) -> Op:
    """Forget all contacts of `user`."""
    return DeleteRange(CONTACTS, *_pairs_of(user))


def put_shunned(user: UserId, sender: DeviceAddress, first: MessageNumber) -> Op:
    """Note that from `first` on nothing of `sender` is kept for `user`."""
    return SHUNNED_CODEC.put(_SENDER_KEY.pack(user, *sender), first)


def forget_shunned(user: UserId, other: UserId) -> Op:
    """Forget it for all devices of `other`."""
    return DeleteRange(SHUNNED, _SENDER_KEY.pack(user, other, 0), _SENDER_KEY.pack(user, other, _LAST_DEVICE))


def _pairs_of(user: UserId) -> tuple[bytes, bytes]:
    return _PAIR_KEY.pack(user, 0), _PAIR_KEY.pack(user, _LAST_USER)
