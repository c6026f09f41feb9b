"""A device list: which devices an account has, as its primary device says and signs it.

    [1, user, number, issued_at, [[device, identity key], ...]]    canonical CBOR, the primary first

The relay reads it, to keep its own rows in step with it, and cannot make one: whether the primary has signed
it is for the other phones to find out.
Not here: the signature (e2e/device_list.py), what a phone makes of a list (client/peer_devices.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cbor2

from protocol.errors import BadDeviceListError
from protocol.ids import DeviceId, UserId
from protocol.limits import (
    KEY_BYTES,
    MAX_DEVICE_ID,
    MAX_DEVICE_LIST_BYTES,
    MAX_DEVICES_PER_USER,
    MAX_UINT63,
)

FORMAT: Final = 1
"""The first item of a list. Another number means another layout, which this version cannot read."""


class SignedDeviceList(NamedTuple):
    """A list as it travels and is kept: exactly the bytes that were signed, and the signature."""

    encoded: bytes
    signature: bytes


class ListedDevice(NamedTuple):
    """One device of an account."""

    device: DeviceId
    identity_key: bytes


@dataclass(frozen=True, slots=True)
class DeviceList:
    """The devices of an account, by the word of its primary."""

    user: UserId
    number: int
    """Rises with every list of an account, by at least one: of two lists the higher is the newer."""
    issued_at: int
    """Unix seconds, by the clock of the primary."""
    devices: tuple[ListedDevice, ...]
    """The primary first. At least it, at most five, no number and no key twice."""

    @property
    def primary(self) -> ListedDevice:
        """The device that signs, and whose identity key is that of the account."""
        return self.devices[0]

    def key_of(self, device: DeviceId) -> bytes | None:
        """The identity key of a device; None if it is not in the list."""
        return next((key for number, key in self.devices if number == device), None)

    def encode(self) -> bytes:
        """The one form of this list in bytes.

        Raises:
            BadDeviceListError: it is none that `decode_device_list` would read.
        """
        encoded = _encode(self)
        decode_device_list(encoded)
        return encoded


def decode_device_list(encoded: bytes) -> DeviceList:
    """Read a list. Every list has exactly one form, so that nobody can sign two things with one signature.

    Raises:
        BadDeviceListError: it is too long, not this format, not in its one form, or names no devices, too
            many, or one twice.
    """
    if len(encoded) > MAX_DEVICE_LIST_BYTES:
        raise BadDeviceListError(f"a device list of {len(encoded)} bytes")
    try:
        fields = cbor2.loads(encoded)
    except Exception:  # cbor2 raises what it likes on foreign bytes
        raise BadDeviceListError("a device list that is not CBOR") from None
    if not isinstance(fields, list) or len(fields) != 5 or fields[0] != FORMAT:
        raise BadDeviceListError("not a device list of format 1")
    _, user, number, issued_at, rows = fields
    device_list = DeviceList(
        UserId(_uint(user, 1)), _uint(number, 1), _uint(issued_at, 0), tuple(_devices(rows))
    )
    if _encode(device_list) != encoded:
        raise BadDeviceListError("a device list that is not in its one form")
    return device_list


def _encode(device_list: DeviceList) -> bytes:
    rows = [[device, key] for device, key in device_list.devices]
    fields = [FORMAT, device_list.user, device_list.number, device_list.issued_at, rows]
    return cbor2.dumps(fields, canonical=True)


def _devices(rows: object) -> Sequence[ListedDevice]:
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_DEVICES_PER_USER:
        raise BadDeviceListError(f"a device list names 1 to {MAX_DEVICES_PER_USER} devices")
    devices = [_device(row) for row in rows]
    if len({device.device for device in devices}) < len(devices):
        raise BadDeviceListError("a device list that names a device twice")
    if len({device.identity_key for device in devices}) < len(devices):
        raise BadDeviceListError("a device list with one key for two devices")
    return devices


def _device(row: object) -> ListedDevice:
    match row:
        case [int(device), bytes(key)] if 1 <= device <= MAX_DEVICE_ID and len(key) == KEY_BYTES:
            return ListedDevice(DeviceId(int(device)), key)
    raise BadDeviceListError("a device list with a row that is no device")


def _uint(value: object, minimum: int) -> int:
    if type(value) is int and minimum <= value <= MAX_UINT63:
        return value
    raise BadDeviceListError("a device list with a number out of range")
