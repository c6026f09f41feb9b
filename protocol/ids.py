"""Who and which: users, devices, groups, message numbers, sequence numbers, handles; their two written forms.

An *address* names a user or a group (what a client sends to), one device of a user (whom a delivery is from),
or that device as one who speaks in a group (whom a delivery of the group is from). On the wire it is 8 bytes
(a user), 10 (a user and a 2-byte device), 9 (0x47 and a group) or 19 (0x47, a group, a device), big-endian;
for people and logs `0123456789abcdef`, `0123456789abcdef.1`, `g0123456789abcdef` or
`g0123456789abcdef/0123456789abcdef.1`. Each address has exactly one form of each kind.
"""

import re
import struct
from collections.abc import Callable
from typing import Final, NamedTuple, NewType, TypeAlias

from protocol.errors import InvalidAddressError
from protocol.limits import MAX_DEVICE_ID, MAX_UINT63

# 63 random bits, never 0. What travels instead of a phone number.
UserId = NewType("UserId", int)

# 63 random bits, never 0, drawn by the device that creates the group. Users and groups share one space: who
# has no use for the difference keeps both in one column.
GroupId = NewType("GroupId", int)

# 1, 2, 3, ... within a user; never reused, so an old device's messages are never taken for a new one's.
DeviceId = NewType("DeviceId", int)

# 1, 2, 3, ... from one device to one recipient, without gaps: (sender device, recipient, number) is the id.
MessageNumber = NewType("MessageNumber", int)

# 1, 2, 3, ... of what the relay sends to one device: what an Ack acknowledges. Never reused.
Seq = NewType("Seq", int)

# 1, 2, 3, ... of what happens in one group, messages and changes of the group together: its timeline.
GroupSeq = NewType("GroupSeq", int)

# A small integer that stands for an address on one connection.
Handle = NewType("Handle", int)


class DeviceAddress(NamedTuple):
    """One device of one user."""

    user: UserId
    device: DeviceId

    def __str__(self) -> str:
        return f"{self.user:016x}.{self.device}"


class GroupAddress(NamedTuple):
    """A group."""

    group: GroupId

    def __str__(self) -> str:
        return f"g{self.group:016x}"


class MemberAddress(NamedTuple):
    """One device of one user, as one who speaks in a group."""

    group: GroupId
    user: UserId
    device: DeviceId

    @property
    def sender(self) -> DeviceAddress:
        """The device by itself."""
        return DeviceAddress(self.user, self.device)

    def __str__(self) -> str:
        return f"g{self.group:016x}/{self.user:016x}.{self.device}"


Address: TypeAlias = UserId | DeviceAddress | GroupAddress | MemberAddress

_USER_FORM: Final = struct.Struct(">Q")
_DEVICE_FORM: Final = struct.Struct(">QH")
_GROUP_FORM: Final = struct.Struct(">BQ")
_MEMBER_FORM: Final = struct.Struct(">BQQH")
_GROUP_MARK: Final = 0x47  # "G"
_USER_TEXT: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
_DEVICE_TEXT: Final = re.compile(r"([0-9a-f]{16})\.([1-9][0-9]{0,4})", re.ASCII)


def new_user_id(entropy: Callable[[int], bytes]) -> UserId:
    """Draw a user id: 63 random bits, never 0. Whoever calls it checks that the id is not taken."""
    while True:
        number = int.from_bytes(entropy(8)) & MAX_UINT63
        if number:
            return UserId(number)


def new_group_id(entropy: Callable[[int], bytes]) -> GroupId:
    """Draw a group id, as `new_user_id` draws a user id; the relay refuses one that is taken."""
    return GroupId(new_user_id(entropy))


def address_to_bytes(address: Address) -> bytes:
    """Return the wire form: 8 bytes for a user, 10 for a device, 9 for a group, 19 for a device in a group.

    Raises:
        InvalidAddressError: a number is out of range.
    """
    if isinstance(address, DeviceAddress):
        return _DEVICE_FORM.pack(_check_user(address.user), _check_device(address.device))
    if isinstance(address, MemberAddress):
        group, user, device = address
        return _MEMBER_FORM.pack(_GROUP_MARK, _check_group(group), _check_user(user), _check_device(device))
    if isinstance(address, GroupAddress):
        return _GROUP_FORM.pack(_GROUP_MARK, _check_group(address.group))
    return _USER_FORM.pack(_check_user(address))


def address_from_bytes(data: bytes) -> Address:
    """Read the wire form of an address.

    Raises:
        InvalidAddressError: another length than 8, 9, 10 or 19, another mark than a group's, or a number out
            of range.
    """
    if len(data) == _USER_FORM.size:
        return _check_user(_USER_FORM.unpack(data)[0])
    if len(data) == _DEVICE_FORM.size:
        user, device = _DEVICE_FORM.unpack(data)
        return DeviceAddress(_check_user(user), _check_device(device))
    if len(data) == _GROUP_FORM.size and data[0] == _GROUP_MARK:
        return GroupAddress(_check_group(_GROUP_FORM.unpack(data)[1]))
    if len(data) == _MEMBER_FORM.size and data[0] == _GROUP_MARK:
        _, group, user, device = _MEMBER_FORM.unpack(data)
        return MemberAddress(_check_group(group), _check_user(user), _check_device(device))
    raise InvalidAddressError(f"these {len(data)} bytes are no address")


def address_to_text(address: Address) -> str:
    """Return the form for people and logs: 16 hex digits, `.<device>` for a device, `g` before a group."""
    return f"{address:016x}" if isinstance(address, int) else str(address)


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


def parse_group_id(text: str) -> GroupId:
    """Read `g` and 16 hex digits.

    Raises:
        InvalidAddressError: the text is anything else.
    """
    if text[:1] != "g" or _USER_TEXT.fullmatch(text[1:]) is None:
        raise InvalidAddressError(f"a group id is g and 16 hex digits, not {text!r}")
    return _check_group(int(text[1:], 16))


def parse_address(text: str) -> Address:
    """Read any text form.

    Raises:
        InvalidAddressError: the text is none.
    """
    group, slash, member = text.partition("/")
    if slash:
        return MemberAddress(parse_group_id(group), *parse_device_address(member))
    if text.startswith("g"):
        return GroupAddress(parse_group_id(text))
    return parse_device_address(text) if "." in text else parse_user_id(text)


def _check_user(number: int) -> UserId:
    if not 1 <= number <= MAX_UINT63:
        raise InvalidAddressError(f"a user id is between 1 and 2^63-1, not {number}")
    return UserId(number)


def _check_group(number: int) -> GroupId:
    if not 1 <= number <= MAX_UINT63:
        raise InvalidAddressError(f"a group id is between 1 and 2^63-1, not {number}")
    return GroupId(number)


def _check_device(number: int) -> DeviceId:
    if not 1 <= number <= MAX_DEVICE_ID:
        raise InvalidAddressError(f"a device id is between 1 and {MAX_DEVICE_ID}, not {number}")
    return DeviceId(number)
