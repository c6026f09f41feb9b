"""What workers tell and ask one another about groups: items on their way to members, and how far these are.

The classes are slotted and not frozen, as those of facts.py. Questions have a field `ask` at the end, which
the answer repeats at its beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from protocol import DeviceAddress, GroupId, GroupSeq, MessageNumber, UserId

GroupNumbered: TypeAlias = tuple[MessageNumber, int, bytes, int | None]
"""One message of a submission: number, epoch, ciphertext, life in seconds."""

WireItem: TypeAlias = tuple[int, int, int, int, int, int, int, bytes]
"""gseq, sender's user and device, number, accepted at, expires at, is it an entry, payload."""


@dataclass(slots=True)
class SubmitGroup:
    """Messages of one of our devices for a group of yours, in order."""

    sender: DeviceAddress
    connection: int
    group: GroupId
    messages: Sequence[GroupNumbered]


@dataclass(slots=True)
class GroupItems:
    """Items of one of our groups for members of yours."""

    group: GroupId
    behind: GroupSeq
    """What must have arrived before."""
    users: bytes = field(repr=False)
    items: Sequence[WireItem] = field(repr=False)


@dataclass(slots=True)
class GroupArrived:
    """A worker has everything up to here, durably."""

    group: GroupId
    worker: int
    gseq: GroupSeq
    gone: Sequence[UserId]
    """Members who have no account any more."""


@dataclass(slots=True)
class GroupReached:
    """How far members are: member, delivered, read."""

    group: GroupId
    marks: Sequence[tuple[UserId, int, int]]


@dataclass(slots=True)
class GroupActivity:
    """One of our devices types in a group of yours, or has paused."""

    sender: DeviceAddress
    group: GroupId
    is_typing: int


@dataclass(slots=True)
class GroupTyping:
    """Somebody types in one of our groups, or has paused: to be shown to members of yours."""

    sender: DeviceAddress
    group: GroupId
    users: bytes = field(repr=False)
    is_typing: int


@dataclass(slots=True)
class GroupJoinAsked:
    """Somebody asks to be let into one of our groups; one of yours is its admin."""

    admin: UserId
    group: GroupId
    user: UserId


@dataclass(slots=True)
class AppendEntries:
    """Append these to the log of a group of yours. Answered with EntriesAppended."""

    author: DeviceAddress
    group: GroupId
    entries: Sequence[bytes] = field(repr=False)
    ask: int = 0


@dataclass(slots=True)
class EntriesAppended:
    """They are durable."""

    ask: int
    next: int


@dataclass(slots=True)
class AskToJoin:
    """One of our users wants to be let into a group of yours. Answered with GroupDone."""

    user: UserId
    group: GroupId
    invite: bytes = field(repr=False)
    proof: bytes = field(repr=False)
    ask: int = 0


@dataclass(slots=True)
class DismissJoins:
    """An admin among our users lets none of these into a group of yours. Answered with GroupDone."""

    admin: UserId
    group: GroupId
    users: Sequence[UserId]
    ask: int = 0


@dataclass(slots=True)
class GroupDone:
    """It is durable."""

    ask: int
