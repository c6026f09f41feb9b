"""The rules of a group's log: who may do what, and what becomes of the group. Pure; tables and folds.

``judge`` says what is wrong with an entry, ``apply`` makes the next state of one with which nothing is. Relay
and phones go by these same rules, so an honest relay takes no entry that phones would refuse.

Rule 1: an entry names the next index and the hash of the entry before it.
Rule 2: members are added by admins, or come by an invitation that an admin has made.
Rule 3: whoever was removed comes back only through an admin.
Rule 4: a group has an admin as long as it has a member: if the last one leaves, the oldest member is it.
Rule 5: a group that everybody has left is over.

Not here: signatures (protocol/e2e/membership.py), and whether the author is who the connection says (relay).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Final

from protocol.ids import UserId
from protocol.limits import MAX_GROUP_MEMBERS
from protocol.membership.actions import (
    Action,
    Add,
    ChangeSettings,
    Create,
    Demote,
    Describe,
    Invite,
    Join,
    Leave,
    NewMember,
    Promote,
    Rekey,
    Remove,
    Revoke,
    Settings,
)
from protocol.membership.entry import NO_ENTRY, Entry
from protocol.membership.errors import RefusedEntryError
from protocol.membership.state import GroupState, Member, Role

MAX_INVITES: Final = 16
"""Invitations that hold at one time."""


class Refusal(Enum):
    """Why an entry is not taken; the names are those of the wire's error codes."""

    NOT_A_MEMBER = auto()
    NOT_ALLOWED = auto()
    GROUP_FULL = auto()
    NO_SUCH_GROUP = auto()
    LOG_MOVED = auto()
    """The author did not know the newest entry: fetch what is missing, and try again."""
    BAD_ENTRY = auto()
    ALREADY_THERE = auto()
    """What the entry asks for is so already."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry is not taken."""

    why: Refusal
    reason: str
    """For a person."""


class Who(Enum):
    """Whose an action is."""

    OUTSIDER = auto()
    """Somebody who is not a member."""
    MEMBER = auto()
    DESCRIBER = auto()
    """An admin, or any member if the settings let them describe the group."""
    ADMIN = auto()


# {action: whose it is}; Create has no group yet.
WHO: Final[dict[type[Action], Who]] = {
    Add: Who.ADMIN,
    Remove: Who.ADMIN,
    Promote: Who.ADMIN,
    Demote: Who.ADMIN,
    Leave: Who.MEMBER,
    ChangeSettings: Who.ADMIN,
    Describe: Who.DESCRIBER,
    Invite: Who.ADMIN,
    Revoke: Who.ADMIN,
    Join: Who.OUTSIDER,
    Rekey: Who.MEMBER,
}


def judge(state: GroupState | None, entry: Entry) -> Refused | None:
    """What is wrong with an entry; None if it may be appended.

    Args:
        state: the group as it is; None if there is no such group yet.
        entry: what somebody wants to append. That the author is its author is for the caller to know.
    """
    if state is None:
        return _judge_first(entry)
    if entry.group != state.group:
        return Refused(Refusal.BAD_ENTRY, "it is about another group")
    if isinstance(entry.action, Create):
        return Refused(Refusal.ALREADY_THERE, "there is such a group already")
    if (entry.index, entry.previous) != (state.next_index, state.head):
        return Refused(Refusal.LOG_MOVED, f"the next entry is number {state.next_index}")
    if not state.members:
        return Refused(Refusal.NO_SUCH_GROUP, "everybody has left this group")
    return _judge_author(state, entry) or _CHECKS[type(entry.action)](state, entry, entry.action)


def apply(state: GroupState | None, entry: Entry, hash_: bytes) -> GroupState:
    """The group after an entry.

    Args:
        state: the group as it is; None if the entry creates it.
        entry: an entry with which ``judge`` finds nothing wrong.
        hash_: ``entry_hash`` of its signed bytes.

    Raises:
        RefusedEntryError: it does find something wrong.
    """
    refused = judge(state, entry)
    if refused is not None:
        raise RefusedEntryError(f"{refused.why.name}: {refused.reason}")
    action = entry.action
    if state is None:
        assert isinstance(action, Create)  # nothing else passes as a first entry
        members = {member.user: Member(member.key, Role.MEMBER, 0) for member in action.members}
        members[entry.author.user] = members[entry.author.user]._replace(role=Role.ADMIN)
        return GroupState(entry.group, 1, hash_, members, action.settings)
    return replace(_STEPS[type(action)](state, entry, action), next_index=entry.index + 1, head=hash_)


