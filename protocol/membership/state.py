"""What a group's log comes to: who is in, who is admin, which settings and invitations hold. A value.

Relay and phone keep the same state and change it by the same rules (rules.py). It never changes itself; an
entry makes a new one. Its stored form spares both to fold a long log again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, NamedTuple

import cbor2

from protocol.codec import decode_cbor
from protocol.errors import MalformedError
from protocol.fields import Bytes, FieldError, FieldType, ListOf, Record, Uint
from protocol.ids import GroupId, UserId
from protocol.limits import KEY_BYTES, MAX_UINT63
from protocol.membership.actions import ALL_SETTINGS, Settings
from protocol.membership.entry import HASH_BYTES
from protocol.membership.errors import BadGroupStateError

STATE_VERSION: Final = 1


class Role(IntEnum):
    """What a member may do."""

    MEMBER = 0
    ADMIN = 1


class Member(NamedTuple):
    """One member of a group."""

    key: bytes
    """The identity key of the member's primary device, by the log's word."""
    role: Role
    joined: int
    """The index of the entry by which they came in."""

    @property
    def is_admin(self) -> bool:
        """Whether this is one of the group's admins."""
        return self.role is Role.ADMIN


@dataclass(frozen=True, slots=True)
class GroupState:
    """The fold over a group's log up to one entry.

    Attributes:
        next_index: what the next entry has to be.
        head: the hash of the newest signed entry: what the next one names as the one before it.
        members: the oldest first; empty: everybody has left, and the group is over.
        invites: the public keys of the invitations that hold, the oldest first.
        barred: who was removed by an admin, and by which entry; no invitation lets them in.
        described_at: the index of the newest entry with name, description and picture.
        departed_at: the index of the newest entry by which somebody left, was removed, or got a new phone.
            A sender key that is older must not be used any more, nor a message sent with an older epoch.
    """

    group: GroupId
    next_index: int
    head: bytes = field(repr=False)
    members: Mapping[UserId, Member] = field(repr=False)
    settings: Settings
    invites: tuple[bytes, ...] = field(default=(), repr=False)
    barred: Mapping[UserId, int] = field(default_factory=dict, repr=False)
    described_at: int = 0
    departed_at: int = 0

    @property
    def epoch(self) -> int:
        """The index of the newest entry."""
        return self.next_index - 1

    @property
    def admins(self) -> tuple[UserId, ...]:
        """The admins, the oldest member first."""
        return tuple(user for user, member in self.members.items() if member.is_admin)

    def is_admin(self, user: UserId) -> bool:
        """Whether this user is a member and an admin."""
        member = self.members.get(user)
        return member is not None and member.is_admin

    def may_send(self, user: UserId) -> bool:
        """Whether this user may write to the group."""
        return user in self.members and (Settings.ADMINS_SEND not in self.settings or self.is_admin(user))

    def may_describe(self, user: UserId) -> bool:
        """Whether this user may say what the group is called, and what holds in it for messages."""
        is_open = Settings.ADMINS_DESCRIBE not in self.settings
        return user in self.members and (is_open or self.is_admin(user))

    def encode(self) -> bytes:
        """The stored form."""
        members = [[user, *member] for user, member in self.members.items()]
        barred = [[user, index] for user, index in self.barred.items()]
        fields = [self.group, self.next_index, self.head, members, int(self.settings), list(self.invites)]
        return cbor2.dumps([STATE_VERSION, *fields, barred, self.described_at, self.departed_at])


class _StoredMember(NamedTuple):
    user: UserId
    key: bytes
    role: int
    joined: int


_INDEX: Final = Uint(MAX_UINT63)
_ID: Final = Uint(MAX_UINT63, minimum=1)
_KEY: Final = Bytes(KEY_BYTES, minimum=KEY_BYTES)
_MANY: Final = 2**32  # a state is our own word: what it may hold was decided when it was made
_MEMBER: Final = Record(_StoredMember, (("user", _ID), ("key", _KEY), ("role", Uint(1)), ("joined", _INDEX)))
_BARRED: Final = Record(lambda *fields: fields, (("user", _ID), ("index", _INDEX)))

# After the version, in order.
_FIELDS: Final[tuple[FieldType, ...]] = (
    _ID,
    _INDEX,
    Bytes(HASH_BYTES, minimum=HASH_BYTES),
    ListOf(_MEMBER, _MANY),
    Uint(int(ALL_SETTINGS)),
    ListOf(_KEY, _MANY),
    ListOf(_BARRED, _MANY),
    _INDEX,
    _INDEX,
)


def decode_state(stored: bytes) -> GroupState:
    """Read a stored state.

    Raises:
        BadGroupStateError: it is damaged, or of a later version.
    """
    try:
        fields: Any = decode_cbor(stored)
    except MalformedError:
        raise BadGroupStateError("a stored group that is not CBOR") from None
    if not isinstance(fields, tuple) or len(fields) != 1 + len(_FIELDS) or fields[0] != STATE_VERSION:
        raise BadGroupStateError(f"a stored group that is not of version {STATE_VERSION}")
    try:
        read: Any = [kind.read(value) for kind, value in zip(_FIELDS, fields[1:], strict=True)]
    except FieldError as error:
        raise BadGroupStateError(f"a stored group: {error}") from None
    group, next_index, head, members, settings, invites, barred, described_at, departed_at = read
    roles = {user: Member(key, Role(role), joined) for user, key, role, joined in members}
    return GroupState(
        group, next_index, head, roles, Settings(settings), invites, dict(barred), described_at, departed_at
    )
