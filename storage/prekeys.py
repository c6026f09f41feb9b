"""The one-time prekeys that devices have left here, so that others can write to them while they are offline.

    prekeys    user, device, prekey id    -> public key, 32 bytes

Each is handed out once. The signed prekey, which is handed out again and again, stands in the device's own
record (accounts.py).
"""

from __future__ import annotations

import struct
from collections.abc import Container, Sequence
from dataclasses import dataclass

from protocol.ids import DeviceAddress
from storage.environment import Reader
from storage.records import RecordCodec
from storage.tables import PREKEYS, Delete, DeleteRange, Op

_KEY = struct.Struct(">QHI")
_LAST_ID = 2**32 - 1


@dataclass(frozen=True, slots=True)
class OneTimePrekey:
    """A one-time prekey: the device knows the private half by its id."""

    id: int
    key: bytes


def _same(payload: bytes) -> bytes:
    return payload


PREKEY_CODEC: RecordCodec[bytes] = RecordCodec(PREKEYS, 1, _same, {1: _same})


def list_prekey_ids(reader: Reader, device: DeviceAddress) -> list[int]:
    """The ids of all that `device` has left, in their order."""
    return [_KEY.unpack(key)[2] for key, _ in reader.scan(PREKEYS, *_range(device))]


def take_prekey(
    reader: Reader, device: DeviceAddress, promised: Container[int] = ()
) -> tuple[OneTimePrekey, list[Op]] | None:
    """The oldest prekey, and the operation that removes it; None if there is none left.

    It must not be handed out before the operation is durable: after a power loss it would be handed out
    twice.

    Args:
        reader: sees what is durable, so also prekeys whose removal is still on its way to the disk.
        device: whose.
        promised: the ids of those.

    Raises:
        CorruptRecordError: the row is damaged.
    """
    for key, data in reader.scan(PREKEYS, *_range(device)):
        prekey_id = _KEY.unpack(key)[2]
        if prekey_id not in promised:
            return OneTimePrekey(prekey_id, PREKEY_CODEC.unpack(key, data)), [Delete(PREKEYS, key)]
    return None


def add_prekeys(device: DeviceAddress, prekeys: Sequence[OneTimePrekey]) -> list[Op]:
    """Store what a device has uploaded; an id that is there already is replaced."""
    return [PREKEY_CODEC.put(_KEY.pack(*device, prekey.id), prekey.key) for prekey in prekeys]


def remove_prekeys(device: DeviceAddress) -> list[Op]:
    """Forget all prekeys of a device that was logged out."""
    return [DeleteRange(PREKEYS, *_range(device))]


def _range(device: DeviceAddress) -> tuple[bytes, bytes]:
    return _KEY.pack(*device, 0), _KEY.pack(*device, _LAST_ID)
