"""What a person wants done with a group, kept until the relay has it.

Any process may want something; the phone of the home brings it to the relay (sync.py), where the group may
have changed meanwhile: a wish says what is to be so, and becomes an entry of the log when its turn comes.
One that is so already is done.
"""

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import cbor2

from actors.ports import Clock
from client.database import Database
from client.groups.records import WishState
from protocol.ids import GroupId, UserId
from protocol.membership import Settings


@dataclass(frozen=True, slots=True)
class WishCreate:
    """A new group of these people and us."""

    users: tuple[UserId, ...]
    settings: Settings
    name: str = field(repr=False)
    description: str = field(repr=False)
    picture: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class WishAdd:
    """These are to be members."""

    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class WishRemove:
    """These are not."""

    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class WishPromote:
    """These are to be admins."""

    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class WishDemote:
    """These are not."""

    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class WishLeave:
    """This account is to be no member any more."""


@dataclass(frozen=True, slots=True)
class WishSettings:
    """These settings are to hold, and those not."""

    on: Settings
    off: Settings


@dataclass(frozen=True, slots=True)
class WishDescribe:
    """The group is to be called so; None leaves something as it is, an empty picture takes it away."""

    name: str | None = field(repr=False)
    description: str | None = field(repr=False)
    picture: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class WishInvite:
    """Whoever has the invitation with this seed may join."""

    seed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WishRevoke:
    """No invitation is to hold any more."""


@dataclass(frozen=True, slots=True)
class WishJoin:
    """This account is to be a member, by an invitation."""

    seed: bytes = field(repr=False)
    info_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WishRekey:
    """The log is to have this account's present key."""


@dataclass(frozen=True, slots=True)
class WishDismiss:
    """These, who have asked to be let in, are not."""

    users: tuple[UserId, ...]


Wish: TypeAlias = (
    WishCreate
    | WishAdd
    | WishRemove
    | WishPromote
    | WishDemote
    | WishLeave
    | WishSettings
    | WishDescribe
    | WishInvite
    | WishRevoke
    | WishJoin
    | WishRekey
    | WishDismiss
)

# In the file of the store: the place in this list is a wish's number, so it only grows at its end.
_KINDS: Final[tuple[type[Any], ...]] = (
    WishCreate,
    WishAdd,
    WishRemove,
    WishPromote,
    WishDemote,
    WishLeave,
    WishSettings,
    WishDescribe,
    WishInvite,
    WishRevoke,
    WishJoin,
    WishRekey,
    WishDismiss,
)


@dataclass(frozen=True, slots=True)
class DueWish:
    """A wish that the relay has not heard yet."""

    row: int
    group: GroupId
    wish: Wish


@dataclass(frozen=True, slots=True)
class WishOutcome:
    """What has become of one."""

    state: WishState
    error_name: str | None


def encode_wish(wish: Wish) -> bytes:
    """The stored form."""
    values = [getattr(wish, name) for name in type(wish).__dataclass_fields__]
    plain = [int(value) if isinstance(value, Settings) else value for value in values]
    return cbor2.dumps([_KINDS.index(type(wish)), *plain])


def decode_wish(stored: bytes) -> Wish:
    """Read the stored form, which is our own word."""
    number, *values = cbor2.loads(stored)
    kind = _KINDS[number]
    if kind is WishSettings:
        return WishSettings(*map(Settings, values))
    if kind is WishCreate:
        users, settings, *rest = values
        return WishCreate(tuple(users), Settings(settings), *rest)
    read: Wish = kind(*(tuple(value) if isinstance(value, list) else value for value in values))
    return read


class Wishes:
    """The table ``group_wishes``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add(self, group: GroupId, wish: Wish) -> int:
        """Want something; returns the number by which its outcome can be asked for."""
        row = self._database.execute(
            "INSERT INTO group_wishes (group_id, wish, wanted_at) VALUES (?, ?, ?)",
            group,
            encode_wish(wish),
            self._clock.now(),
        ).lastrowid
        assert row is not None, "an INSERT has a row"
        return row

    def due(self) -> list[DueWish]:
        """What the relay has not heard, in the order in which it was wanted."""
        rows = self._database.rows("SELECT * FROM group_wishes WHERE state = 0 ORDER BY row")
        return [DueWish(row["row"], GroupId(row["group_id"]), decode_wish(row["wish"])) for row in rows]

    def is_any_due(self) -> bool:
        """Whether there is something to bring."""
        return self._database.value("SELECT 1 FROM group_wishes WHERE state = 0 LIMIT 1") is not None

    def wants(self, group: GroupId, kind: type[Wish]) -> bool:
        """Whether something of a kind is wanted of a group already."""
        return any(each.group == group and isinstance(each.wish, kind) for each in self.due())

    def settle(self, row: int, state: WishState, error_name: str | None = None) -> None:
        """Note what has become of one; what it held (keys, names) leaves the disk."""
        self._database.execute(
            "UPDATE group_wishes SET state = ?, error_name = ?, wish = x'' WHERE row = ?",
            state,
            error_name,
            row,
        )

    def keep(self, row: int) -> None:
        """It is done, and what it held is needed on: an invitation, to be shown again."""
        self._database.execute("UPDATE group_wishes SET state = ? WHERE row = ?", WishState.DONE, row)

    def kept(self, group: GroupId) -> list[bytes]:
        """What was kept of a group's wishes, the newest first."""
        rows = self._database.rows(
            "SELECT wish FROM group_wishes WHERE group_id = ? AND state = ? AND wish <> x''"
            " ORDER BY row DESC",
            group,
            WishState.DONE,
        )
        return [row["wish"] for row in rows]

    def forget_invites(self, group: GroupId) -> None:
        """No invitation of ours holds any more."""
        self._database.execute(
            "UPDATE group_wishes SET wish = x'' WHERE group_id = ? AND state = ?", group, WishState.DONE
        )

    def outcome(self, row: int) -> WishOutcome:
        """What has become of one so far."""
        found = self._database.row("SELECT state, error_name FROM group_wishes WHERE row = ?", row)
        assert found is not None, "wishes are never deleted"
        return WishOutcome(WishState(found["state"]), found["error_name"])
