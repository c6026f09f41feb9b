"""Who has an account, with which devices, and whose credential a static key is.

    users         user            -> UserRecord
    phones        E.164 text      -> user
    devices       user, device    -> DeviceRecord
    static_keys   32 bytes        -> device address

Two of the tables are indexes of the other two. The functions here return the operations for both, so that
they are submitted together and cannot drift apart.
Not here: prekeys (prekeys.py) and queues (mailboxes.py), which go when a device goes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from protocol.ids import DeviceAddress, DeviceId, UserId
from storage.environment import Reader
from storage.records import RecordCodec, cbor_codec
from storage.tables import (
    DEVICES,
    MAX_KEY_BYTES,
    PHONES,
    STATIC_KEYS,
    USERS,
    Delete,
    DeleteRange,
    Family,
    Op,
    tables_of,
)

_USER_KEY = struct.Struct(">Q")
_DEVICE_KEY = struct.Struct(">QH")

# What `last_device` is before the first: numbers begin at 1.
NO_DEVICE = DeviceId(0)
LAST_DEVICE = DeviceId(0xFFFF)


@dataclass(frozen=True, slots=True)
class UserRecord:
    """An account."""

    # E.164; the directory's word for who this user is.
    phone: str
    # Unix seconds.
    created_at: int
    # The highest device number that this user ever had. Numbers only go up, so that what was meant for an old
    # device never reaches a new one.
    last_device: DeviceId = NO_DEVICE
    # Bits of later features; unknown ones are kept.
    flags: int = 0


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A device of an account: its public keys, and what its owner calls it."""

    # Noise static key: the device's credential.
    static_key: bytes
    # The public half of its end-to-end identity.
    identity_key: bytes
    signed_prekey_id: int
    signed_prekey: bytes
    signed_prekey_signature: bytes
    # Unix seconds.
    created_at: int
    name: str = ""


USER_CODEC = cbor_codec(
    USERS, 1, lambda user: [user.phone, user.created_at, user.last_device, user.flags], UserRecord
)
_NO_ACCOUNT = (_USER_KEY.pack(0), USER_CODEC.pack(_USER_KEY.pack(0), UserRecord("", 0)))
DEVICE_CODEC = cbor_codec(
    DEVICES,
    1,
    lambda device: [
        device.static_key,
        device.identity_key,
        device.signed_prekey_id,
        device.signed_prekey,
        device.signed_prekey_signature,
        device.created_at,
        device.name,
    ],
    DeviceRecord,
)


def _decode_user_v1(payload: bytes) -> UserId:
    (user,) = _USER_KEY.unpack(payload)
    return UserId(user)


def _decode_address_v1(payload: bytes) -> DeviceAddress:
    return DeviceAddress(*_DEVICE_KEY.unpack(payload))


PHONE_CODEC: RecordCodec[UserId] = RecordCodec(PHONES, 1, _USER_KEY.pack, {1: _decode_user_v1})
STATIC_KEY_CODEC: RecordCodec[DeviceAddress] = RecordCodec(
    STATIC_KEYS, 1, lambda address: _DEVICE_KEY.pack(*address), {1: _decode_address_v1}
)


# Reading: each raises CorruptRecordError if a row is damaged ------------------------------------------------


def find_user_by_phone(reader: Reader, phone: str) -> UserId | None:
    """The user who has registered `phone` (E.164), or None."""
    key = phone.encode()
    data = reader.get(PHONES, key)
    return None if data is None else PHONE_CODEC.unpack(key, data)


def find_device_by_static_key(reader: Reader, static_key: bytes) -> DeviceAddress | None:
    """The device whose credential `static_key` is, or None for a stranger."""
    data = reader.get(STATIC_KEYS, static_key)
    return None if data is None else STATIC_KEY_CODEC.unpack(static_key, data)


def load_user(reader: Reader, user: UserId) -> UserRecord | None:
    """The account of `user`, or None."""
    key = _USER_KEY.pack(user)
    data = reader.get(USERS, key)
    return None if data is None else USER_CODEC.unpack(key, data)


