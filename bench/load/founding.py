"""How a group of the load comes to be: its log's first entries, with signatures that only phones check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from protocol import DeviceAddress, GroupId, UserId, stanzas
from protocol.membership import (
    NO_ENTRY,
    Action,
    Add,
    Create,
    Entry,
    NewMember,
    Settings,
    SignedEntry,
    entry_hash,
)
from protocol.schema import SPEC_OF_CLASS

SEND_GROUP: Final = SPEC_OF_CLASS[stanzas.SendGroup].number
APPEND: Final = SPEC_OF_CLASS[stanzas.AppendEntries].number

MAX_EPOCH: Final = 2**32 - 1
"""What every message says: nobody leaves a group of the load."""

MEMBERS_AN_ENTRY: Final = 500


def entries_for(members: int) -> int:
    """How many entries the log of a group of so many begins with."""
    return -(-members // MEMBERS_AN_ENTRY)


def founding_entries(group: int, author: DeviceAddress, users: Sequence[int]) -> Iterator[bytes]:
    """The entries, in order, that make a group of these users; `author` is a device of one of them."""
    previous = NO_ENTRY
    for index, first in enumerate(range(0, len(users), MEMBERS_AN_ENTRY)):
        members = tuple(
            NewMember(UserId(user), b"k" * 32) for user in users[first : first + MEMBERS_AN_ENTRY]
        )
        action: Action = Add(members) if first else Create(members, Settings(0), b"info")
        entry = Entry(GroupId(group), index, previous, author, b"k" * 32, 0, action)
        signed = SignedEntry(entry, entry.encode(), b"s" * 64).encode()
        previous = entry_hash(signed)
        yield signed
