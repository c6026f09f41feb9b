"""The ML-KEM-768 prekeys that devices have left here, for the post-quantum half of a first agreement.

    kem_prekeys     user, device, prekey id    -> public key, 1,184 bytes, and signature, 64
    last_resorts    user, device               -> prekey id, 4 bytes, and the same

The first are handed out once each, as those of prekeys.py; when none is left the last resort is, again and
again. A device that does not do PQXDH has none of either.
"""

from __future__ import annotations

import struct
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from protocol.ids import DeviceAddress
from protocol.limits import KEM_KEY_BYTES
from storage.environment import Reader
from storage.records import RecordCodec
from storage.tables import KEM_PREKEYS, LAST_RESORTS, Delete, DeleteRange, Op

_KEY = struct.Struct(">QHI")
_DEVICE_KEY = struct.Struct(">QH")
_ID = struct.Struct(">I")
_LAST_ID = 2**32 - 1


@dataclass(frozen=True, slots=True)
class KemPrekeyRecord:
    """A KEM prekey: the device knows the private half by its id."""

    id: int
    key: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def _same(payload: bytes) -> bytes:
    return payload


def _pack_last_resort(prekey: KemPrekeyRecord) -> bytes:
    return _ID.pack(prekey.id) + prekey.key + prekey.signature


def _unpack_last_resort(payload: bytes) -> KemPrekeyRecord:
    (prekey_id,) = _ID.unpack_from(payload)
    return _record(prekey_id, payload[_ID.size :])


KEM_PREKEY_CODEC: RecordCodec[bytes] = RecordCodec(KEM_PREKEYS, 1, _same, {1: _same})
LAST_RESORT_CODEC: RecordCodec[KemPrekeyRecord] = RecordCodec(
    LAST_RESORTS, 1, _pack_last_resort, {1: _unpack_last_resort}
)


def list_kem_prekey_ids(reader: Reader, device: DeviceAddress) -> list[int]:
    """The ids of all one-time ones that `device` has left, in their order."""
    return [_KEY.unpack(key)[2] for key, _ in reader.scan(KEM_PREKEYS, *_range(device))]


def take_kem_prekey(
    reader: Reader, device: DeviceAddress, promised: Container[int] = ()
) -> tuple[KemPrekeyRecord, list[Op]] | None:
    """The oldest one-time one, and the operation that removes it; None if there is none left.

    As `prekeys.take_prekey`: not to be handed out before the operation is durable.

    Raises:
        CorruptRecordError: the row is damaged.
    """
    for key, data in reader.scan(KEM_PREKEYS, *_range(device)):
        prekey_id = _KEY.unpack(key)[2]
        if prekey_id not in promised:
            prekey = _record(prekey_id, KEM_PREKEY_CODEC.unpack(key, data))
            return prekey, [Delete(KEM_PREKEYS, key)]
    return None


def load_last_resort(reader: Reader, device: DeviceAddress) -> KemPrekeyRecord | None:
    """What is handed out when the one-time ones have run out; None: the device does not do PQXDH.

    Raises:
        CorruptRecordError: the row is damaged.
    """
    key = _DEVICE_KEY.pack(*device)
    data = reader.get(LAST_RESORTS, key)
    return None if data is None else LAST_RESORT_CODEC.unpack(key, data)


def add_kem_prekeys(device: DeviceAddress, prekeys: Sequence[KemPrekeyRecord]) -> list[Op]:
    """Store one-time ones; an id that is there already is replaced."""
    return [
        KEM_PREKEY_CODEC.put(_KEY.pack(*device, prekey.id), prekey.key + prekey.signature)
        for prekey in prekeys
    ]


def put_last_resort(device: DeviceAddress, prekey: KemPrekeyRecord) -> Op:
    """Store the last resort, in the place of the one before."""
    return LAST_RESORT_CODEC.put(_DEVICE_KEY.pack(*device), prekey)


def remove_kem_prekeys(device: DeviceAddress) -> list[Op]:
    """Forget all of a device that was logged out."""
    return [DeleteRange(KEM_PREKEYS, *_range(device)), Delete(LAST_RESORTS, _DEVICE_KEY.pack(*device))]


def _record(prekey_id: int, payload: bytes) -> KemPrekeyRecord:
    return KemPrekeyRecord(prekey_id, payload[:KEM_KEY_BYTES], payload[KEM_KEY_BYTES:])


def _range(device: DeviceAddress) -> tuple[bytes, bytes]:
    return _KEY.pack(*device, 0), _KEY.pack(*device, _LAST_ID)