def skip(state: GroupState, hash_: bytes) -> GroupState:
    """The group after an entry that stands in the log and must not count.

    For a phone whose relay has taken what it should not have: the log goes on behind it, the group stays.
    """
    return replace(state, next_index=state.next_index + 1, head=hash_)


# --- What is wrong ---


def _judge_first(entry: Entry) -> Refused | None:
    action = entry.action
    if not isinstance(action, Create):
        return Refused(Refusal.NO_SUCH_GROUP, "there is no such group")
    if entry.index != 0 or entry.previous != NO_ENTRY:
        return Refused(Refusal.BAD_ENTRY, "a group begins with entry 0, which has none before it")
    if not action.members or action.members[0].user != entry.author.user:
        return Refused(Refusal.BAD_ENTRY, "its creator is the first member of a group")
    return _judge_names(member.user for member in action.members)


def _judge_author(state: GroupState, entry: Entry) -> Refused | None:
    user, who = entry.author.user, WHO[type(entry.action)]
    if who is Who.OUTSIDER:
        return Refused(Refusal.ALREADY_THERE, "the author is a member") if user in state.members else None
    if user not in state.members:
        return Refused(Refusal.NOT_A_MEMBER, "the author is not a member")
    admins_only = who is Who.ADMIN or (who is Who.DESCRIBER and Settings.ADMINS_DESCRIBE in state.settings)
    if admins_only and not state.is_admin(user):
        return Refused(Refusal.NOT_ALLOWED, "only admins may do this")
    return None


def _judge_names(users: Iterable[UserId]) -> Refused | None:
    named = list(users)
    if not named:
        return Refused(Refusal.BAD_ENTRY, "it names nobody")
    if len(dict.fromkeys(named)) < len(named):
        return Refused(Refusal.BAD_ENTRY, "it names somebody twice")
    return None


def _judge_members(state: GroupState, users: tuple[UserId, ...]) -> Refused | None:
    if not all(user in state.members for user in users):
        return Refused(Refusal.NOT_A_MEMBER, "it names somebody who is not a member")
    return _judge_names(users)


def _judge_room(state: GroupState, newcomers: int) -> Refused | None:
    if len(state.members) + newcomers > MAX_GROUP_MEMBERS:
        return Refused(Refusal.GROUP_FULL, f"a group has up to {MAX_GROUP_MEMBERS} members")
    return None


def _judge_add(state: GroupState, _entry: Entry, action: Add) -> Refused | None:
    if any(member.user in state.members for member in action.members):
        return Refused(Refusal.ALREADY_THERE, "it adds somebody who is a member")
    return _judge_names(member.user for member in action.members) or _judge_room(state, len(action.members))


def _judge_remove(state: GroupState, entry: Entry, action: Remove) -> Refused | None:
    if entry.author.user in action.users:
        return Refused(Refusal.BAD_ENTRY, "who wants to go leaves")
    return _judge_members(state, action.users)


def _judge_promote(state: GroupState, _entry: Entry, action: Promote) -> Refused | None:
    if any(state.is_admin(user) for user in action.users):
        return Refused(Refusal.ALREADY_THERE, "it promotes somebody who is an admin")
    return _judge_members(state, action.users)


def _judge_demote(state: GroupState, _entry: Entry, action: Demote) -> Refused | None:
    refused = _judge_members(state, action.users)
    if refused is not None:
        return refused
    if not all(state.is_admin(user) for user in action.users):
        return Refused(Refusal.ALREADY_THERE, "it demotes somebody who is no admin")
    if len(action.users) == len(state.admins):
        return Refused(Refusal.NOT_ALLOWED, "one admin has to stay")
    return None


def _judge_settings(state: GroupState, _entry: Entry, action: ChangeSettings) -> Refused | None:
    if action.settings == state.settings:
        return Refused(Refusal.ALREADY_THERE, "these settings hold already")
    return None


def _judge_invite(state: GroupState, _entry: Entry, action: Invite) -> Refused | None:
    if action.key in state.invites:
        return Refused(Refusal.ALREADY_THERE, "there is such an invitation already")
    if len(state.invites) >= MAX_INVITES:
        return Refused(Refusal.NOT_ALLOWED, f"a group has up to {MAX_INVITES} invitations")
    return None


def _judge_revoke(state: GroupState, _entry: Entry, action: Revoke) -> Refused | None:
    if action.key not in state.invites:
        return Refused(Refusal.ALREADY_THERE, "there is no such invitation any more")
    return None


