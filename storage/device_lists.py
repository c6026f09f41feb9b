"""The device list of each account, as its primary device has signed it; nobody here can make one.

    device_lists   user   -> SignedDeviceList

No row: the primary has published none yet, or the account was registered anew since.
Not here: what such a list means (relay/devices.py), and its signature, which the phones check.
"""

from __future__ import annotations

import struct

from protocol.device_list import SignedDeviceList
from protocol.ids import UserId
from storage.environment import Reader
from storage.records import cbor_codec
from storage.tables import DEVICE_LISTS, Delete, Op

_KEY = struct.Struct(">Q")

DEVICE_LIST_CODEC = cbor_codec(
    DEVICE_LISTS, 1, lambda signed: [signed.encoded, signed.signature], SignedDeviceList
)


def load_device_list(reader: Reader, user: UserId) -> SignedDeviceList | None:
    """The newest list of `user`, or None. Raises CorruptRecordError if the row is damaged."""
    key = _KEY.pack(user)
    data = reader.get(DEVICE_LISTS, key)
    return None if data is None else DEVICE_LIST_CODEC.unpack(key, data)


def put_device_list(user: UserId, signed: SignedDeviceList) -> Op:
    """Hand out this list from now on."""
    return DEVICE_LIST_CODEC.put(_KEY.pack(user), signed)


def remove_device_list(user: UserId) -> Op:
    """Let `user` have none: whoever signed it is no device any more."""
    return Delete(DEVICE_LISTS, _KEY.pack(user))
