"""What every table allows and nobody may do: to other people's groups, devices, ticks, accounts and numbers.

Each crime is a stanza of an account that has nothing to do with its victims, and the refusals that would be
right; what is one-way has no refusal, and must have no effect. Whether anything was touched is seen by the
victims (estate.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from faults.real.estate import Estate
from faults.real.rogues import Account, register_item
from protocol import (
    Address,
    DeviceAddress,
    DeviceId,
    ErrorCode,
    GroupAddress,
    UserId,
    address_to_bytes,
    stanzas,
)
from protocol.codec import WireItem
from protocol.device_list import DeviceList, ListedDevice
from protocol.limits import MAX_UINT32, MAX_UINT63
from protocol.membership import (
    Action,
    Add,
    Create,
    Demote,
    Entry,
    Join,
    Leave,
    NewMember,
    Promote,
    Remove,
    Settings,
    SignedEntry,
    entry_hash,
)
from protocol.schema import SPEC_OF_CLASS

FRIEND, VICTIM, VICTIMS_DEVICE, GROUP = 0, 2, 4, 6
"""Handles: the intruder's own other account, one victim and a device of theirs, and the victims' group."""

_REQUEST: Final = 5
_KEY: Final = b"k" * 32
_SIGNATURE: Final = b"s" * 64

_NUMBER: Final = {cls: spec.number for cls, spec in SPEC_OF_CLASS.items()}


@dataclass(frozen=True, slots=True)
class Crime:
    """One, and what the relay may say of it; nothing if it need not say anything."""

    what: str
    item: WireItem
    codes: frozenset[ErrorCode] = frozenset()
    as_stranger: bool = False


def binds(estate: Estate, friend: Account) -> list[WireItem]:
    """What an intruder says first, so that it can speak of its victims."""
    victim = estate.addresses[0]
    group = GroupAddress(estate.group)
    bound: dict[int, Address] = {
        FRIEND: UserId(friend.user),
        VICTIM: victim.user,
        VICTIMS_DEVICE: victim,
        GROUP: group,
    }
    return [(_NUMBER[stanzas.Bind], handle, address_to_bytes(each)) for handle, each in bound.items()]


def crimes(estate: Estate, culprit: Account, next_number: int) -> list[Crime]:
    """All of them, by an account that is not in the estate.

    Args:
        estate: what there is to be taken.
        culprit: who does it.
        next_number: of the culprit's messages to its friend.
    """
    return [
        *_against_the_group(estate, DeviceAddress(UserId(culprit.user), DeviceId(culprit.device))),
        *_against_accounts(estate, culprit),
        *_against_ticks(),
        *_against_numbers(next_number),
    ]


def _crime(what: str, item: WireItem, *codes: ErrorCode, as_stranger: bool = False) -> Crime:
    return Crime(what, item, frozenset(codes), as_stranger)


# ---- groups that one is no member of ----


def _against_the_group(estate: Estate, culprit: DeviceAddress) -> Iterator[Crime]:
    group, n = estate.group, _NUMBER
    me, victim = culprit.user, estate.addresses[0]
    for epoch in (0, MAX_UINT32):
        yield _crime(
            f"a message to a group of others, epoch {epoch}",
            (n[stanzas.SendGroup], GROUP, 1, epoch, b"let me in"),
            ErrorCode.NOT_A_MEMBER,
        )
    yield _crime(
        "the log of a group of others", (n[stanzas.FetchLog], _REQUEST, group, 0), ErrorCode.NOT_A_MEMBER
    )
    yield _crime(
        "the log, by an invitation that there is not",
        (n[stanzas.FetchLog], _REQUEST, group, 0, _KEY),
        ErrorCode.NO_SUCH_INVITE,
    )
    yield _crime(
        "who has what in a group of others",
        (n[stanzas.FetchGroupProgress], _REQUEST, group, 1),
        ErrorCode.NOT_A_MEMBER,
    )
    yield _crime(
        "asking to be let in, by an invitation that there is not",
        (n[stanzas.RequestJoin], _REQUEST, group, _KEY, b"proof"),
        ErrorCode.NO_SUCH_INVITE,
    )
    yield _crime(
        "who asks to be let in", (n[stanzas.FetchJoinRequests], _REQUEST, group), ErrorCode.NOT_ALLOWED
    )
    yield _crime(
        "dismissing who asks",
        (n[stanzas.DismissJoins], _REQUEST, group, (me,)),
        ErrorCode.NOT_ALLOWED,
        ErrorCode.NOT_A_MEMBER,
    )
    yield _crime("typing in a group of others", (n[stanzas.Typing], GROUP))
    yield _crime("having read a group of others", (n[stanzas.Read], GROUP, MAX_UINT63))
    yield from _entries(estate, culprit, victim)


def _entries(estate: Estate, culprit: DeviceAddress, victim: DeviceAddress) -> Iterator[Crime]:
    """Entries for the log: as oneself, in the name of a member, at a place that is taken."""
    me = culprit.user
    mine = (NewMember(me, _KEY),)
    refused = (
        ErrorCode.NOT_A_MEMBER,
        ErrorCode.NOT_ALLOWED,
        ErrorCode.BAD_ENTRY,
        ErrorCode.NO_SUCH_INVITE,
        ErrorCode.ALREADY_THERE,
    )
    actions: list[Action] = [
        Add(mine),
        Remove((victim.user,)),
        Promote((me,)),
        Demote((victim.user,)),
        Leave(),
        Join(_KEY, _SIGNATURE, _KEY),
        Create(mine, Settings(0), b"mine"),
    ]
    for action in actions:
        name = type(action).__name__
        for author, whose in ((culprit, "by a stranger to it"), (victim, "in the name of its admin")):
            entry = _entry(estate, author, action)
            yield _append(f"{name} in a group of others, {whose}", estate, [entry], *refused)
    moved = (ErrorCode.LOG_MOVED, *refused)
    anew = _entry(estate, culprit, Create(mine, Settings(0), b"mine"), index=0)
    yield _append("a group that there is, made anew", estate, [anew], *moved)
    yield _append("its own first entry, as mine", estate, estate.log[:1], *moved)
    yield _append("no entry at all", estate, [], ErrorCode.BAD_ENTRY)
    yield _append("no sense", estate, [b"\xff" * 100, b"\x80"], ErrorCode.BAD_ENTRY)
    far = _entry(estate, culprit, Add(mine), index=MAX_UINT32 - 1)
    yield _append("an entry far ahead", estate, [far], *moved)


def _entry(estate: Estate, author: DeviceAddress, action: Action, index: int | None = None) -> bytes:
    place = len(estate.log) if index is None else index
    before = entry_hash(estate.log[-1])
    entry = Entry(estate.group, place, before, author, _KEY, 0, action)
    return SignedEntry(entry, entry.encode(), _SIGNATURE).encode()


def _append(what: str, estate: Estate, entries: Sequence[bytes], *codes: ErrorCode) -> Crime:
    item = (_NUMBER[stanzas.AppendEntries], _REQUEST, estate.group, tuple(entries))
    return _crime(what, item, *codes)


# ---- accounts, devices, links ----


def _against_accounts(estate: Estate, culprit: Account) -> Iterator[Crime]:
    n = _NUMBER
    victim, phone = estate.addresses[0], estate.owners[0].phone
    bad_list = (ErrorCode.BAD_DEVICE_LIST, ErrorCode.OLD_DEVICE_LIST, ErrorCode.NOT_PRIMARY)
    for user, device, whose in (
        (victim.user, victim.device, "of somebody else"),
        (UserId(culprit.user), DeviceId(99), "of a device that there is not"),
    ):
        listed = DeviceList(user, MAX_UINT63, 0, (ListedDevice(device, b"i" * 32),)).encode()
        yield _crime(
            f"a device list {whose}", (n[stanzas.PublishDevices], _REQUEST, listed, _SIGNATURE), *bad_list
        )
    yield _crime(
        "a device list of no sense", (n[stanzas.PublishDevices], _REQUEST, b"\x80", _SIGNATURE), *bad_list
    )
    yield _crime("leaving as the primary", (n[stanzas.LeaveAccount], _REQUEST), ErrorCode.BAD_DEVICE_LIST)
    yield _crime(
        "deleting the account of another number",
        (n[stanzas.DeleteAccount], _REQUEST, phone),
        ErrorCode.INVALID_NUMBER,
    )
    yield _crime(
        "taking another's number without a code",
        (n[stanzas.ChangeNumber], _REQUEST, phone, "000000"),
        ErrorCode.CODE_EXPIRED,
        ErrorCode.INVALID_CODE,
        ErrorCode.TOO_MANY_GUESSES,
    )
    yield _crime(
        "registering another's number without a code",
        register_item(_REQUEST, phone, "000000"),
        ErrorCode.CODE_EXPIRED,
        ErrorCode.INVALID_CODE,
        ErrorCode.TOO_MANY_GUESSES,
        as_stranger=True,
    )
    yield _crime(
        "registering once more", register_item(_REQUEST, phone, "000000"), ErrorCode.ALREADY_REGISTERED
    )
    yield from _against_links()


def _against_links() -> Iterator[Crime]:
    n, link = _NUMBER, b"l" * 16
    gone = (ErrorCode.LINK_GONE, ErrorCode.LINK_CANCELLED, ErrorCode.LINK_TAKEN)
    yield _crime("a link that there is not", (n[stanzas.ClaimLink], _REQUEST, link, b"x"), *gone)
    yield _crime("a nameplate that there is not", (n[stanzas.ClaimLink], _REQUEST, "ZZZ", b"x"), *gone)
    for stanza, rest in (
        (stanzas.PollLink, (link,)),
        (stanzas.CancelLink, (link,)),
        (stanzas.AnswerLink, (link, b"x")),
    ):
        name = f"{stanza.__name__} of a link that there is not"
        yield _crime(name, (n[stanza], _REQUEST, *rest), *gone)
        yield _crime(f"{name}, as a stranger", (n[stanza], _REQUEST, *rest), *gone, as_stranger=True)
    complete = (n[stanzas.CompleteLink], _REQUEST, link, b"i" * 32, 1, b"s" * 32, b"g" * 64, ())
    yield _crime("completing a link that there is not", complete, *gone, as_stranger=True)


# ---- ticks about others, and numbers ----


def _against_ticks() -> Iterator[Crime]:
    n = _NUMBER
    yield _crime("having read what never came", (n[stanzas.Read], VICTIMS_DEVICE, MAX_UINT63))
    yield _crime("having stored what never came", (n[stanzas.Ack], MAX_UINT63))
    yield _crime("having stored less than before", (n[stanzas.Ack], 1))


def _against_numbers(next_number: int) -> Iterator[Crime]:
    n = _NUMBER
    for number in (next_number + 1, 2**40, MAX_UINT63):
        yield _crime(
            f"message number {number}", (n[stanzas.Send], FRIEND, number, b"x"), ErrorCode.OUT_OF_ORDER
        )
    parts: list[tuple[str, tuple[Any, ...]]] = [
        ("a device that there is not", ((99, b"x"),)),
        ("no device", ()),
        ("one device twice", ((1, b"x"), (1, b"y"))),
        ("a device too many", ((1, b"x"), (2, b"y"))),
    ]
    for what, value in parts:
        item = (n[stanzas.Send], FRIEND, next_number, value)
        yield _crime(f"a message for {what}", item, ErrorCode.STALE_DEVICES)
