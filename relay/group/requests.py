"""What a device may ask of groups: one function for each request, as in requests.py.

The log and everybody's marks are durable state, which any worker reads; what changes something is asked of
the group's own actor, wherever it lives.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from protocol import (
    AppendEntries,
    DismissJoins,
    EntriesAppended,
    ErrorCode,
    FetchGroupProgress,
    FetchJoinRequests,
    FetchLog,
    GroupAddress,
    GroupId,
    GroupProgress,
    GroupTicks,
    JoinRequest,
    JoinRequested,
    JoinRequests,
    JoinsDismissed,
    Log,
    MemberProgress,
    RequestJoin,
    Stanza,
    UserId,
)
from protocol.limits import MAX_ENTRIES_PER_REQUEST, MAX_JOIN_REQUESTS
from protocol.membership import GroupState, decode_state
from relay.asker import Asker
from relay.bus import messages as m
from relay.errors import RefusalError
from relay.group.admission import may_read_log
from relay.group.groups import Groups
from relay.worker import Worker
from storage import groups
from storage.progress import load_progress

LOG_BYTES = 60 * 1024
"""Entries in one answer: they fit a frame."""


async def _append(asker: Asker, request: AppendEntries) -> EntriesAppended:
    assert asker.device is not None  # the protocol lets no stranger do any of this
    asker.worker.limits.check_change(asker.device.user, trio.current_time())
    peer = asker.worker.bus.peer_of(GroupAddress(request.group))
    if peer is not None:
        answer: m.EntriesAppended = await peer.ask(
            m.AppendEntries(asker.device, request.group, request.entries)
        )
        return EntriesAppended(request.request, answer.next)
    group = await Groups(asker.worker).get(request.group)
    return EntriesAppended(request.request, await group.append(asker.device, request.entries))


async def _fetch_log(asker: Asker, request: FetchLog) -> Log:
    assert asker.device is not None
    state = _state_of(asker.worker, request.group)
    if not may_read_log(state, asker.device.user, request.invite):
        raise RefusalError(ErrorCode.NOT_A_MEMBER if request.invite is None else ErrorCode.NO_SUCH_INVITE)
    with asker.worker.reader_of(UserId(request.group)) as reader:
        entries = groups.read_entries(
            reader, request.group, request.first, MAX_ENTRIES_PER_REQUEST, LOG_BYTES
        )
    return Log(request.request, tuple(entries), state.next_index)


async def _fetch_progress(asker: Asker, request: FetchGroupProgress) -> GroupProgress:
    """Of those who were there when it was said, and are still; not of the asker, whose message it is."""
    assert asker.device is not None
    worker, group = asker.worker, request.group
    state = _state_of(worker, group)
    if asker.device.user not in state.members:
        raise RefusalError(ErrorCode.NOT_A_MEMBER)
    with worker.reader_of(UserId(group)) as reader:
        gseq = groups.load_number(reader, group, asker.device, request.number)
        members = groups.load_members(reader, group)
    if gseq is None:
        raise RefusalError(ErrorCode.NO_SUCH_REQUEST)
    there = [
        user
        for user in state.members
        if user != asker.device.user and user in members and members[user].hears(gseq)
    ]
    return GroupProgress(request.request, gseq, tuple(_progress_of(worker, user, group) for user in there))


def _progress_of(worker: Worker, user: UserId, group: GroupId) -> MemberProgress:
    with worker.reader_of(user) as reader:
        mark = groups.load_mark(reader, user, group)
    return MemberProgress(user, mark.delivered, mark.read)


async def _request_join(asker: Asker, request: RequestJoin) -> JoinRequested:
    assert asker.device is not None
    user = asker.device.user
    asker.worker.limits.check_change(user, trio.current_time())
    peer = asker.worker.bus.peer_of(GroupAddress(request.group))
    if peer is not None:
        await peer.ask(m.AskToJoin(user, request.group, request.invite, request.proof))
    else:
        group = await Groups(asker.worker).get(request.group)
        await group.ask_to_join(user, request.invite, request.proof)
    return JoinRequested(request.request)


async def _fetch_join_requests(asker: Asker, request: FetchJoinRequests) -> JoinRequests:
    assert asker.device is not None
    if not _state_of(asker.worker, request.group).is_admin(asker.device.user):
        raise RefusalError(ErrorCode.NOT_ALLOWED)
    with asker.worker.reader_of(UserId(request.group)) as reader:
        asks = groups.list_joins(reader, request.group)[:MAX_JOIN_REQUESTS]
    return JoinRequests(request.request, tuple(JoinRequest(user, ask.proof) for user, ask in asks))


async def _dismiss(asker: Asker, request: DismissJoins) -> JoinsDismissed:
    assert asker.device is not None
    user = asker.device.user
    peer = asker.worker.bus.peer_of(GroupAddress(request.group))
    if peer is not None:
        await peer.ask(m.DismissJoins(user, request.group, request.users))
    else:
        await (await Groups(asker.worker).get(request.group)).dismiss(user, request.users)
    return JoinsDismissed(request.request)


def _state_of(worker: Worker, group: GroupId) -> GroupState:
    with worker.reader_of(UserId(group)) as reader:
        stored = groups.load_group(reader, group)
    if stored is None:
        raise RefusalError(ErrorCode.NO_SUCH_GROUP)
    return decode_state(stored)


def ticks_of(asker: Asker, asked: tuple[GroupId, ...]) -> tuple[GroupTicks, ...]:
    """How far the messages of a device to these groups are, as the disk has it; what rises later is pushed.

    A group is started if some of them are not ticked by everybody: what it was not told of, it reads.
    """
    assert asker.device is not None
    worker, ticks = asker.worker, []
    for group in asked:
        with worker.reader_of(UserId(group)) as reader:
            row = load_progress(reader, UserId(group), asker.device)
        ticks.append(GroupTicks(group, row.accepted, row.delivered, row.read))
        if row.delivered < row.accepted and worker.bus.peer_of(GroupAddress(group)) is None:
            Groups(worker).get_nowait(group)
    outgoing = worker.presence.of_device(asker.device)
    if outgoing is not None:
        worker.abroad.remember(outgoing, [GroupAddress(group) for group in asked])
    return tuple(ticks)


# {request: who answers it}
ANSWERS: dict[type, Callable[[Asker, Any], Awaitable[Stanza]]] = {
    AppendEntries: _append,
    FetchLog: _fetch_log,
    FetchGroupProgress: _fetch_progress,
    RequestJoin: _request_join,
    FetchJoinRequests: _fetch_join_requests,
    DismissJoins: _dismiss,
}
