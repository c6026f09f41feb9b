"""A group's log as a phone believes it: entries signed by members' devices, checked one by one.

The relay keeps the log and may lie. So each entry must be signed by a device of its author, and the author
must be allowed to do what it does; that a device is a member's shows by its key, which is the member's
primary key itself or stands in a device list that the primary has signed.

What fails is **skipped**: it stays in the chain, which the entries behind it name, and changes nothing.
Whoever it would have brought in is an *intruder*: gets no key, and is shown. All phones find the same, but
for one thing: a member's new primary key (``Rekey``) counts only where the phone knows it as that member's,
from elsewhere. A phone that learns of a new key reads the log again (``replay``).

Not here: the rules (protocol/membership/rules.py), which keys a phone knows (client/groups/).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, NamedTuple

import cbor2
import xeddsa

from protocol.device_list import SignedDeviceList
from protocol.e2e.device_list import verify_device_list
from protocol.e2e.errors import BadLogError, BadStateError, MisuseError, UntrustedDevicesError
from protocol.e2e.keys import KEY_BYTES, IdentityKeyPair
from protocol.ids import DeviceAddress, GroupId, UserId
from protocol.membership import (
    NO_ENTRY,
    Action,
    Add,
    BadEntryError,
    BadGroupStateError,
    Create,
    Entry,
    GroupState,
    Join,
    Rekey,
    SignedEntry,
    UnsupportedEntryError,
    apply,
    decode_signed_entry,
    decode_state,
    entry_hash,
    judge,
    skip,
)

ENTRY_CONTEXT: Final = b"Roost 1 group entry\x00"
"""Precedes an entry in what is signed: no other signature of an identity key can be taken for this one."""

JOIN_CONTEXT: Final = b"Roost 1 group join\x00"
"""Precedes group, user and key in what an invitation's private key signs."""

LOG_VERSION: Final = 1

KeyView = Callable[[UserId, bytes], bool]
"""Whether this phone knows that key as the identity key of that user's primary device, now or once."""


class Flaw(Enum):
    """Why an entry does not count. The values are stable names, for histories and logs."""

    SIGNATURE = "bad-signature"
    """Nobody with the author's key has written it: the relay made it up, or has changed it."""
    DEVICE = "foreign-device"
    """It is signed by a device that the author's primary has not vouched for, or no longer."""
    INVITE = "bad-invite"
    """Whoever joined had the invitation's public key, and not the private one."""
    KEY = "unknown-key"
    """A member is said to have a new phone, whose key this phone does not know."""
    RULE = "not-allowed"
    """The author may not do this: the relay should have refused it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An entry that does not count, for a person to see."""

    index: int
    author: DeviceAddress
    flaw: Flaw
    reason: str
    intruders: tuple[UserId, ...] = ()
    """Whom it would have brought into the group."""


class Vouched(NamedTuple):
    """An entry that a member has told us of, end to end: what leads to it has been checked by them."""

    epoch: int
    """Its index."""
    head: bytes
    """Its hash."""


class Author(NamedTuple):
    """This device, as the author of entries."""

    address: DeviceAddress
    identity: IdentityKeyPair
    device_list: SignedDeviceList | None
    """A companion's account's list; None for a primary device, whose own key is what everybody knows."""


@dataclass(frozen=True, slots=True)
class GroupLog:
    """What a phone believes of a group: the state, and what was found on the way. A value.

    Attributes:
        state: the fold over the entries that count; its ``next_index`` and ``head`` are those of all entries.
        intruders: whom entries that do not count would have brought in, and the index of the last one that
            tried. Nobody here is a member.
        lists: of each author who has written with a companion: primary key, and the highest number of a
            device list. A list with a lower number has been replaced, and the device perhaps been removed.
    """

    state: GroupState
    intruders: Mapping[UserId, int] = field(default_factory=dict)
    lists: Mapping[UserId, tuple[bytes, int]] = field(default_factory=dict, repr=False)

    def encode(self) -> bytes:
        """The stored form."""
        intruders = [[user, index] for user, index in self.intruders.items()]
        lists = [[user, key, number] for user, (key, number) in self.lists.items()]
        return cbor2.dumps([LOG_VERSION, self.state.encode(), intruders, lists])


@dataclass(frozen=True, slots=True)
class Extended:
    """A log with one entry more."""

    log: GroupLog
    entry: Entry
    finding: Finding | None
    """Why the entry does not count; None if it does."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A log that was read from its beginning."""

    log: GroupLog
    findings: tuple[Finding, ...]


