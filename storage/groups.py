"""Groups: what they are, their log, what is on its way to their members, and how far each member is.

    groups          group                        -> the state after the newest entry
    group_cursors   group                        -> the gseq of the next item
    group_entries   group, index                 -> a signed entry of the log
    group_items     group, gseq                  -> what is on its way to the members
    group_members   group, user                  -> since when, and until when, they get what is said
    group_numbers   group, user, device, number  -> the gseq of a sender's message
    group_joins     group, user                  -> who asks to be let in
    group_marks     user, group                  -> how far a member is; of the member's own mailbox

A sender's progress in a group stands in `progress`, with the group in the place of the recipient
(mailboxes.py): users and groups share one space of ids, in which no two are alike.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from protocol.ids import DeviceAddress, DeviceId, GroupId, GroupSeq, MessageNumber, UserId
from storage.environment import Reader
from storage.records import RecordCodec, cbor_codec
from storage.tables import (
    GROUP_CURSORS,
    GROUP_ENTRIES,
    GROUP_ITEMS,
    GROUP_JOINS,
    GROUP_MARKS,
    GROUP_MEMBERS,
    GROUP_NUMBERS,
    GROUPS,
    Delete,
    DeleteRange,
    Op,
    Put,
)

_GROUP_KEY = struct.Struct(">Q")
_ENTRY_KEY = struct.Struct(">QI")
_ITEM_KEY = struct.Struct(">QQ")
_MEMBER_KEY = struct.Struct(">QQ")
_NUMBER_KEY = struct.Struct(">QQHQ")

_LAST = 2**64 - 1
_LAST_INDEX = 2**32 - 1

FIRST_GSEQ = GroupSeq(1)
NO_GSEQ = GroupSeq(0)


# Read and built for every message to a group: slotted and not frozen, as in mailboxes.py.
@dataclass(slots=True)
class GroupItem:
    """A message or an entry on its way to the members."""

    gseq: GroupSeq
    sender: DeviceAddress
    number: MessageNumber
    accepted_at: int
    expires_at: int
    is_entry: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class Membership:
    """When a member gets what is said."""

    joined: GroupSeq
    """From this on, which is the entry by which they came in."""
    left: GroupSeq = NO_GSEQ
    """Up to this, which is the entry by which they went; 0: they are still there."""

    def hears(self, gseq: int) -> bool:
        """Whether an item is for them."""
        return self.joined <= gseq and not (self.left and gseq > self.left)


@dataclass(slots=True)
class Mark:
    """How far a member is in a group; each number includes those below it."""

    delivered: GroupSeq = NO_GSEQ
    read: GroupSeq = NO_GSEQ


@dataclass(frozen=True, slots=True)
class JoinAsk:
    """Somebody who asks to be let in."""

    invite: bytes
    proof: bytes
    asked_at: int


_CURSOR_V1 = struct.Struct(">Q")
# sender user, sender device, number, accepted_at, expires_at, is_entry; the payload is the rest.
_ITEM_V1 = struct.Struct(">QHQQQB")
_PAIR_V1 = struct.Struct(">QQ")


def _encode_bytes(value: bytes) -> bytes:
    return value


def _decode_bytes(payload: bytes) -> bytes:
    return payload


def _encode_gseq(gseq: GroupSeq) -> bytes:
    return _CURSOR_V1.pack(gseq)


def _decode_gseq(payload: bytes) -> GroupSeq:
    return GroupSeq(_CURSOR_V1.unpack(payload)[0])


def _encode_item(item: GroupItem) -> bytes:
    user, device = item.sender
    head = _ITEM_V1.pack(user, device, item.number, item.accepted_at, item.expires_at, item.is_entry)
    return _CURSOR_V1.pack(item.gseq) + head + item.payload


def _decode_item(payload: bytes) -> GroupItem:
    gseq = GroupSeq(_CURSOR_V1.unpack_from(payload)[0])
    start = _CURSOR_V1.size
    user, device, number, accepted_at, expires_at, is_entry = _ITEM_V1.unpack_from(payload, start)
    rest = payload[start + _ITEM_V1.size :]
    sender = DeviceAddress(UserId(user), DeviceId(device))
    return GroupItem(gseq, sender, MessageNumber(number), accepted_at, expires_at, bool(is_entry), rest)


def _encode_membership(member: Membership) -> bytes:
    return _PAIR_V1.pack(member.joined, member.left)


def _decode_membership(payload: bytes) -> Membership:
    return Membership(*_PAIR_V1.unpack(payload))


def _encode_mark(mark: Mark) -> bytes:
    return _PAIR_V1.pack(mark.delivered, mark.read)


def _decode_mark(payload: bytes) -> Mark:
    return Mark(*_PAIR_V1.unpack(payload))


GROUP_CODEC = RecordCodec(GROUPS, 1, _encode_bytes, {1: _decode_bytes})
GROUP_CURSOR_CODEC = RecordCodec(GROUP_CURSORS, 1, _encode_gseq, {1: _decode_gseq})
ENTRY_CODEC = RecordCodec(GROUP_ENTRIES, 1, _encode_bytes, {1: _decode_bytes})
ITEM_CODEC = RecordCodec(GROUP_ITEMS, 1, _encode_item, {1: _decode_item})
MEMBER_CODEC = RecordCodec(GROUP_MEMBERS, 1, _encode_membership, {1: _decode_membership})
NUMBER_CODEC = RecordCodec(GROUP_NUMBERS, 1, _encode_gseq, {1: _decode_gseq})
MARK_CODEC = RecordCodec(GROUP_MARKS, 1, _encode_mark, {1: _decode_mark})
JOIN_CODEC = cbor_codec(GROUP_JOINS, 1, lambda ask: (ask.invite, ask.proof, ask.asked_at), JoinAsk)


# The group and its log --------------------------------------------------------------------------------------


def load_group(reader: Reader, group: GroupId) -> bytes | None:
    """The stored state of a group; None if there is none.

    Raises:
        CorruptRecordError: the row is damaged; likewise for all that read below.
    """
    key = _GROUP_KEY.pack(group)
    data = reader.get(GROUPS, key)
    return None if data is None else GROUP_CODEC.unpack(key, data)


def put_group(group: GroupId, state: bytes) -> Put:
    """What makes a state durable."""
    return GROUP_CODEC.put(_GROUP_KEY.pack(group), state)


def load_next_gseq(reader: Reader, group: GroupId) -> GroupSeq:
    """What the next item of a group gets."""
    key = _GROUP_KEY.pack(group)
    data = reader.get(GROUP_CURSORS, key)
    return FIRST_GSEQ if data is None else GROUP_CURSOR_CODEC.unpack(key, data)


def put_next_gseq(group: GroupId, gseq: GroupSeq) -> Put:
    """What the next item gets, from now on."""
    return GROUP_CURSOR_CODEC.put(_GROUP_KEY.pack(group), gseq)


def all_cursors(reader: Reader) -> Iterator[tuple[GroupId, GroupSeq]]:
    """Every group of this environment, and the gseq of its next item."""
    for key, data in reader.scan(GROUP_CURSORS, b"\0", b"\xff" * _GROUP_KEY.size):
        yield GroupId(_GROUP_KEY.unpack(key)[0]), GROUP_CURSOR_CODEC.unpack(key, data)


def put_entry(group: GroupId, index: int, entry: bytes) -> Put:
    """Append to the log."""
    return ENTRY_CODEC.put(_ENTRY_KEY.pack(group, index), entry)


def read_entries(reader: Reader, group: GroupId, first: int, limit: int, max_bytes: int) -> list[bytes]:
    """Up to `limit` entries from index `first` on, as many as fit into so many bytes, but at least one."""
    entries: list[bytes] = []
    size = 0
    begin, end = _ENTRY_KEY.pack(group, first), _ENTRY_KEY.pack(group, _LAST_INDEX)
    for key, data in reader.scan(GROUP_ENTRIES, begin, end):
        entry = ENTRY_CODEC.unpack(key, data)
        size += len(entry)
        if len(entries) >= limit or (entries and size > max_bytes):
            break
        entries.append(entry)
    return entries


# What is on its way -----------------------------------------------------------------------------------------


def put_item(group: GroupId, item: GroupItem) -> Put:
    """Keep an item until every worker has it."""
    return ITEM_CODEC.put(_ITEM_KEY.pack(group, item.gseq), item)


def remove_items(group: GroupId, upto: GroupSeq) -> DeleteRange:
    """Every worker has everything up to here."""
    return DeleteRange(GROUP_ITEMS, _ITEM_KEY.pack(group, 0), _ITEM_KEY.pack(group, upto))


def read_items(reader: Reader, group: GroupId, after: int, limit: int) -> list[GroupItem]:
    """Up to `limit` items behind a gseq that are still on their way, in order."""
    items: list[GroupItem] = []
    for key, data in reader.scan(GROUP_ITEMS, _ITEM_KEY.pack(group, after + 1), _ITEM_KEY.pack(group, _LAST)):
        if len(items) >= limit:
            break
        items.append(ITEM_CODEC.unpack(key, data))
    return items


def groups_with_items(reader: Reader) -> Iterator[GroupId]:
    """The groups of this environment that have something on its way; each once."""
    found = next(reader.scan(GROUP_ITEMS, b"\0", b"\xff" * _ITEM_KEY.size), None)
    while found is not None:
        group = GroupId(_ITEM_KEY.unpack(found[0])[0])
        yield group
        behind = _ITEM_KEY.pack(group, _LAST) + b"\0"
        found = next(reader.scan(GROUP_ITEMS, behind, b"\xff" * (_ITEM_KEY.size + 1)), None)


# Members ----------------------------------------------------------------------------------------------------


def put_member(group: GroupId, user: UserId, member: Membership) -> Put:
    """Since when somebody gets what is said."""
    return MEMBER_CODEC.put(_MEMBER_KEY.pack(group, user), member)


def remove_member(group: GroupId, user: UserId) -> Delete:
    """They have got all that was for them."""
    return Delete(GROUP_MEMBERS, _MEMBER_KEY.pack(group, user))


def load_members(reader: Reader, group: GroupId) -> dict[UserId, Membership]:
    """Everybody who gets something, or has not got everything yet."""
    first, last = _MEMBER_KEY.pack(group, 0), _MEMBER_KEY.pack(group, _LAST)
    return {
        UserId(_MEMBER_KEY.unpack(key)[1]): MEMBER_CODEC.unpack(key, data)
        for key, data in reader.scan(GROUP_MEMBERS, first, last)
    }


def load_mark(reader: Reader, user: UserId, group: GroupId) -> Mark:
    """How far a member is, in the environment of the member."""
    key = _MEMBER_KEY.pack(user, group)
    data = reader.get(GROUP_MARKS, key)
    return Mark() if data is None else MARK_CODEC.unpack(key, data)


def put_mark(user: UserId, group: GroupId, mark: Mark) -> Put:
    """What makes durable how far a member is."""
    return MARK_CODEC.put(_MEMBER_KEY.pack(user, group), mark)


# Whose message is which item --------------------------------------------------------------------------------


def put_number(group: GroupId, sender: DeviceAddress, number: int, gseq: GroupSeq, keep: int) -> list[Op]:
    """Remember which item a message became; that of the one `keep` numbers before it is forgotten."""
    ops: list[Op] = [NUMBER_CODEC.put(_NUMBER_KEY.pack(group, *sender, number), gseq)]
    if number > keep:
        ops.append(Delete(GROUP_NUMBERS, _NUMBER_KEY.pack(group, *sender, number - keep)))
    return ops


def read_numbers(
    reader: Reader, group: GroupId, sender: DeviceAddress, after: int
) -> list[tuple[MessageNumber, GroupSeq]]:
    """A sender's messages behind a number, as far back as they are remembered: number and gseq, in order."""
    first = _NUMBER_KEY.pack(group, *sender, after + 1)
    last = _NUMBER_KEY.pack(group, *sender, _LAST)
    return [
        (MessageNumber(_NUMBER_KEY.unpack(key)[3]), NUMBER_CODEC.unpack(key, data))
        for key, data in reader.scan(GROUP_NUMBERS, first, last)
    ]