def has_number(reader: Reader, user: UserId, phone: str) -> bool:
    """Whether `user` has this number, by the account's own row; with the same work for one who is not there.

    The directory may lead to somebody who has another number by now: a change is durable here first.
    """
    key = _USER_KEY.pack(user)
    data = reader.get(USERS, key)
    return USER_CODEC.unpack(*(_NO_ACCOUNT if data is None else (key, data))).phone == phone


def load_device(reader: Reader, device: DeviceAddress) -> DeviceRecord | None:
    """One device, or None if it never was or was removed."""
    key = _DEVICE_KEY.pack(*device)
    data = reader.get(DEVICES, key)
    return None if data is None else DEVICE_CODEC.unpack(key, data)


def list_devices(reader: Reader, user: UserId) -> list[tuple[DeviceId, DeviceRecord]]:
    """The devices of `user`, in the order in which they were added."""
    first, last = _DEVICE_KEY.pack(user, 0), _DEVICE_KEY.pack(user, 0xFFFF)
    return [
        (DeviceId(_DEVICE_KEY.unpack(key)[1]), DEVICE_CODEC.unpack(key, data))
        for key, data in reader.scan(DEVICES, first, last)
    ]


def all_users(reader: Reader) -> Iterator[tuple[UserId, UserRecord]]:
    """Every account, for a restore; as long as there are accounts, so not in a running node."""
    for key, data in reader.scan(USERS, b"\0", b"\xff" * _USER_KEY.size):
        yield UserId(_USER_KEY.unpack(key)[0]), USER_CODEC.unpack(key, data)


# Changing: operations to be submitted together --------------------------------------------------------------


def put_user(user: UserId, record: UserRecord) -> list[Op]:
    """Create or change an account, and have its number lead to it."""
    phone = record.phone.encode()
    return [USER_CODEC.put(_USER_KEY.pack(user), record), PHONE_CODEC.put(phone, user)]


def lead_phone(phone: str, user: UserId) -> Op:
    """Let a number lead to a user, whose it is once the account's own row says so."""
    return PHONE_CODEC.put(phone.encode(), user)


def release_phone(phone: str) -> Op:
    """Let a number lead to nobody."""
    return Delete(PHONES, phone.encode())


def forget_static_key(static_key: bytes) -> Op:
    """Let a credential be a stranger's: its device was removed."""
    return Delete(STATIC_KEYS, static_key)


def forget_user(user: UserId) -> list[Op]:
    """Remove all that is kept of a user: every row in every table of users, also in those to come.

    What leads to the user from elsewhere (number, static keys) is the directory's.
    """
    first = _USER_KEY.pack(user)
    last = first + b"\xff" * (MAX_KEY_BYTES - len(first))
    return [DeleteRange(table, first, last) for table in tables_of(Family.USER)]


def add_device(
    user: UserId, record: UserRecord, device: DeviceRecord
) -> tuple[DeviceAddress, UserRecord, list[Op]]:
    """Give `device` the user's next number; returns its address, the account after it, and the operations.

    The account may be new: the operations create it too.
    """
    address = DeviceAddress(user, DeviceId(record.last_device + 1))
    after = replace(record, last_device=address.device)
    return address, after, [*put_user(user, after), *put_device(address, device)]


def raise_last_device(user: UserId, record: UserRecord, by: int) -> Op:
    """The operation after which the number of the next device of `user` is higher by `by`."""
    raised = DeviceId(min(record.last_device + by, LAST_DEVICE))
    return USER_CODEC.put(_USER_KEY.pack(user), replace(record, last_device=raised))


def put_device(address: DeviceAddress, device: DeviceRecord) -> list[Op]:
    """Store a device (also: with a new signed prekey), and have its static key lead to it."""
    key = _DEVICE_KEY.pack(*address)
    return [DEVICE_CODEC.put(key, device), STATIC_KEY_CODEC.put(device.static_key, address)]


def remove_device(address: DeviceAddress, device: DeviceRecord) -> list[Op]:
    """Take a device out of its account: its credential is a stranger's from then on."""
    return [Delete(DEVICES, _DEVICE_KEY.pack(*address)), Delete(STATIC_KEYS, device.static_key)]
