"""What each row that the relay keeps of an account says, in words that its owner can read.

One describer for each table of users and of the directory: a test fails if a table has none. What is secret
from its owner too (digests of codes and PINs) is not described; ciphertexts, which the relay cannot read
either, by their length.
"""

import struct
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from protocol import DeviceAddress, DeviceId, UserId
from storage import tables as t
from storage.accounts import UserRecord
from storage.codes import CodeRecord
from storage.mailboxes import DeviceCursor
from storage.pins import PinRecord
from storage.progress import Progress
from storage.tables import Table


class Where(Enum):
    """How the rows of an account are found in a table."""

    USER = auto()
    """Keys begin with the user."""
    NUMBER = auto()
    """The key is the number."""
    STATIC_KEYS = auto()
    """The keys are those of the devices."""
    GROUPS = auto()
    """Keys begin with a group, and the user stands behind it: all of them have to be looked through."""
    NOWHERE = auto()
    """No row is about one account."""


Facts = dict[str, Any]
"""What can be turned into JSON."""


@dataclass(frozen=True, slots=True)
class Describer:
    """How a table's rows of an account are found, and what they say."""

    where: Where
    describe: Callable[[bytes, Any], Facts]
    """Of a key and a decoded row."""


def _ids(key: bytes, layout: str) -> tuple[int, ...]:
    return struct.unpack(f">Q{layout}", key)[1:]


def _user(user: int) -> str:
    return f"{user:016x}"


def _address(user: int, device: int) -> str:
    return str(DeviceAddress(UserId(user), DeviceId(device)))


def _users(key: bytes, record: UserRecord) -> Facts:
    (user,) = struct.unpack(">Q", key)
    return {
        "user": _user(user),
        "phone": record.phone,
        "created_at": record.created_at,
        "last_device": record.last_device,
        "flags": record.flags,
    }


def _devices(key: bytes, record: Any) -> Facts:
    (device,) = _ids(key, "H")
    return {
        "device": device,
        "name": record.name,
        "created_at": record.created_at,
        "static_key": record.static_key.hex(),
        "identity_key": record.identity_key.hex(),
        "signed_prekey_id": record.signed_prekey_id,
        "signed_prekey": record.signed_prekey.hex(),
        "signed_prekey_signature": record.signed_prekey_signature.hex(),
    }


def _prekeys(key: bytes, public: bytes) -> Facts:
    device, number = _ids(key, "HI")
    return {"device": device, "id": number, "key": public.hex()}


def _kem_prekeys(key: bytes, _record: Any) -> Facts:
    device, number = _ids(key, "HI")
    return {"device": device, "id": number}


def _last_resorts(key: bytes, _record: Any) -> Facts:
    return {"device": _ids(key, "H")[0]}


def _queue(key: bytes, message: Any) -> Facts:
    device, seq = _ids(key, "HQ")
    facts: Facts = {
        "device": device,
        "seq": seq,
        "sender": _address(*message.sender[-2:]),
        "accepted_at": message.accepted_at,
        "expires_at": message.expires_at,
    }
    if len(message.sender) > len(DeviceAddress._fields):
        return facts | {"group": _user(message.sender[0]), "bytes": message.size}
    return facts | {"number": message.number, "bytes": len(message.ciphertext)}


def _cursors(key: bytes, cursor: DeviceCursor) -> Facts:
    return {
        "device": _ids(key, "H")[0],
        "next_seq": cursor.next_seq,
        "acknowledged_seq": cursor.acked_seq,
        "messages": cursor.messages,
        "bytes": cursor.ciphertext_bytes,
    }


def _progress(key: bytes, progress: Progress) -> Facts:
    return {
        "sender": _address(*_ids(key, "QH")),
        "accepted": progress.accepted,
        "delivered": progress.delivered,
        "read": progress.read,
        "expired": [list(run) for run in progress.expired],
    }


def _codes(key: bytes, code: CodeRecord) -> Facts:
    return {
        "phone": key.decode(),
        "created_at": code.created_at,
        "expires_at": code.expires_at,
        "guesses_left": code.guesses_left,
        "next_request_at": code.next_request_at,
    }