def load_number(reader: Reader, group: GroupId, sender: DeviceAddress, number: int) -> GroupSeq | None:
    """Which item a message became; None if that is forgotten."""
    key = _NUMBER_KEY.pack(group, *sender, number)
    data = reader.get(GROUP_NUMBERS, key)
    return None if data is None else NUMBER_CODEC.unpack(key, data)


# Who asks to be let in --------------------------------------------------------------------------------------


def put_join(group: GroupId, user: UserId, ask: JoinAsk) -> Put:
    """Somebody asks to be let in."""
    return JOIN_CODEC.put(_MEMBER_KEY.pack(group, user), ask)


def remove_join(group: GroupId, user: UserId) -> Delete:
    """It is decided."""
    return Delete(GROUP_JOINS, _MEMBER_KEY.pack(group, user))


def list_joins(reader: Reader, group: GroupId) -> list[tuple[UserId, JoinAsk]]:
    """Who asks, the first one first."""
    first, last = _MEMBER_KEY.pack(group, 0), _MEMBER_KEY.pack(group, _LAST)
    asks = [
        (UserId(_MEMBER_KEY.unpack(key)[1]), JOIN_CODEC.unpack(key, data))
        for key, data in reader.scan(GROUP_JOINS, first, last)
    ]
    return sorted(asks, key=lambda ask: (ask[1].asked_at, ask[0]))
