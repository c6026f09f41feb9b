"""The stanzas of groups: messages to them, their log of members, who asks to be let in.

A group has one timeline: 1, 2, 3, ... (gseq) numbers its messages and the entries of its log together, and
every member gets both in that order, as `Deliver`. Ticks are those of every chat, with the group as `chat`.
The relay keeps the log's rules, but knows no signature: clients check all of it.
"""

from dataclasses import dataclass

from protocol.ids import GroupAddress, GroupId, GroupSeq, MessageNumber, UserId
from protocol.stanzas.values import JoinRequest, MemberProgress


@dataclass(frozen=True, slots=True)
class SendGroup:
    """A message for all members of a group; answered as a Send is."""

    chat: GroupAddress
    number: MessageNumber
    epoch: int
    """The newest entry of the log that the sender has applied; refused if somebody left since."""
    ciphertext: bytes
    life_s: int | None = None
    """How long the relay may keep it for a member, if that is less than the relay's own time."""


@dataclass(frozen=True, slots=True)
class AppendEntries:
    """Append these signed entries to a group's log, all or none; index 0 creates the group."""

    request: int
    group: GroupId
    entries: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class EntriesAppended:
    """They are on disk, and everybody will get them."""

    request: int
    next: int
    """The index of the next entry."""


@dataclass(frozen=True, slots=True)
class FetchLog:
    """Let me have the log of a group from this index on."""

    request: int
    group: GroupId
    first: int
    invite: bytes | None = None
    """SHA-256 of an invitation's public key: whoever has it may read the log before they join."""


@dataclass(frozen=True, slots=True)
class Log:
    """As many entries as fit, in order."""

    request: int
    entries: tuple[bytes, ...]
    next: int
    """The index behind the log's last entry: there are more if it is above `first` and these together."""


@dataclass(frozen=True, slots=True)
class FetchGroupProgress:
    """Who has this message of mine, and who has read it?"""

    request: int
    group: GroupId
    number: MessageNumber


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """Its place in the timeline, and how far each member is who was there and is still."""

    request: int
    gseq: GroupSeq
    members: tuple[MemberProgress, ...]


@dataclass(frozen=True, slots=True)
class RequestJoin:
    """Ask the admins of a group to be let in, where the invitation alone is not enough."""

    request: int
    group: GroupId
    invite: bytes
    """SHA-256 of the invitation's public key."""
    proof: bytes
    """For the admins; the relay does not look at it."""


@dataclass(frozen=True, slots=True)
class JoinRequested:
    """It is kept until an admin has decided; who is let in hears so by an entry of the log."""

    request: int


@dataclass(frozen=True, slots=True)
class FetchJoinRequests:
    """Who asks to be let in? For admins."""

    request: int
    group: GroupId


@dataclass(frozen=True, slots=True)
class JoinRequests:
    """Those who ask, the first one first."""

    request: int
    requests: tuple[JoinRequest, ...]


@dataclass(frozen=True, slots=True)
class DismissJoins:
    """These are not let in; forget that they have asked."""

    request: int
    group: GroupId
    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class JoinsDismissed:
    """They are forgotten; nobody is told."""

    request: int


@dataclass(frozen=True, slots=True)
class JoinAsked:
    """Somebody asks to be let in. Pushed to admins who are connected, never stored."""

    chat: GroupAddress
    user: UserId