def _pins(_key: bytes, pin: PinRecord) -> Facts:
    return {
        "set_at": pin.set_at,
        "guesses_left": pin.guesses_left,
        "day_began_at": pin.day_began_at,
        "waiting_since": pin.waiting_since or None,
    }


def _shunned(key: bytes, first: int) -> Facts:
    return {"sender": _address(*_ids(key, "QH")), "first": first}


def _profiles(key: bytes, piece: Any) -> Facts:
    return {"piece": _ids(key, "H")[0], "version": piece.version, "data": b64encode(piece.data).decode()}


def _device_lists(_key: bytes, signed: Any) -> Facts:
    return {"list": b64encode(signed.encoded).decode(), "signature": signed.signature.hex()}


def _group_members(key: bytes, member: Any) -> Facts:
    (group,) = struct.unpack_from(">Q", key)
    return {"group": _user(group), "joined": member.joined, "left": member.left or None}


def _group_numbers(key: bytes, gseq: int) -> Facts:
    group, _, device, number = struct.unpack(">QQHQ", key)
    return {"group": _user(group), "device": device, "number": number, "gseq": gseq}


def _group_joins(key: bytes, ask: Any) -> Facts:
    (group,) = struct.unpack_from(">Q", key)
    return {"group": _user(group), "asked_at": ask.asked_at}


def _group_marks(key: bytes, mark: Any) -> Facts:
    return {"group": _user(_ids(key, "Q")[0]), "delivered": mark.delivered, "read": mark.read}


def _nothing(_key: bytes, _record: Any) -> Facts:
    raise AssertionError("no row of this table is an account's")


_OF_A_GROUP = Describer(Where.NOWHERE, _nothing)
"""What a group is belongs to all of its members, who have it; who is one of them: group_members."""

DESCRIBERS: dict[Table, Describer] = {
    t.USERS: Describer(Where.USER, _users),
    t.PHONES: Describer(Where.NUMBER, lambda key, user: {"phone": key.decode(), "user": _user(user)}),
    t.DEVICES: Describer(Where.USER, _devices),
    t.STATIC_KEYS: Describer(
        Where.STATIC_KEYS, lambda key, device: {"static_key": key.hex(), "device": str(device)}
    ),
    t.PREKEYS: Describer(Where.USER, _prekeys),
    t.KEM_PREKEYS: Describer(Where.USER, _kem_prekeys),
    t.LAST_RESORTS: Describer(Where.USER, _last_resorts),
    t.QUEUE: Describer(Where.USER, _queue),
    t.CURSORS: Describer(Where.USER, _cursors),
    t.PROGRESS: Describer(Where.USER, _progress),
    t.CODES: Describer(Where.NUMBER, _codes),
    t.SETTINGS: Describer(Where.USER, lambda _, privacy: {k: str(v) for k, v in privacy._asdict().items()}),
    t.BLOCKS: Describer(Where.USER, lambda key, since: {"user": _user(_ids(key, "Q")[0]), "since": since}),
    t.CONTACTS: Describer(Where.USER, lambda key, _: {"user": _user(_ids(key, "Q")[0])}),
    t.SHUNNED: Describer(Where.USER, _shunned),
    t.PROFILES: Describer(Where.USER, _profiles),
    t.PINS: Describer(Where.USER, _pins),
    t.DEVICE_LISTS: Describer(Where.USER, _device_lists),
    t.BANS: Describer(Where.NUMBER, lambda key, ban: {"phone": key.decode(), "since": ban.since}),
    t.GROUPS: _OF_A_GROUP,
    t.GROUP_CURSORS: _OF_A_GROUP,
    t.GROUP_ENTRIES: _OF_A_GROUP,
    t.GROUP_ITEMS: _OF_A_GROUP,
    t.GROUP_MEMBERS: Describer(Where.GROUPS, _group_members),
    t.GROUP_NUMBERS: Describer(Where.GROUPS, _group_numbers),
    t.GROUP_JOINS: Describer(Where.GROUPS, _group_joins),
    t.GROUP_MARKS: Describer(Where.USER, _group_marks),
}
