"""Members of a group for tests: phones with true keys, companions with device lists, the log they write."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from protocol.device_list import DeviceList, ListedDevice
from protocol.e2e.device_list import sign_device_list
from protocol.e2e.keys import IdentityKeyPair
from protocol.e2e.membership import (
    Author,
    Extended,
    GroupLog,
    draft,
    extend,
    prove_invite,
    sign_entry,
)
from protocol.ids import DeviceAddress, DeviceId, GroupId, UserId
from protocol.membership import Action, Create, Entry, Join, NewMember, Settings

GROUP = GroupId(0x6702)
INFO = b"sealed"
TIME = 1_790_000_000
INVITE = IdentityKeyPair.from_seed(bytes(32))


def identity(user: UserId, device: int) -> IdentityKeyPair:
    """The same key for the same device, always."""
    return IdentityKeyPair.from_seed(sha256(b"%d.%d" % (user, device)).digest())


def phone(user: UserId, device: int = 1) -> Author:
    """A primary device."""
    return Author(DeviceAddress(user, DeviceId(device)), identity(user, device), None)


def companion(
    user: UserId, device: int = 2, number: int = 1, primary: int = 1, listed: bool = True
) -> Author:
    """A companion, with the ``number``-th list of its account, which names it or does not."""
    rows = [primary, device] if listed else [primary]
    devices = tuple(ListedDevice(DeviceId(each), identity(user, each).public) for each in rows)
    signed = sign_device_list(identity(user, primary), DeviceList(user, number, TIME, devices))
    return Author(DeviceAddress(user, DeviceId(device)), identity(user, device), signed)


def member(user: UserId) -> NewMember:
    """Somebody, as they are added."""
    return NewMember(user, identity(user, 1).public)


def join(user: UserId, invite: IdentityKeyPair = INVITE, device: int = 1) -> Join:
    """What somebody does who has an invitation."""
    key = identity(user, device).public
    return Join(invite.public, prove_invite(invite, GROUP, user, key), key)


def knows_all(_user: UserId, _key: bytes) -> bool:
    """A phone that believes all keys."""
    return True


def knows_none(_user: UserId, _key: bytes) -> bool:
    """A phone that knows nobody."""
    return False


@dataclass
class Scribe:
    """Writes a log as the relay keeps it, and reads it as a phone does."""

    log: GroupLog | None = None
    entries: list[bytes] = field(default_factory=list)
    knows: Callable[[UserId, bytes], bool] = knows_all

    @classmethod
    def of(cls, *users: UserId, settings: Settings | None = None) -> "Scribe":
        """A group that the first of these has made."""
        scribe = cls()
        scribe.add(phone(users[0]), Create(tuple(map(member, users)), settings or Settings(0), INFO))
        return scribe

    @property
    def read(self) -> GroupLog:
        """The log as it is believed."""
        assert self.log is not None
        return self.log

    def draft(self, author: Author, action: Action) -> Entry:
        """The entry that this author would write now."""
        return draft(self.log.state if self.log else None, GROUP, author, TIME, action)

    def add(self, author: Author, action: Action) -> Extended:
        """One entry more, by whomever."""
        return self.take(sign_entry(author, self.draft(author, action)))

    def take(self, signed: bytes) -> Extended:
        """One entry more, whatever it is."""
        extended = extend(self.log, GROUP, signed, self.knows)
        self.entries.append(signed)
        self.log = extended.log
        return extended
