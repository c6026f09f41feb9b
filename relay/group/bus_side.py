"""What is done when other workers have something for groups of this one, or for members here."""

from typing import Any

from actors import MailboxFullError
from protocol import (
    DeviceAddress,
    DeviceId,
    ErrorCode,
    GroupAddress,
    GroupId,
    GroupSeq,
    MemberAddress,
    MessageNumber,
    SendGroup,
    UserId,
)
from relay.bus import messages as m
from relay.bus.peer import Peer
from relay.bus.remote import RemoteSource
from relay.group import delivering, porter
from relay.group.groups import Groups
from relay.group.handle import GroupSubmission
from relay.mailbox_handle import Settle
from relay.worker import Worker
from storage.mailboxes import GroupMessage


def register(worker: Worker) -> None:
    """Have it done. What a group has no room for is refused, or asked for again by those who wait for it."""
    groups = Groups(worker)

    def submit(peer: Peer, message: m.SubmitGroup) -> None:
        chat = GroupAddress(message.group)
        sends = [SendGroup(chat, *numbered) for numbered in message.messages]
        source = RemoteSource(peer, message.sender, message.connection)
        if not _tell(groups, message.group, GroupSubmission(message.sender, source, sends)):
            for send in sends:
                source.refused(chat, send.number, ErrorCode.WAIT, 1)

    def reached(_peer: Peer, message: m.GroupReached) -> None:
        tell_reached(groups, message.group, [(mark[0], mark[1], mark[2]) for mark in message.marks])

    def activity(_peer: Peer, message: m.GroupActivity) -> None:
        group = groups.running(message.group)
        if group is not None:
            group.activity(message.sender, is_typing=bool(message.is_typing))

    def arrived(_peer: Peer, message: m.GroupArrived) -> None:
        group = groups.running(message.group)
        if group is not None:
            group.arrived(message.worker, message.gseq, list(message.gone))

    def ready(peer: Peer) -> None:
        for group in list(worker.group_flights):
            running = groups.running(group)
            if running is not None:
                running.resend(peer.number)

    def items(peer: Peer, message: m.GroupItems) -> None:
        messages = [_message(message.group, item) for item in message.items]
        arrival = porter.Arrival(message.group, message.behind, message.users, messages, peer, peer.era)
        porter.bring(worker, arrival)

    def typing(_peer: Peer, message: m.GroupTyping) -> None:
        is_typing = bool(message.is_typing)
        delivering.show_activity(worker, message.group, message.sender, message.users, is_typing=is_typing)

    def join_asked(_peer: Peer, message: m.GroupJoinAsked) -> None:
        delivering.show_join_asked(worker, message.admin, message.group, message.user)

    worker.arrivals.inquire_of_group = lambda peer, message, chat: inquire(worker, peer, message, chat)
    worker.bus.on(m.SubmitGroup, submit)
    worker.bus.on(m.GroupReached, reached)
    worker.bus.on(m.GroupActivity, activity)
    worker.bus.on(m.GroupArrived, arrived)
    worker.bus.on(m.GroupItems, items)
    worker.bus.on(m.GroupTyping, typing)
    worker.bus.on(m.GroupJoinAsked, join_asked)
    worker.bus.on_ready("groups", ready)


def inquire(worker: Worker, peer: Peer, message: m.Inquire, chat: GroupAddress) -> None:
    """A device of another worker waits for what may be lost. If nobody can say, it connects anew."""
    source = RemoteSource(peer, message.sender, message.connection, message.round)
    settle = Settle(message.sender, source, message.submitted)
    if not _tell(Groups(worker), chat.group, settle):
        peer.tell(m.Close(message.sender, ErrorCode.OVERLOADED))


def tell_reached(groups: Groups, group: GroupId, marks: list[tuple[UserId, int, int]]) -> None:
    """How far members are, to a group of this worker. It is started for it: somebody may wait for ✓✓."""
    handle = groups.get_nowait(group)
    if handle is not None:
        handle.reached(marks)


def _tell(groups: Groups, group: GroupId, message: object) -> bool:
    handle = groups.get_nowait(group)
    if handle is None:
        return False
    try:
        handle.ref.tell_nowait(message)
    except MailboxFullError:
        return False
    return True


def _message(group: GroupId, item: Any) -> GroupMessage:
    gseq, user, device, number, accepted_at, expires_at, is_entry, payload = item
    return GroupMessage(
        MemberAddress(group, UserId(user), DeviceId(device)),
        GroupSeq(gseq),
        MessageNumber(number),
        accepted_at,
        expires_at,
        bool(is_entry),
        payload,
    )


def remote_reached(worker: Worker, group: GroupId, marks: list[tuple[UserId, int, int]]) -> None:
    """How far members of this worker are, to their group, wherever it lives."""
    peer = worker.bus.peer_of(GroupAddress(group))
    if peer is None:
        tell_reached(Groups(worker), group, marks)
    else:
        peer.tell(m.GroupReached(group, marks))


def typing_of(worker: Worker, sender: DeviceAddress, group: GroupId, *, is_typing: bool) -> None:
    """A device of this worker types in a group, or has paused."""
    peer = worker.bus.peer_of(GroupAddress(group))
    if peer is not None:
        peer.hint(m.GroupActivity(sender, group, int(is_typing)))
    elif (handle := Groups(worker).get_nowait(group)) is not None:
        handle.activity(sender, is_typing=is_typing)
