"""The prekeys of one user's devices: handed out once each, and never before the disk knows.

No actor: the user's mailbox is the only writer of the user's rows, these included, and owns one
`PrekeyShelf`. Here is what it decides with it.
"""

from collections.abc import Sequence
from dataclasses import replace

from protocol import DeviceAddress, DeviceBundle, DeviceId, Prekey, SignedPrekey, UserId
from storage import Op, Reader, accounts, prekeys
from storage.accounts import DeviceRecord
from storage.prekeys import OneTimePrekey
from storage.tables import Family, of_family

MAX_STORED_PREKEYS = 1_000
"""One-time prekeys kept for a device: clients keep about 100 here; what is above this limit is not stored."""


class PrekeyShelf:
    """What of a user's prekeys is promised to somebody while its removal is on the way to the disk."""

    __slots__ = ("_promised", "_user")

    def __init__(self, user: UserId) -> None:
        self._user = user
        self._promised: dict[DeviceId, dict[int, None]] = {}  # {device: prekey ids}, bounded by the journal

    def take(self, reader: Reader, devices: Sequence[DeviceId]) -> tuple[tuple[DeviceBundle, ...], list[Op]]:
        """One bundle for each of the devices, and what must be durable before they may be handed out.

        A device that is not there is left out.
        """
        bundles: list[DeviceBundle] = []
        ops: list[Op] = []
        for device, record in accounts.list_devices(reader, self._user):
            if device not in devices:
                continue
            promised = self._promised.setdefault(device, {})
            taken = prekeys.take_prekey(reader, DeviceAddress(self._user, device), promised)
            if taken is None:
                bundles.append(_bundle(device, record, None))
                continue
            prekey, removal = taken
            promised[prekey.id] = None
            ops += removal
            bundles.append(_bundle(device, record, Prekey(prekey.id, prekey.key)))
        return tuple(bundles), ops

    def settled(self, bundles: Sequence[DeviceBundle]) -> None:
        """Their removal is durable, or has failed: the store is right about them again."""
        for bundle in bundles:
            if bundle.one_time_prekey is not None:
                self._promised[bundle.device].pop(bundle.one_time_prekey.id, None)


def upload(
    reader: Reader, device: DeviceAddress, signed: SignedPrekey | None, one_time: Sequence[Prekey]
) -> tuple[int, list[Op]]:
    """What stores an upload, and how many one-time prekeys there are after it.

    More than `MAX_STORED_PREKEYS` are not kept; the device sees it in the number.
    """
    ops: list[Op] = []
    record = accounts.load_device(reader, device)
    if record is not None and signed is not None:
        changed = accounts.put_device(
            device,
            replace(
                record,
                signed_prekey_id=signed.id,
                signed_prekey=signed.key,
                signed_prekey_signature=signed.signature,
            ),
        )
        ops += of_family(changed, Family.USER)  # the static key stays what it was
    ids = dict.fromkeys(prekeys.list_prekey_ids(reader, device))
    kept: list[OneTimePrekey] = []
    for prekey in one_time:
        # One that is there already is replaced: it takes no room, and counts once.
        if prekey.id in ids or len(ids) < MAX_STORED_PREKEYS:
            ids[prekey.id] = None
            kept.append(OneTimePrekey(*prekey))
    return len(ids), ops + prekeys.add_prekeys(device, kept)


def _bundle(device: DeviceId, record: DeviceRecord, prekey: Prekey | None) -> DeviceBundle:
    return DeviceBundle(
        device,
        record.identity_key,
        record.signed_prekey_id,
        record.signed_prekey,
        record.signed_prekey_signature,
        prekey,
    )
