"""What the phone's groups take and give: frozen records, and the names of states that are stored.

No record shows a key, a name or a description in its ``repr``.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from protocol.e2e.group_info import GroupInfo
from protocol.ids import GroupId, UserId
from protocol.membership.actions import Settings


class Standing(IntEnum):
    """How this account stands to a group. The values are stored: never change one."""

    UNKNOWN = 0
    """Something of the group has come and its log has not: nobody can say yet."""
    MEMBER = 1
    LEFT = 2
    """It has gone by itself."""
    REMOVED = 3
    ASKING = 4
    """It has asked to be let in by an invitation, and an admin has to say."""


class WishState(IntEnum):
    """What has become of something that a person wants done with a group. Stored as well."""

    DUE = 0
    DONE = 1
    """The relay has it on disk, and everybody will get it."""
    REFUSED = 2
    ASKED = 3
    """A wish to join that needs an admin's yes."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as this phone knows them."""

    user: UserId
    phone: str | None = None
    name: str | None = field(default=None, repr=False)
    """What they call themselves, by their profile; nobody vouches for it."""
    book_name: str | None = field(default=None, repr=False)
    """What they are called in the address book."""
    is_self: bool = False


@dataclass(frozen=True, slots=True)
class GroupMember:
    """Somebody who is in a group by the word of its admins."""

    person: Person
    is_admin: bool
    is_key_known: bool
    """Whether the key that the log has for them is the one that this phone knows as theirs.

    If not, they are given no sender key: they have registered anew and their new phone has not said so
    yet, or somebody lies.
    """


@dataclass(frozen=True, slots=True)
class Group:
    """A group as this phone knows it."""

    id: GroupId
    name: str = field(repr=False)
    standing: Standing
    info: GroupInfo
    members: tuple[GroupMember, ...]
    """In the order in which they came; empty while the log is not here."""
    settings: Settings
    has_invite: bool
    """Whether an invitation holds, of whichever admin."""
    next_index: int
    """How many entries of the log are known."""
    problem: str | None
    """Why the relay's log of the group is not believed, if it is not."""

    @property
    def is_member(self) -> bool:
        """Whether this account is in it."""
        return self.standing is Standing.MEMBER

    @property
    def own(self) -> GroupMember | None:
        """This account's place among the members."""
        return next((member for member in self.members if member.person.is_self), None)

    @property
    def is_admin(self) -> bool:
        """Whether this account is one of its admins."""
        own = self.own
        return own is not None and own.is_admin


class GroupStep(IntEnum):
    """What a line of the history says of a group. Stored in no file: worked out of the log."""

    CREATED = 0
    ADDED = 1
    REMOVED = 2
    PROMOTED = 3
    DEMOTED = 4
    LEFT = 5
    SETTINGS = 6
    DESCRIBED = 7
    INVITED = 8
    REVOKED = 9
    JOINED = 10
    REKEYED = 11
    INTRUDER = 20
    """Something came from somebody whom no admin has let in."""
    FORGED = 21
    """The relay showed a change that nobody who may has signed."""


@dataclass(frozen=True, slots=True)
class GroupChange:
    """A change of a group, for the history."""

    step: GroupStep
    author: Person | None
    people: tuple[Person, ...] = ()
    """Whom it concerns beside the author."""
    name: str | None = field(default=None, repr=False)
    """The group's name from here on, if it says one."""
    settings: Settings | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody who asks to be let in."""

    person: Person
    has_link: bool
    """Whether they have shown an invitation that holds."""


@dataclass(frozen=True, slots=True)
class MemberTick:
    """How far one member is with a message of ours."""

    person: Person
    has_it: bool
    has_read: bool