def decode_log(stored: bytes) -> GroupLog:
    """Read a stored log.

    Raises:
        BadStateError: it is damaged, or of a later version.
    """
    try:
        version, state, intruders, lists = cbor2.loads(stored)
        if version != LOG_VERSION:
            raise BadStateError(f"a stored group log of version {version}")
        read_lists = {user: (key, number) for user, key, number in lists}
        return GroupLog(decode_state(state), dict(intruders), read_lists)
    except BadStateError:
        raise
    except BadGroupStateError as error:
        raise BadStateError(str(error)) from None
    except Exception:  # whatever else is wrong with the bytes of a disk: they are no log
        raise BadStateError("a stored group log that cannot be read") from None


# --- Writing ---


def draft(state: GroupState | None, group: GroupId, author: Author, time: int, action: Action) -> Entry:
    """The entry by which this device would do that now; ``judge`` says whether it may.

    Args:
        state: the group as it is; None to create it.
        group: which one.
        author: this device.
        time: Unix seconds.
        action: what to do.
    """
    index, previous = (state.next_index, state.head) if state is not None else (0, NO_ENTRY)
    return Entry(group, index, previous, author.address, author.identity.public, time, action)


def sign_entry(author: Author, entry: Entry) -> bytes:
    """Sign an entry; the bytes are what the relay is given.

    Raises:
        MisuseError: it is not this author's.
        BadEntryError: a field is outside its limits, or all together do not fit.
    """
    if (entry.author, entry.author_key) != (author.address, author.identity.public):
        raise MisuseError("an entry is signed by its author")
    encoded = entry.encode()
    signature = author.identity.sign(ENTRY_CONTEXT + encoded)
    return SignedEntry(entry, encoded, signature, author.device_list).encode()


def prove_invite(invite: IdentityKeyPair, group: GroupId, user: UserId, key: bytes) -> bytes:
    """What shows that this user has the invitation: good for nobody else, and for no other group.

    Args:
        invite: the invitation's key pair.
        group: the group.
        user: who joins.
        key: the identity key of their primary device.
    """
    return invite.sign(_join_text(group, user, key))


def is_invite_proved(invite: bytes, proof: bytes, group: GroupId, user: UserId, key: bytes) -> bool:
    """Whether this user has shown to have the invitation with this public key."""
    return _is_signed(proof, invite, _join_text(group, user, key))


# --- Reading ---


def extend(
    log: GroupLog | None,
    group: GroupId,
    signed: bytes,
    is_key_known: KeyView,
    vouched: Vouched | None = None,
) -> Extended:
    """Read the next entry of a log.

    Args:
        log: what is believed so far; None before the first entry.
        group: whose log it is.
        signed: the entry as the relay shows it.
        is_key_known: which keys this phone knows as whose.
        vouched: up to this entry new keys of members are believed: a member has checked them, who was there.

    Raises:
        BadLogError: the entry cannot be the next one: something is missing, or these are two histories, one
            of which is the one that was vouched for.
        UnsupportedEntryError: it is of a later version, so this program cannot say who is a member any more.
    """
    try:
        read = decode_signed_entry(signed)
    except UnsupportedEntryError:
        raise
    except BadEntryError as error:
        raise BadLogError(str(error)) from None
    entry, hash_ = read.entry, entry_hash(signed)
    _check_chain(log, group, entry)
    if vouched is not None and entry.index == vouched.epoch and hash_ != vouched.head:
        raise BadLogError("another history than the one that was vouched for")
    is_vouched = vouched is not None and entry.index <= vouched.epoch
    flaw = _find_flaw(log, read, _believe if is_vouched else is_key_known)
    if flaw is None:
        return Extended(_believed(log, read, hash_), entry, None)
    if log is None:
        raise BadLogError(f"a group that nobody has made: {flaw[1]}")
    finding = Finding(entry.index, entry.author, *flaw, _brought_in(log.state, entry))
    intruders = {**log.intruders, **dict.fromkeys(finding.intruders, entry.index)}
    return Extended(replace(log, state=skip(log.state, hash_), intruders=intruders), entry, finding)