def _judge_join(state: GroupState, entry: Entry, action: Join) -> Refused | None:
    if action.invite not in state.invites:
        return Refused(Refusal.NOT_ALLOWED, "this invitation does not hold any more")
    if Settings.ADMINS_APPROVE in state.settings:
        return Refused(Refusal.NOT_ALLOWED, "the admins decide who joins")
    if entry.author.user in state.barred:
        return Refused(Refusal.NOT_ALLOWED, "who was removed is let in by an admin only")
    return _judge_room(state, 1)


def _judge_rekey(state: GroupState, entry: Entry, action: Rekey) -> Refused | None:
    if action.key != entry.author_key:
        return Refused(Refusal.BAD_ENTRY, "the new primary device itself says what its key is")
    if action.key == state.members[entry.author.user].key:
        return Refused(Refusal.ALREADY_THERE, "this is the member's key already")
    return None


def _nothing_more(_state: GroupState, _entry: Entry, _action: Any) -> None:
    return None


# {action: what else must hold, once the author may do such things}
_CHECKS: Final[dict[type[Action], Callable[[GroupState, Entry, Any], Refused | None]]] = {
    Add: _judge_add,
    Remove: _judge_remove,
    Promote: _judge_promote,
    Demote: _judge_demote,
    Leave: _nothing_more,
    ChangeSettings: _judge_settings,
    Describe: _nothing_more,
    Invite: _judge_invite,
    Revoke: _judge_revoke,
    Join: _judge_join,
    Rekey: _judge_rekey,
}


# --- What becomes of the group ---


def _add(state: GroupState, entry: Entry, action: Add) -> GroupState:
    return _with_newcomers(state, entry.index, action.members)


def _join(state: GroupState, entry: Entry, action: Join) -> GroupState:
    return _with_newcomers(state, entry.index, (NewMember(entry.author.user, action.key),))


def _with_newcomers(state: GroupState, index: int, newcomers: tuple[NewMember, ...]) -> GroupState:
    added = {member.user: Member(member.key, Role.MEMBER, index) for member in newcomers}
    return replace(state, members={**state.members, **added}, barred=_without(state.barred, added))


def _remove(state: GroupState, entry: Entry, action: Remove) -> GroupState:
    removed = dict.fromkeys(action.users, entry.index)
    members = _without(state.members, removed)
    return replace(state, members=members, barred={**state.barred, **removed}, departed_at=entry.index)


def _leave(state: GroupState, entry: Entry, _action: Leave) -> GroupState:
    members = _without(state.members, {entry.author.user: None})
    if members and not any(member.is_admin for member in members.values()):
        oldest = next(iter(members))
        members[oldest] = members[oldest]._replace(role=Role.ADMIN)
    return replace(state, members=members, departed_at=entry.index)


def _promote(state: GroupState, _entry: Entry, action: Promote) -> GroupState:
    return _with_role(state, action.users, Role.ADMIN)


def _demote(state: GroupState, _entry: Entry, action: Demote) -> GroupState:
    return _with_role(state, action.users, Role.MEMBER)


def _with_role(state: GroupState, users: tuple[UserId, ...], role: Role) -> GroupState:
    changed = {user: state.members[user]._replace(role=role) for user in users}
    return replace(state, members={**state.members, **changed})  # each keeps its place


def _change_settings(state: GroupState, _entry: Entry, action: ChangeSettings) -> GroupState:
    return replace(state, settings=action.settings)


def _describe(state: GroupState, entry: Entry, _action: Describe) -> GroupState:
    return replace(state, described_at=entry.index)


def _invite(state: GroupState, _entry: Entry, action: Invite) -> GroupState:
    return replace(state, invites=(*state.invites, action.key))


def _revoke(state: GroupState, _entry: Entry, action: Revoke) -> GroupState:
    return replace(state, invites=tuple(key for key in state.invites if key != action.key))


def _rekey(state: GroupState, entry: Entry, action: Rekey) -> GroupState:
    user = entry.author.user
    members = {**state.members, user: state.members[user]._replace(key=action.key)}
    return replace(state, members=members, departed_at=entry.index)  # the old phone may be in other hands


def _without(mapping: Mapping[UserId, Any], users: Mapping[UserId, Any]) -> dict[UserId, Any]:
    return {user: value for user, value in mapping.items() if user not in users}


# {action: how it changes the group}
_STEPS: Final[dict[type[Action], Callable[[GroupState, Entry, Any], GroupState]]] = {
    Add: _add,
    Remove: _remove,
    Promote: _promote,
    Demote: _demote,
    Leave: _leave,
    ChangeSettings: _change_settings,
    Describe: _describe,
    Invite: _invite,
    Revoke: _revoke,
    Join: _join,
    Rekey: _rekey,
}
