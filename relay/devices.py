"""The devices of an account as pure decisions: what a new list may change, who may come, who may go.

The relay keeps its own rows in step with the list that the primary has signed, and makes no list itself. It
does not check signatures: it could not protect anybody from itself, and every phone does.

Rule 1: what is handed out is a list whose devices are here, with these keys. A device that is in the list and
    not here has taken itself out; the primary leaves it out of its next list.
Rule 2: a device comes only with a list that names it and all that were there: adding one logs nobody out.
Rule 3: without a list an account has one device, which is its primary.

Not here: in which order rows become durable and who is told (mailbox.py), how a device gets so far as to be
named (links.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protocol import (
    BadDeviceListError,
    DeviceAddress,
    DeviceBundle,
    DeviceId,
    DeviceList,
    ErrorCode,
    KemPrekey,
    Prekey,
    SignedDeviceList,
    UserId,
    decode_device_list,
)
from protocol.limits import MAX_DEVICE_ID, MAX_DEVICES_PER_USER
from relay import prekeys
from relay.errors import RefusalError
from storage import Op, Reader, accounts, device_lists
from storage.accounts import DeviceRecord
from storage.tables import Family, of_family


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """What a decision changes, for the mailbox to carry out."""

    ops: list[Op]
    """Rows of the user; queues are the mailbox's own."""
    added: DeviceId | None = None
    removed: tuple[DeviceId, ...] = ()
    static_keys: tuple[bytes, ...] = ()
    """Of those that are removed: the directory has to forget them."""


@dataclass(frozen=True, slots=True)
class UserDevices:
    """What somebody needs who wants to write to a user."""

    bundles: tuple[DeviceBundle, ...]
    device_list: SignedDeviceList | None
    present: tuple[DeviceId, ...]
    """All devices of the user, whether or not a bundle was asked for."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A device that the primary has confirmed, with the list that names it."""

    user: UserId
    record: DeviceRecord
    one_time: tuple[Prekey, ...]
    last_resort: KemPrekey | None
    device_list: SignedDeviceList


def primary_of(reader: Reader, user: UserId) -> DeviceId | None:
    """The primary device of an account; None if there is nobody.

    Raises:
        CorruptRecordError: a row is damaged.
    """
    signed = device_lists.load_device_list(reader, user)
    if signed is not None:
        return decode_device_list(signed.encoded).primary.device
    devices = accounts.list_devices(reader, user)
    return devices[0][0] if devices else None


def insist_on_primary(reader: Reader, device: DeviceAddress) -> None:
    """Let only the primary of an account through.

    Raises:
        RefusalError: `not-primary`.
    """
    if primary_of(reader, device.user) != device.device:
        raise RefusalError(ErrorCode.NOT_PRIMARY)


def next_device(reader: Reader, primary: DeviceAddress) -> DeviceId:
    """The number that the next device of an account will have.

    Raises:
        RefusalError: `not-primary`; `too-many-devices`.
    """
    insist_on_primary(reader, primary)
    record = accounts.load_user(reader, primary.user)
    has_room = len(accounts.list_devices(reader, primary.user)) < MAX_DEVICES_PER_USER
    if record is None or not has_room or record.last_device >= MAX_DEVICE_ID:
        raise RefusalError(ErrorCode.TOO_MANY_DEVICES)
    return DeviceId(record.last_device + 1)


def publish(reader: Reader, asker: DeviceAddress, signed: SignedDeviceList) -> DeviceChange:
    """A new list of the primary: devices that it does not name are removed.

    Raises:
        RefusalError: `not-primary`, `bad-device-list`, `old-device-list` (with the number that is there).
    """
    insist_on_primary(reader, asker)
    device_list = _newer(reader, asker.user, signed)
    devices = dict(accounts.list_devices(reader, asker.user))
    if device_list.primary.device != asker.device or not _are_there(device_list, devices):
        raise RefusalError(ErrorCode.BAD_DEVICE_LIST)
    gone = [device for device in devices if device_list.key_of(device) is None]
    ops = _removal(asker.user, [(device, devices[device]) for device in gone])
    ops.append(device_lists.put_device_list(asker.user, signed))
    return DeviceChange(ops, None, tuple(gone), tuple(devices[device].static_key for device in gone))


