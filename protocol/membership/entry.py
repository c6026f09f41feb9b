"""An entry of a group's log: who did what when, chained to the entry before it.

    entry         [1, group, index, previous, user, device, key, time, action, ...]
    signed entry  [entry, signature]  or  [entry, signature, device list, its signature]

Canonical CBOR, exactly one form for each entry. ``previous`` is the SHA-256 of the whole signed entry before,
zeros for the first: whoever signs an entry thereby vouches for the history in front of it, and a relay that
tells two histories cannot bring them together again. A companion's entry carries its account's device list,
which shows that the device is one of the member's.

Not here: who may do what (rules.py), whether a signature is right (protocol/e2e/membership.py).
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import cbor2

from protocol.codec import decode_cbor
from protocol.device_list import SignedDeviceList
from protocol.errors import MalformedError
from protocol.fields import FieldError
from protocol.ids import DeviceAddress, DeviceId, GroupId, UserId
from protocol.limits import KEY_BYTES, MAX_DEVICE_ID, MAX_DEVICE_LIST_BYTES, MAX_UINT63, SIGNATURE_BYTES
from protocol.membership.actions import ACTION_BY_CLASS, ACTION_BY_NUMBER, Action
from protocol.membership.errors import BadEntryError, UnsupportedEntryError

ENTRY_VERSION: Final = 1

MAX_ENTRY_BYTES: Final = 53_248
"""A signed entry: 512 members and a picture. It fits a frame, and the payload of a delivery."""

HASH_BYTES: Final = 32
NO_ENTRY: Final = bytes(HASH_BYTES)
"""What the first entry names as the one before it."""

_HEADER_FIELDS: Final = 9


@dataclass(frozen=True, slots=True)
class Entry:
    """One step in the life of a group."""

    group: GroupId
    index: int
    """0, 1, 2, ... without gaps."""
    previous: bytes
    """The hash of the signed entry before this one."""
    author: DeviceAddress
    author_key: bytes
    """The identity key of the author's device."""
    time: int
    """Unix seconds, by the author's clock: for people; no rule looks at it."""
    action: Action

    def encode(self) -> bytes:
        """The bytes that are signed.

        Raises:
            BadEntryError: a field is outside its limits.
        """
        spec = ACTION_BY_CLASS[type(self.action)]
        user, device = self.author
        header = [
            ENTRY_VERSION,
            self.group,
            self.index,
            self.previous,
            user,
            device,
            self.author_key,
            self.time,
        ]
        encoded = cbor2.dumps([*header, spec.number, *spec.values(self.action)], canonical=True)
        _check_entry(self, encoded)
        return encoded


@dataclass(frozen=True, slots=True)
class SignedEntry:
    """An entry as it travels and is kept."""

    entry: Entry
    encoded: bytes = field(repr=False)
    """The entry, exactly the bytes that were signed."""
    signature: bytes = field(repr=False)
    """By the author's device; whether it is right is not known here."""
    device_list: SignedDeviceList | None = field(default=None, repr=False)
    """For a companion's entry: the list that shows whose it is."""

    def encode(self) -> bytes:
        """The bytes as they travel.

        Raises:
            BadEntryError: they are more than fit.
        """
        signed = cbor2.dumps([self.encoded, self.signature, *(self.device_list or ())], canonical=True)
        if len(signed) > MAX_ENTRY_BYTES:
            raise BadEntryError(f"an entry of {len(signed)} bytes; the limit is {MAX_ENTRY_BYTES}")
        return signed


def entry_hash(signed: bytes) -> bytes:
    """What the next entry names as the one before it, from the bytes of a signed entry."""
    return sha256(signed).digest()


def decode_signed_entry(signed: bytes) -> SignedEntry:
    """Read a signed entry; of any bytes, only the errors named come out.

    Raises:
        UnsupportedEntryError: it is of another version.
        BadEntryError: it is none, or not in its one form.
    """
    if len(signed) > MAX_ENTRY_BYTES:
        raise BadEntryError(f"an entry of {len(signed)} bytes; the limit is {MAX_ENTRY_BYTES}")
    fields = _read_array(signed)
    if len(fields) not in (2, 4) or not all(type(each) is bytes for each in fields):
        raise BadEntryError("not an entry with its signature")
    encoded, signature, *device_list = fields
    if len(signature) != SIGNATURE_BYTES:
        raise BadEntryError("an entry whose signature has not 64 bytes")
    proof = SignedDeviceList(*device_list) if device_list else None
    if proof and (len(proof.encoded) > MAX_DEVICE_LIST_BYTES or len(proof.signature) != SIGNATURE_BYTES):
        raise BadEntryError("an entry with a device list that is none")
    return SignedEntry(decode_entry(encoded), encoded, signature, proof)


def decode_entry(encoded: bytes) -> Entry:
    """Read what is signed.

    Raises:
        UnsupportedEntryError: it is of another version.
        BadEntryError: it is none, or not in its one form.
    """
    fields = _read_array(encoded)
    if not fields or type(fields[0]) is not int:
        raise BadEntryError("an entry without a version")
    if fields[0] != ENTRY_VERSION:
        raise UnsupportedEntryError(fields[0])
    if len(fields) < _HEADER_FIELDS:
        raise BadEntryError("an entry that is cut short")
    _, group, index, previous, user, device, key, time, number, *rest = fields
    action = _read_action(number, rest)
    author = DeviceAddress(UserId(user), DeviceId(device))
    entry = Entry(GroupId(group), index, previous, author, key, time, action)
    _check_entry(entry, None)
    return entry


def _read_action(number: Any, values: list[Any]) -> Action:
    spec = ACTION_BY_NUMBER.get(number) if type(number) is int else None
    if spec is None:
        raise BadEntryError("an entry with an action that does not exist")
    if len(values) != len(spec.fields):
        raise BadEntryError(f"{spec.action.__name__} with {len(values)} fields")
    try:
        read = [kind.read(value) for (_, kind), value in zip(spec.fields, values, strict=True)]
    except FieldError as error:
        raise BadEntryError(f"{spec.action.__name__}: {error}") from None
    action: Action = spec.action(*read)
    return action


def _check_entry(entry: Entry, encoded: bytes | None) -> None:
    """Hold an entry's own fields to their limits, and our own (``encoded``) to what others will read."""
    _check_uint(entry.group, 1, MAX_UINT63)
    _check_uint(entry.index, 0, MAX_UINT63)
    _check_uint(entry.author.user, 1, MAX_UINT63)
    _check_uint(entry.author.device, 1, MAX_DEVICE_ID)
    _check_uint(entry.time, 0, MAX_UINT63)
    for value, size in ((entry.previous, HASH_BYTES), (entry.author_key, KEY_BYTES)):
        if type(value) is not bytes or len(value) != size:
            raise BadEntryError("an entry with a key or hash that is none")
    if encoded is not None:
        decode_entry(encoded)


def _check_uint(value: object, minimum: int, maximum: int) -> None:
    if type(value) is not int or not minimum <= value <= maximum:
        raise BadEntryError("an entry with a number out of range")


def _read_array(data: bytes) -> list[Any]:
    """Read an array in its one form: numbers as short as can be, no tags, nothing behind it."""
    try:
        array = decode_cbor(data)
    except MalformedError:
        raise BadEntryError("an entry that is not CBOR") from None
    if not isinstance(array, tuple) or cbor2.dumps(array, canonical=True) != data:
        raise BadEntryError("an entry that is not in its one form")
    return list(array)
