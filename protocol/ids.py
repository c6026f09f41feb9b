"""Who and which: users, devices, message numbers, sequence numbers, handles, and their two written forms.

An *address* names a user (what a client sends to) or one device of a user (whom a delivery is from).
On the wire an address is 8 bytes (a user) or 10 bytes (a user and a 2-byte device), big-endian; for people
and logs it is `0123456789abcdef` or `0123456789abcdef.1`. Each address has exactly one form of each kind.
"""

import re
import struct
from collections.abc import Callable
from typing import Final, NamedTuple, NewType, TypeAlias

from protocol.errors import InvalidAddressError
from protocol.limits import MAX_DEVICE_ID, MAX_UINT63

# 63 random bits, never 0. What travels instead of a phone number.
UserId = NewType("UserId", int)

# 1, 2, 3, ... within a user; never reused, so an old device's messages are never taken for a new one's.
DeviceId = NewType("DeviceId", int)

# 1, 2, 3, ... from one device to one recipient, without gaps: (sender device, recipient, number) is the id.
MessageNumber = NewType("MessageNumber", int)

# 1, 2, 3, ... of what the relay sends to one device: what an Ack acknowledges. Never reused.
Seq = NewType("Seq", int)

# A small integer that stands for an address on one connection.
Handle = NewType("Handle", int)


class DeviceAddress(NamedTuple):
    """One device of one user."""

    user: UserId
    device: DeviceId

    def __str__(self) -> str:
        return f"{self.user:016x}.{self.device}"


Address: TypeAlias = UserId | DeviceAddress

_USER_FORM: Final = struct.Struct(">Q")
_DEVICE_FORM: Final = struct.Struct(">QH")
_USER_TEXT: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
_DEVICE_TEXT: Final = re.compile(r"([0-9a-f]{16})\.([1-9][0-9]{0,4})", re.ASCII)


def new_user_id(entropy: Callable[[int], bytes]) -> UserId:
    """Draw a user id: 63 random bits, never 0. Whoever calls it checks that the id is not taken."""
    while True:
        number = int.from_bytes(entropy(8)) & MAX_UINT63
        if number:
            return UserId(number)


def address_to_bytes(address: Address) -> bytes:
    """Return the wire form: 8 bytes for a user, 10 for a device.

    Raises:
        InvalidAddressError: a number is out of range.
    """
    if isinstance(address, DeviceAddress):
        _check_user(address.user)
        _check_device(address.device)
        return _DEVICE_FORM.pack(address.user, address.device)
    _check_user(address)
    return _USER_FORM.pack(address)


def address_from_bytes(data: bytes) -> Address:
    """Read the wire form of an address.

    Raises:
        InvalidAddressError: another length than 8 or 10, or a number out of range.
    """
    if len(data) == _USER_FORM.size:
        return _check_user(_USER_FORM.unpack(data)[0])
    if len(data) == _DEVICE_FORM.size:
        user, device = _DEVICE_FORM.unpack(data)
        return DeviceAddress(_check_user(user), _check_device(device))
    raise InvalidAddressError(f"an address has 8 or 10 bytes, not {len(data)}")


def address_to_text(address: Address) -> str:
    """Return the form for people and logs: 16 hex digits, and `.<device>` for a device."""
    return str(address) if isinstance(address, DeviceAddress) else f"{address:016x}"


def parse_user_id(text: str) -> UserId:
    """Read 16 lower-case hex digits.

    Raises:
        InvalidAddressError: the text is anything else.
    """
    if _USER_TEXT.fullmatch(text) is None:
        raise InvalidAddressError(f"a user id is 16 hex digits, not {text!r}")
    return _check_user(int(text, 16))


def parse_device_address(text: str) -> DeviceAddress:
    """Read `<16 hex digits>.<device>`.

    Raises:
        InvalidAddressError: the text is anything else.
    """
    match = _DEVICE_TEXT.fullmatch(text)
    if match is None:
        raise InvalidAddressError(f"a device address is <16 hex digits>.<device>, not {text!r}")
    return DeviceAddress(_check_user(int(match[1], 16)), _check_device(int(match[2])))


def parse_address(text: str) -> Address:
    """Read either text form.

    Raises:
        InvalidAddressError: the text is neither.
    """
    return parse_device_address(text) if "." in text else parse_user_id(text)


def _check_user(number: int) -> UserId:
    if not 1 <= number <= MAX_UINT63:
        raise InvalidAddressError(f"a user id is between 1 and 2^63-1, not {number}")
    return UserId(number)


def _check_device(number: int) -> DeviceId:
    if not 1 <= number <= MAX_DEVICE_ID:
        raise InvalidAddressError(f"a device id is between 1 and {MAX_DEVICE_ID}, not {number}")
    return DeviceId(number)
