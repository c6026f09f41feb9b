"""What an entry of a group's log does: one frozen class for each action, and how its fields are written.

``ACTIONS`` is the table of the wire: number, class, fields. An action has exactly its fields: what a later
version adds needs another version of the entry, because nobody may skip what decides who is a member.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntFlag
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias

from protocol.fields import Bytes, FieldType, ListOf, Record, Uint
from protocol.ids import UserId
from protocol.limits import KEY_BYTES, MAX_UINT63, SIGNATURE_BYTES

MAX_MEMBERS_PER_ENTRY: Final = 512
"""Members that one entry names: with their keys 22 KB. Larger groups begin with two entries."""

MAX_INFO_BYTES: Final = 28_700
"""The sealed name, description and picture: what e2e/group_info.py pads to, with AES-GCM's nonce and tag."""


class Settings(IntFlag):
    """What is reserved to a group's admins beyond its members. None set: the most open group."""

    ADMINS_SEND = 1
    """Only admins send messages."""
    ADMINS_DESCRIBE = 2
    """Only admins change name, description and picture."""
    ADMINS_APPROVE = 4
    """An invitation alone lets nobody in: whoever has one asks, and an admin adds them."""


ALL_SETTINGS: Final = Settings(sum(Settings))


class NewMember(NamedTuple):
    """Somebody who becomes a member, and the identity key of their primary device."""

    user: UserId
    key: bytes


@dataclass(frozen=True, slots=True)
class Create:
    """Begins a group. The author comes first among the members, and is its admin."""

    members: tuple[NewMember, ...]
    settings: Settings
    info: bytes = field(repr=False)
    """Name, description and picture, sealed."""


@dataclass(frozen=True, slots=True)
class Add:
    """Takes people in."""

    members: tuple[NewMember, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    """Puts members out. They come back only if an admin adds them: no invitation lets them in again."""

    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class Promote:
    """Makes members admins."""

    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class Demote:
    """Makes admins plain members; one admin has to stay."""

    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """The author goes. If no admin is left then, the oldest member becomes one."""


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """From now on these settings hold, all of them."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class Describe:
    """A new name, description and picture."""

    info: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Invite:
    """Whoever has the private half of this key may join."""

    key: bytes


@dataclass(frozen=True, slots=True)
class Revoke:
    """An invitation no longer holds."""

    key: bytes


@dataclass(frozen=True, slots=True)
class Join:
    """The author, who is no member, comes in by an invitation."""

    invite: bytes
    """The invitation's public key."""
    proof: bytes
    """A signature by its private half over group and joiner: e2e/membership.py."""
    key: bytes
    """The identity key of the author's primary device."""


@dataclass(frozen=True, slots=True)
class Rekey:
    """The author has registered anew: the primary device, whose entry this is, has another identity key."""

    key: bytes


Action: TypeAlias = (
    Create
    | Add
    | Remove
    | Promote
    | Demote
    | Leave
    | ChangeSettings
    | Describe
    | Invite
    | Revoke
    | Join
    | Rekey
)


@dataclass(frozen=True, slots=True)
class SettingsBits:
    """Settings as a number; a bit that this version does not know would change who may do what."""

    text: str = f"uint 0..{int(ALL_SETTINGS)}, bits"

    def read(self, value: object) -> Settings:
        """Return the settings."""
        return Settings(_BITS.read(int(value) if isinstance(value, Settings) else value))


class ActionSpec:
    """One row of the table.

    Attributes:
        number: the action on the wire.
        action: its class.
        fields: names and types, in wire order.
    """

    __slots__ = ("_get", "action", "fields", "number")

    def __init__(self, number: int, action: type[Any], types: dict[str, FieldType]) -> None:
        self.number = number
        self.action = action
        self.fields = tuple(types.items())
        self._get: Callable[[object], object] = attrgetter(*types) if types else lambda _: ()

    def values(self, action: object) -> tuple[object, ...]:
        """The values of an action's fields, in order."""
        values: Any = self._get(action)
        return values if len(self.fields) != 1 else (values,)


_BITS: Final = Uint(int(ALL_SETTINGS))
_USER: Final = Uint(MAX_UINT63, minimum=1)
_KEY: Final = Bytes(KEY_BYTES, minimum=KEY_BYTES)
_USERS: Final = ListOf(_USER, MAX_MEMBERS_PER_ENTRY)
_MEMBERS: Final = ListOf(Record(NewMember, (("user", _USER), ("key", _KEY))), MAX_MEMBERS_PER_ENTRY)
_INFO: Final = Bytes(MAX_INFO_BYTES)

ACTIONS: Final = (
    ActionSpec(0, Create, {"members": _MEMBERS, "settings": SettingsBits(), "info": _INFO}),
    ActionSpec(1, Add, {"members": _MEMBERS}),
    ActionSpec(2, Remove, {"users": _USERS}),
    ActionSpec(3, Promote, {"users": _USERS}),
    ActionSpec(4, Demote, {"users": _USERS}),
    ActionSpec(5, Leave, {}),
    ActionSpec(6, ChangeSettings, {"settings": SettingsBits()}),
    ActionSpec(7, Describe, {"info": _INFO}),
    ActionSpec(8, Invite, {"key": _KEY}),
    ActionSpec(9, Revoke, {"key": _KEY}),
    ActionSpec(10, Join, {"invite": _KEY, "proof": Bytes(SIGNATURE_BYTES, SIGNATURE_BYTES), "key": _KEY}),
    ActionSpec(11, Rekey, {"key": _KEY}),
)

ACTION_BY_NUMBER: Final = {spec.number: spec for spec in ACTIONS}
ACTION_BY_CLASS: Final[dict[type[Any], ActionSpec]] = {spec.action: spec for spec in ACTIONS}
