"""How a group's actor speaks to others: to the workers of its members, and to the devices of its senders.

Functions: each says one thing, to this worker or over the bus.
"""

from collections.abc import Sequence

from protocol import DeviceAddress, GroupAddress, GroupId, JoinAsked, MemberAddress, MessageNumber, UserId
from relay.bus import messages as m
from relay.bus.peer import LIMIT_BYTES
from relay.flight import Flight
from relay.group import porter
from relay.group.fanout import Batch
from relay.group.roster import unpack_users
from relay.worker import Worker
from storage import JournalError, Op
from storage.group_settling import message_of

FANOUT_LIMIT_BYTES = LIMIT_BYTES // 4
"""As far as a worker may be behind to be sent items. For one that was away groups may have more than a link
takes at once: it would end with that, and its next one likewise."""

GroupTick = tuple[DeviceAddress, MessageNumber, MessageNumber]
"""(sender, delivered, read)."""


def carry(worker: Worker, group: GroupId, batch: Batch) -> None:
    """Send items to a worker. What it is not there for, or has no room for yet, is sent again."""
    if batch.worker == worker.store.worker:
        messages = [message_of(group, item) for item in batch.items]
        porter.bring(worker, porter.Arrival(group, batch.behind, batch.users, messages, None, 0))
        return
    peer = worker.bus.peers[batch.worker]
    if peer.behind_bytes >= FANOUT_LIMIT_BYTES:
        return
    items = [
        (
            item.gseq,
            *item.sender,
            item.number,
            item.accepted_at,
            item.expires_at,
            int(item.is_entry),
            item.payload,
        )
        for item in batch.items
    ]
    peer.tell(m.GroupItems(group, batch.behind, batch.users, items))


def carry_activity(
    worker: Worker, number: int, group: GroupId, sender: DeviceAddress, users: bytes, *, is_typing: bool
) -> None:
    """Have a worker's members shown that somebody types, or has paused."""
    if number == worker.store.worker:
        show_activity(worker, group, sender, users, is_typing=is_typing)
    else:
        worker.bus.peers[number].hint(m.GroupTyping(sender, group, users, int(is_typing)))


def show_activity(
    worker: Worker, group: GroupId, sender: DeviceAddress, users: bytes, *, is_typing: bool
) -> None:
    """Show it to those who are online here; not on the device that it comes from."""
    member = MemberAddress(group, *sender)
    for user in unpack_users(users):
        flight = worker.flights.get(user)
        if flight is not None and flight.door is not None:
            flight.door.activity(member, is_typing=is_typing)


def tell_join_asked(worker: Worker, admins: Sequence[UserId], group: GroupId, user: UserId) -> None:
    """Tell the admins who are online that somebody asks to be let in."""
    for admin in admins:
        peer = worker.bus.peer_of(admin)
        if peer is None:
            show_join_asked(worker, admin, group, user)
        else:
            peer.hint(m.GroupJoinAsked(admin, group, user))


def show_join_asked(worker: Worker, admin: UserId, group: GroupId, user: UserId) -> None:
    """Tell the devices of an admin of this worker."""
    flight = worker.flights.get(admin)
    if flight is not None and flight.door is not None:
        for outgoing in flight.door.connections():
            if outgoing.welcomed:
                outgoing.push(JoinAsked(GroupAddress(group), user))


def tell_lost(worker: Worker, chat: GroupAddress) -> None:
    """What other workers' devices had handed to a group's predecessor may be lost: they inquire."""
    worker.bus.tell_all(m.Lost(chat))


def submit_ticks(flight: Flight, chat: GroupAddress, ops: list[Op], told: list[GroupTick]) -> None:
    """Make ticks durable, and tell those who are online then."""

    def done(error: JournalError | None) -> None:
        flight.settled(error)
        if error is not None:
            return
        for sender, delivered, read in told:
            correspondent = flight.correspondent(sender)
            if correspondent is None:
                continue
            if delivered:
                correspondent.delivered(chat, delivered)
            if read:
                correspondent.read(chat, read)

    flight.submit(ops, done)