def replay(
    group: GroupId, entries: Iterable[bytes], is_key_known: KeyView, vouched: Vouched | None = None
) -> Replayed:
    """Read a log from its beginning.

    Args:
        group: whose log it is.
        entries: all of them, from index 0 on.
        is_key_known: which keys this phone knows as whose.
        vouched: up to this entry new keys of members are believed: a member has checked them, who was there.

    Raises:
        BadLogError: it is no log, or does not lead to what is vouched for: the relay tells two histories.
        UnsupportedEntryError: an entry is of a later version.
    """
    log: GroupLog | None = None
    findings: list[Finding] = []
    for signed in entries:
        extended = extend(log, group, signed, is_key_known, vouched)
        log = extended.log
        if extended.finding is not None:
            findings.append(extended.finding)
    if log is None or (vouched is not None and log.state.epoch < vouched.epoch):
        raise BadLogError("a log that ends too early")
    return Replayed(log, tuple(findings))


def _believe(_user: UserId, _key: bytes) -> bool:
    return True


def _check_chain(log: GroupLog | None, group: GroupId, entry: Entry) -> None:
    expected = (log.state.next_index, log.state.head) if log is not None else (0, NO_ENTRY)
    if entry.group != group:
        raise BadLogError("an entry of another group")
    if (entry.index, entry.previous) != expected:
        raise BadLogError(f"entry {entry.index} does not follow entry {expected[0] - 1} as it is known here")


def _find_flaw(log: GroupLog | None, read: SignedEntry, is_key_known: KeyView) -> tuple[Flaw, str] | None:
    """Why an entry that is next in the chain does not count."""
    entry, action = read.entry, read.entry.action
    refused = judge(log.state if log is not None else None, entry)
    if refused is not None:
        return Flaw.RULE, refused.reason
    if not _is_signed(read.signature, entry.author_key, ENTRY_CONTEXT + read.encoded):
        return Flaw.SIGNATURE, "its author has not signed it"
    reason = _foreign_device(log, read)
    if reason is not None:
        return Flaw.DEVICE, reason
    if isinstance(action, Join) and not is_invite_proved(
        action.invite, action.proof, entry.group, entry.author.user, action.key
    ):
        return Flaw.INVITE, "who joins does not have the invitation"
    if isinstance(action, Rekey) and not is_key_known(entry.author.user, action.key):
        return Flaw.KEY, "a new key that is not known as the member's"
    return None


def _foreign_device(log: GroupLog | None, read: SignedEntry) -> str | None:
    """Why the author's device is none of the author's; None if it is one."""
    entry = read.entry
    primary_key = _primary_key(log, entry)
    if read.device_list is None:
        return None if entry.author_key == primary_key else "a companion without a device list"
    try:
        device_list = verify_device_list(read.device_list, entry.author.user)
    except UntrustedDevicesError as error:
        return str(error)
    if device_list.primary.identity_key != primary_key:
        return "the device list of another primary device"
    if device_list.key_of(entry.author.device) != entry.author_key:
        return "a device that its account's list does not name"
    if log is not None:
        key, number = log.lists.get(entry.author.user, (primary_key, 0))
        if key == primary_key and device_list.number < number:
            return "a device list that has been replaced"
    return None


def _primary_key(log: GroupLog | None, entry: Entry) -> bytes:
    """The identity key of the author's primary device, by the log or by the entry that brings it."""
    match entry.action:
        case Create(members):
            return members[0].key
        case Join(key=key) | Rekey(key=key):
            return key
        case _:
            assert log is not None  # judge has seen to it
            return log.state.members[entry.author.user].key


def _believed(log: GroupLog | None, read: SignedEntry, hash_: bytes) -> GroupLog:
    """The log behind an entry that counts."""
    entry = read.entry
    state = apply(log.state if log is not None else None, entry, hash_)
    if log is None:
        log = GroupLog(state)
    intruders = {user: index for user, index in log.intruders.items() if user not in state.members}
    lists = log.lists
    if read.device_list is not None:
        device_list = verify_device_list(read.device_list, entry.author.user)
        lists = {**lists, entry.author.user: (device_list.primary.identity_key, device_list.number)}
    return GroupLog(state, intruders, lists)


def _brought_in(state: GroupState, entry: Entry) -> tuple[UserId, ...]:
    """Whom an entry that does not count would have brought in."""
    match entry.action:
        case Add(members):
            named = tuple(member.user for member in members)
        case Join():
            named = (entry.author.user,)
        case _:
            named = ()
    return tuple(user for user in named if user not in state.members)


def _join_text(group: GroupId, user: UserId, key: bytes) -> bytes:
    return JOIN_CONTEXT + group.to_bytes(8, "big") + user.to_bytes(8, "big") + key


def _is_signed(signature: bytes, key: bytes, text: bytes) -> bool:
    return len(key) == KEY_BYTES and xeddsa.ed25519_verify(signature, key, text)
