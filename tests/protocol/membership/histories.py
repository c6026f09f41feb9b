"""Groups for tests: people with short numbers, entries without a true signature, and the state after them."""

from hashlib import sha256

from protocol.ids import DeviceAddress, DeviceId, GroupId, UserId
from protocol.membership import (
    NO_ENTRY,
    Action,
    Create,
    Entry,
    GroupState,
    NewMember,
    Refused,
    Rekey,
    Settings,
    SignedEntry,
    apply,
    entry_hash,
    judge,
)

GROUP = GroupId(0x6702)
ANNA, BEN, CARA, DAN, EVE = (UserId(number) for number in range(1, 6))
INFO = b"sealed"
TIME = 1_790_000_000
OPEN = Settings(0)


def key_of(user: UserId, phone: int = 1) -> bytes:
    """The identity key of somebody's ``phone``-th primary device."""
    return sha256(b"%d %d" % (user, phone)).digest()


def member(user: UserId) -> NewMember:
    """Somebody, as they are added."""
    return NewMember(user, key_of(user))


def next_entry(state: GroupState | None, author: UserId, action: Action) -> Entry:
    """What this author would append to the group as it is."""
    index, previous = (state.next_index, state.head) if state else (0, NO_ENTRY)
    key = action.key if isinstance(action, Rekey) else key_of(author)
    return Entry(GROUP, index, previous, DeviceAddress(author, DeviceId(1)), key, TIME + index, action)


def signed(entry: Entry) -> bytes:
    """The entry as it travels, with 64 bytes in the signature's place."""
    return SignedEntry(entry, entry.encode(), bytes(64)).encode()


def judged(state: GroupState | None, author: UserId, action: Action) -> Refused | None:
    """What the rules say of it."""
    return judge(state, next_entry(state, author, action))


def after(state: GroupState | None, author: UserId, action: Action) -> GroupState:
    """The group after it."""
    entry = next_entry(state, author, action)
    return apply(state, entry, entry_hash(signed(entry)))


def group_of(*users: UserId, settings: Settings = OPEN) -> GroupState:
    """A group that the first of these has made."""
    return after(None, users[0], Create(tuple(map(member, users)), settings, INFO))
