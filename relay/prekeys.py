"""The prekeys of one user's devices: handed out once each, and never before the disk knows.

No actor: the user's mailbox is the only writer of the user's rows, these included, and owns one
`PrekeyShelf`. Here is what it decides with it. There are two kinds: on Curve25519, and for the KEM. Both have
one-time ones, and one that is always there: the signed prekey, which stands in the device's own record, and
the last resort.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from protocol import (
    DeviceAddress,
    DeviceBundle,
    DeviceId,
    KemPrekey,
    Prekey,
    SignedPrekey,
    UploadPrekeys,
    UserId,
)
from storage import Op, Reader, accounts, kem_prekeys, prekeys
from storage.accounts import DeviceRecord
from storage.kem_prekeys import KemPrekeyRecord
from storage.prekeys import OneTimePrekey
from storage.tables import Family, of_family

PrekeyT = TypeVar("PrekeyT", Prekey, KemPrekey)

MAX_STORED_PREKEYS = 1_000
"""One-time prekeys kept for a device: clients keep about 100 here; what is above this limit is not stored."""

MAX_STORED_KEM_PREKEYS = 100
"""The same of KEM prekeys, of which clients keep about 40: each has 1.3 KB, so this is 130 KB a device."""


@dataclass(frozen=True, slots=True)
class PrekeyCount:
    """How many one-time prekeys a device has left."""

    one_time: int
    kem: int


@dataclass(slots=True)
class _Promised:
    """Ids of one device's prekeys whose removal is on the way to the disk; bounded by the journal."""

    one_time: dict[int, None] = field(default_factory=dict)
    kem: dict[int, None] = field(default_factory=dict)


class PrekeyShelf:
    """What of a user's prekeys is promised to somebody while its removal is on the way to the disk."""

    __slots__ = ("_promised", "_user")

    def __init__(self, user: UserId) -> None:
        self._user = user
        self._promised: dict[DeviceId, _Promised] = {}

    def take(
        self, reader: Reader, devices: Sequence[DeviceId], *, one_time: bool = True
    ) -> tuple[tuple[DeviceBundle, ...], list[Op]]:
        """One bundle for each of the devices, and what must be durable before they may be handed out.

        A device that is not there is left out.

        Args:
            reader: what is durable.
            devices: which.
            one_time: whether with one-time prekeys, as far as there are any.
        """
        bundles: list[DeviceBundle] = []
        ops: list[Op] = []
        for device, record in accounts.list_devices(reader, self._user):
            if device in devices:
                address = DeviceAddress(self._user, device)
                prekey = self._take_prekey(reader, address, ops) if one_time else None
                kem = kem_prekeys.load_last_resort(reader, address)
                if kem is not None and one_time:  # without a last resort the device does not do PQXDH
                    kem = self._take_kem_prekey(reader, address, ops) or kem
                bundles.append(_bundle(device, record, prekey, kem))
        return tuple(bundles), ops

    def settled(self, bundles: Sequence[DeviceBundle]) -> None:
        """Their removal is durable, or has failed: the store is right about them again."""
        for bundle in bundles:
            promised = self._promised.get(bundle.device)
            if promised is None:
                continue
            if bundle.one_time_prekey is not None:
                promised.one_time.pop(bundle.one_time_prekey.id, None)
            if bundle.kem_prekey is not None:
                promised.kem.pop(bundle.kem_prekey.id, None)

    def _take_prekey(self, reader: Reader, device: DeviceAddress, ops: list[Op]) -> Prekey | None:
        promised = self._promised.setdefault(device.device, _Promised()).one_time
        taken = prekeys.take_prekey(reader, device, promised)
        if taken is None:
            return None
        prekey, removal = taken
        promised[prekey.id] = None
        ops += removal
        return Prekey(prekey.id, prekey.key)

    def _take_kem_prekey(
        self, reader: Reader, device: DeviceAddress, ops: list[Op]
    ) -> KemPrekeyRecord | None:
        promised = self._promised.setdefault(device.device, _Promised()).kem
        taken = kem_prekeys.take_kem_prekey(reader, device, promised)
        if taken is None:
            return None
        prekey, removal = taken
        promised[prekey.id] = None
        ops += removal
        return prekey


def upload(reader: Reader, device: DeviceAddress, uploaded: UploadPrekeys) -> tuple[PrekeyCount, list[Op]]:
    """What stores an upload, and how many one-time prekeys there are after it.

    More than `MAX_STORED_PREKEYS` and `MAX_STORED_KEM_PREKEYS` are not kept; the numbers tell the device.
    """
    ops = [] if uploaded.signed is None else _put_signed(reader, device, uploaded.signed)
    if uploaded.last_resort is not None:
        ops.append(kem_prekeys.put_last_resort(device, _record(uploaded.last_resort)))
    ids = prekeys.list_prekey_ids(reader, device)
    kept, count = _that_have_room(uploaded.prekeys, ids, MAX_STORED_PREKEYS)
    ops += prekeys.add_prekeys(device, [OneTimePrekey(*prekey) for prekey in kept])
    ids = kem_prekeys.list_kem_prekey_ids(reader, device)
    kept_kem, kem_count = _that_have_room(uploaded.kem_prekeys or (), ids, MAX_STORED_KEM_PREKEYS)
    ops += kem_prekeys.add_kem_prekeys(device, [_record(prekey) for prekey in kept_kem])
    return PrekeyCount(count, kem_count), ops


def keep_first(device: DeviceAddress, one_time: Sequence[Prekey], last_resort: KemPrekey | None) -> list[Op]:
    """What stores the prekeys that a device comes with; the signed one is in its record."""
    ops = prekeys.add_prekeys(device, [OneTimePrekey(*prekey) for prekey in one_time])
    if last_resort is not None:
        ops.append(kem_prekeys.put_last_resort(device, _record(last_resort)))
    return ops


def forget(device: DeviceAddress) -> list[Op]:
    """What removes all prekeys of a device that goes."""
    return prekeys.remove_prekeys(device) + kem_prekeys.remove_kem_prekeys(device)


def _put_signed(reader: Reader, device: DeviceAddress, signed: SignedPrekey) -> list[Op]:
    record = accounts.load_device(reader, device)
    if record is None:
        return []
    changed = replace(
        record,
        signed_prekey_id=signed.id,
        signed_prekey=signed.key,
        signed_prekey_signature=signed.signature,
    )
    # The static key stays what it was.
    return of_family(accounts.put_device(device, changed), Family.USER)


def _that_have_room(
    uploaded: Sequence[PrekeyT], stored: Sequence[int], most: int
) -> tuple[list[PrekeyT], int]:
    """Those that are to be stored, and how many there are then."""
    ids = dict.fromkeys(stored)
    kept: list[PrekeyT] = []
    for prekey in uploaded:
        # One that is there already is replaced: it takes no room, and counts once.
        if prekey.id in ids or len(ids) < most:
            ids[prekey.id] = None
            kept.append(prekey)
    return kept, len(ids)


def _record(prekey: KemPrekey) -> KemPrekeyRecord:
    return KemPrekeyRecord(*prekey)


def _bundle(
    device: DeviceId, record: DeviceRecord, prekey: Prekey | None, kem: KemPrekeyRecord | None
) -> DeviceBundle:
    return DeviceBundle(
        device,
        record.identity_key,
        record.signed_prekey_id,
        record.signed_prekey,
        record.signed_prekey_signature,
        prekey,
        None if kem is None else KemPrekey(kem.id, kem.key, kem.signature),
    )
