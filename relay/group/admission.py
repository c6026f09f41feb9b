"""Who may say what in a group, and which entries its log takes: decisions on values, without signatures.

The rules are those of protocol/membership, by which phones go too; here they are applied to who a connection
has proved to be. Whether a signature is right is found out by the phones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from protocol import DeviceAddress, ErrorCode, GroupId, UserId
from protocol.membership import (
    Add,
    BadEntryError,
    Create,
    Entry,
    GroupState,
    Join,
    Refusal,
    Settings,
    UnsupportedEntryError,
    apply,
    decode_signed_entry,
    entry_hash,
    judge,
)

_CODES = {
    Refusal.NOT_A_MEMBER: ErrorCode.NOT_A_MEMBER,
    Refusal.NOT_ALLOWED: ErrorCode.NOT_ALLOWED,
    Refusal.GROUP_FULL: ErrorCode.GROUP_FULL,
    Refusal.NO_SUCH_GROUP: ErrorCode.NO_SUCH_GROUP,
    Refusal.LOG_MOVED: ErrorCode.LOG_MOVED,
    Refusal.BAD_ENTRY: ErrorCode.BAD_ENTRY,
    Refusal.ALREADY_THERE: ErrorCode.ALREADY_THERE,
}


@dataclass(frozen=True, slots=True)
class Refused:
    """What is not taken, and why."""

    code: ErrorCode
    detail: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An entry that is taken, and the group after it."""

    signed: bytes
    entry: Entry
    state: GroupState


def judge_message(state: GroupState | None, user: UserId, epoch: int) -> Refused | None:
    """What is wrong with a message of a user; None if it may go to the members.

    Args:
        state: the group as it is.
        user: who sends it.
        epoch: the newest entry that the sender's device has applied. If somebody has left since, the message
            is encrypted with a key that they have.
    """
    if state is None or not state.members:
        return Refused(ErrorCode.NO_SUCH_GROUP)
    if user not in state.members:
        return Refused(ErrorCode.NOT_A_MEMBER)
    if not state.may_send(user):
        return Refused(ErrorCode.NOT_ALLOWED)
    if epoch < state.departed_at:
        return Refused(ErrorCode.STALE_MEMBERS, state.epoch)
    return None


def judge_entries(
    state: GroupState | None, group: GroupId, author: DeviceAddress, entries: Sequence[bytes]
) -> list[Step] | Refused:
    """Go through entries one by one: the steps if all may be appended, else what is wrong with the first.

    Args:
        state: the group as it is; None if there is none of this name.
        group: which group they are for.
        author: the device that asks; each entry must be its own.
        entries: as they came.
    """
    steps: list[Step] = []
    for signed in entries:
        try:
            entry = decode_signed_entry(signed).entry
        except (BadEntryError, UnsupportedEntryError):
            return Refused(ErrorCode.BAD_ENTRY)
        refused = _judge_entry(state, group, author, entry)
        if refused is not None:
            return refused
        state = apply(state, entry, entry_hash(signed))
        steps.append(Step(signed, entry, state))
    return steps if steps else Refused(ErrorCode.BAD_ENTRY)


def _judge_entry(
    state: GroupState | None, group: GroupId, author: DeviceAddress, entry: Entry
) -> Refused | None:
    if entry.group != group or entry.author != author:
        return Refused(ErrorCode.BAD_ENTRY)
    refused = judge(state, entry)
    if refused is None:
        return None
    if refused.why is Refusal.LOG_MOVED:
        return Refused(ErrorCode.LOG_MOVED, state.next_index if state is not None else 0)
    if refused.why is Refusal.NOT_ALLOWED and isinstance(entry.action, Join) and state is not None:
        return Refused(why_no_join(state, entry.author.user, entry.action.invite))
    return Refused(_CODES[refused.why])


def why_no_join(state: GroupState, user: UserId, invite: bytes) -> ErrorCode:
    """Why an invitation does not let somebody in."""
    if invite not in state.invites:
        return ErrorCode.NO_SUCH_INVITE
    if Settings.ADMINS_APPROVE in state.settings and user not in state.barred:
        return ErrorCode.APPROVAL_NEEDED
    return ErrorCode.NOT_ALLOWED


def holds_invite(state: GroupState, digest: bytes | None) -> bool:
    """Whether the SHA-256 of an invitation's public key is that of one that holds."""
    return digest is not None and any(sha256(key).digest() == digest for key in state.invites)


def may_read_log(state: GroupState, user: UserId, digest: bytes | None) -> bool:
    """Whether somebody may read the log: members, and whoever holds an invitation."""
    return user in state.members or holds_invite(state, digest)


def judge_join_request(
    state: GroupState | None, user: UserId, digest: bytes, waiting: int, limit: int
) -> Refused | None:
    """What is wrong with somebody's wish to be let in; None if the admins are to be asked."""
    if state is None or not state.members:
        return Refused(ErrorCode.NO_SUCH_GROUP)
    if user in state.members:
        return Refused(ErrorCode.ALREADY_THERE)
    if not holds_invite(state, digest):
        return Refused(ErrorCode.NO_SUCH_INVITE)
    return Refused(ErrorCode.GROUP_FULL) if waiting >= limit else None


def newcomers(step: Step) -> list[UserId]:
    """Who comes in by an entry."""
    action = step.entry.action
    if isinstance(action, (Create, Add)):
        return [member.user for member in action.members]
    return [step.entry.author.user] if isinstance(action, Join) else []