def leave(reader: Reader, device: DeviceAddress) -> DeviceChange:
    """A companion takes itself out. The list stays as it is signed; the next one leaves it out.

    Raises:
        RefusalError: `bad-device-list`: the primary cannot leave its account without one.
    """
    record = accounts.load_device(reader, device)
    if record is None:
        return DeviceChange([])
    if primary_of(reader, device.user) == device.device:
        raise RefusalError(ErrorCode.BAD_DEVICE_LIST)
    ops = _removal(device.user, [(device.device, record)])
    return DeviceChange(ops, None, (device.device,), (record.static_key,))


def check_addition(
    reader: Reader, primary: DeviceAddress, signed: SignedDeviceList
) -> tuple[DeviceId, bytes]:
    """Whether this list adds one device to those that there are; returns its number and its key.

    Raises:
        RefusalError: `not-primary`, `too-many-devices`, `bad-device-list`, `old-device-list`.
    """
    number = next_device(reader, primary)
    device_list = _newer(reader, primary.user, signed)
    devices = dict(accounts.list_devices(reader, primary.user))
    key = device_list.key_of(number)
    others = DeviceList(
        device_list.user,
        device_list.number,
        device_list.issued_at,
        tuple(listed for listed in device_list.devices if listed.device != number),
    )
    names_all = len(others.devices) == len(devices) and _are_there(others, devices)
    if key is None or not names_all or device_list.primary.device != primary.device:
        raise RefusalError(ErrorCode.BAD_DEVICE_LIST)
    return number, key


def add(reader: Reader, newcomer: Newcomer) -> DeviceChange:
    """Take a device in. One that is in already, because an answer was lost, changes nothing.

    Raises:
        RefusalError: as `check_addition`, and `link-mismatch`: it has another key than the list says.
    """
    user = newcomer.user
    for number, known in accounts.list_devices(reader, user):
        if known.static_key == newcomer.record.static_key:
            return DeviceChange([], number)
    primary = primary_of(reader, user)
    if primary is None:
        raise RefusalError(ErrorCode.UNKNOWN_USER)
    number, key = check_addition(reader, DeviceAddress(user, primary), newcomer.device_list)
    if key != newcomer.record.identity_key:
        raise RefusalError(ErrorCode.LINK_MISMATCH)
    account = accounts.load_user(reader, user)
    assert account is not None  # next_device has seen it
    address, _, ops = accounts.add_device(user, account, newcomer.record)
    ops += prekeys.keep_first(address, newcomer.one_time, newcomer.last_resort)
    ops.append(device_lists.put_device_list(user, newcomer.device_list))
    return DeviceChange(of_family(ops, Family.USER), number)


def _newer(reader: Reader, user: UserId, signed: SignedDeviceList) -> DeviceList:
    """The list, if it is one of this user and newer than the one that is there."""
    try:
        device_list = decode_device_list(signed.encoded)
    except BadDeviceListError:
        raise RefusalError(ErrorCode.BAD_DEVICE_LIST) from None
    if device_list.user != user:
        raise RefusalError(ErrorCode.BAD_DEVICE_LIST)
    before = device_lists.load_device_list(reader, user)
    if before is not None and before != signed:  # the same once more: its answer was lost
        number = decode_device_list(before.encoded).number
        if device_list.number <= number:
            raise RefusalError(ErrorCode.OLD_DEVICE_LIST, number)
    return device_list


def _are_there(device_list: DeviceList, devices: dict[DeviceId, DeviceRecord]) -> bool:
    """Whether all that a list names are devices with these keys."""
    return all(
        device in devices and devices[device].identity_key == key for device, key in device_list.devices
    )


def _removal(user: UserId, gone: Sequence[tuple[DeviceId, DeviceRecord]]) -> list[Op]:
    ops: list[Op] = []
    for number, record in gone:
        address = DeviceAddress(user, number)
        ops += of_family(accounts.remove_device(address, record), Family.USER)
        ops += prekeys.forget(address)
    return ops
