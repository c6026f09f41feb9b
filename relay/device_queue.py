"""What one device is owed: its queue's numbers, its window, and where the next delivery comes from.

Pure: no actor, no store, no clock. `relay/mailbox.py` owns one for each device of its user, tells it what
happened, and does what it says. The messages themselves are on disk; here are only numbers, the deliveries
in flight, and the newest messages while the device keeps up.

    acked ≤ sent ≤ durable < next_seq

Invariants: every delivery in `in_flight` has acked < seq ≤ sent, in order; every message in `fresh` has a
seq above `sent`, in order; what is above `durable` is never sent.
"""

from collections import deque
from dataclasses import dataclass

from protocol import DeviceAddress, GroupSeq, MemberAddress, MessageNumber, Seq
from relay.delivery import QUEUE_TRANSITIONS, QueueEvent, QueueState, window_has_room
from storage import Op, Reader, mailboxes
from storage.expiry_walk import Expired, Walk, expire
from storage.mailboxes import DeviceCursor, Queued, Taken


# One is built for every delivery, so it is slotted and not frozen: freezing triples the cost.
@dataclass(slots=True)
class InFlight:
    """A delivery that the device has not acknowledged."""

    seq: Seq
    sender: DeviceAddress | MemberAddress
    number: MessageNumber | GroupSeq
    """What the sender counts it as; in a group, its place in the timeline."""
    size: int


class DeviceQueue:
    """The queue of one device."""

    __slots__ = (
        "_dropped",
        "_expiry_walk",
        "_given",
        "_in_flight_bytes",
        "_window_bytes",
        "_window_messages",
        "address",
        "cursor",
        "durable",
        "fresh",
        "in_flight",
        "landed",
        "sent",
        "state",
    )

    def __init__(
        self, address: DeviceAddress, cursor: DeviceCursor, *, window_messages: int, window_bytes: int
    ) -> None:
        """`cursor` is as the store has it: everything in it is durable."""
        self.address = address
        self.cursor = cursor  # as it will be when everything that was submitted is durable
        self.state = QueueState.OFFLINE
        self.durable = cursor.next_seq - 1  # the highest seq that is on disk
        self.landed = 0  # messages that have become durable since `take_landed`; flight.py counts them
        self.sent: int = cursor.acked_seq  # the highest seq given to the present connection
        # Two deques while there is something in them, for an empty one is 760 bytes, and most are empty.
        self.in_flight: deque[InFlight] | tuple[()] = ()  # at most the window
        # Messages that go out from memory once they are durable. At most the window: a device that is
        # further behind is served from the disk.
        self.fresh: deque[tuple[Seq, Queued]] | tuple[()] = ()
        self._in_flight_bytes = 0
        self._expiry_walk: Walk | None = None  # while one is under way, and after the first
        self._dropped: dict[Seq, None] | tuple[()] = ()  # seqs that the latest step of it takes off the disk
        self._given = 0  # the present connection has seen everything up to here
        self._window_messages = window_messages
        self._window_bytes = window_bytes

    def append(self, message: Queued) -> Op:
        """Give the next message its seq; returns what makes it durable, together with `put_cursor`.

        Nothing is sent before that. The message is kept in memory if the device is keeping up.
        """
        seq = self.cursor.next_seq
        self.cursor, put = mailboxes.append_one_of_several(self.address, self.cursor, message)
        if self.state is QueueState.ONLINE:
            if len(self.fresh) < self._window_messages:
                fresh = self.fresh or deque()
                fresh.append((seq, message))
                self.fresh = fresh
            else:
                self._fall_behind()
        return put

    def put_cursor(self) -> Op:
        """What makes durable how far the queue has come: once for all messages of a submission."""
        return mailboxes.put_cursor(self.address, self.cursor)

    def count_on_from(self, seq: int) -> list[Op]:
        """Give no number up to `seq` to a message any more: the device says that it has seen so many.

        It has seen more than were ever given away only if the store was set back to an older state. Returns
        what makes it durable.
        """
        jump = seq + 1 - self.cursor.next_seq
        if jump <= 0:
            return []
        self.cursor = mailboxes.count_on_from(self.cursor, seq)
        self.durable += jump  # what is on its way to the disk stays as far behind as it was
        return [mailboxes.put_cursor(self.address, self.cursor)]

    def take_landed(self) -> None:
        """What has become durable may be sent from now on: so many more seqs.

        A count and not a seq, because `count_on_from` may have moved the seqs meanwhile.
        """
        self.durable += self.landed
        self.landed = 0

    def attach(self, *, given: int) -> None:
        """A connection of the device is here; deliveries start again after what is acknowledged.

        Args:
            given: the highest seq that is on the device already, or on its way through this connection: up to
                there deliveries count as in flight without being sent again.
        """
        self._move(QueueEvent.ATTACHED)
        self._start_over()
        self._given = given

    def detach(self) -> None:
        """The connection has ended: nothing is kept in memory for the device."""
        self._move(QueueEvent.DETACHED)
        self._start_over()

    @property
    def wants_delivery(self) -> bool:
        """Whether something durable may be sent now."""
        return (
            self.sent < self.durable
            and self.state is not QueueState.OFFLINE
            and window_has_room(
                len(self.in_flight),
                self._in_flight_bytes,
                messages=self._window_messages,
                size=self._window_bytes,
            )
        )

    @property
    def room(self) -> tuple[int, int]:
        """How many more messages, and bytes of them, the window takes."""
        return self._window_messages - len(self.in_flight), self._window_bytes - self._in_flight_bytes

    def next_fresh(self) -> Queued | None:
        """The message after `sent`, if it is in memory; None means: read it from the disk."""
        if self.fresh and self.fresh[0][0] == self.sent + 1:
            message = self.fresh.popleft()[1]
            self.fresh = self.fresh or ()
            return message
        return None

    def launch(self, seq: Seq, message: Queued) -> bool:
        """Count a delivery as in flight; says whether it must be sent, or the device was given it before."""
        size = len(message.ciphertext)
        self.sent = seq
        in_flight = self.in_flight or deque()
        in_flight.append(InFlight(seq, message.sender, message.number, size))
        self.in_flight = in_flight
        self._in_flight_bytes += size
        return seq > self._given

    def nothing_left(self) -> None:
        """The disk has nothing after `sent`: what is missing there has expired."""
        self.sent = self.durable

    def has_expired(self, seq: int, message: Queued, now: float) -> bool:
        """Whether a message is too old to be delivered. What the device has been given already is not."""
        return message.expires_at <= now and seq > self._given

    def skip_dropped(self, seq: Seq) -> bool:
        """Whether a row on the disk is about to be removed, and counts no more; then it is passed over.

        A device that comes back just now may have it: acknowledged, it would be counted off once more.
        """
        if seq in self._dropped:
            self.sent = seq
            return True
        return False

    def look_from_head(self) -> None:
        """Something at the head has expired: a walk that is further on would come to it much later."""
        if self._expiry_walk is not None:
            self._expiry_walk.begin()

    def expire(self, reader: Reader, now: float, limit: int) -> Expired | None:
        """Take up to `limit` messages that are too old out of what is still to be sent; None if none are.

        Not while an earlier such step is on its way to the disk: both would count the same rows.
        """
        self._dropped = ()
        if now < self.cursor.soonest:
            return None
        self._expiry_walk = self._expiry_walk or Walk()
        is_complete = self.durable == self.cursor.next_seq - 1
        given = max(self.sent, self._given)
        expired = expire(
            reader, self.address, self.cursor, now, limit, given, self._expiry_walk, is_complete=is_complete
        )
        if expired is not None:
            self.cursor = expired.cursor
            self._dropped = dict.fromkeys(seq for seq, _ in expired.messages)
            if self.state is QueueState.ONLINE:
                self._fall_behind()  # what is in memory has gaps now
        return expired

    def settle(self) -> None:
        """Say where the device stands after sending: caught up, or behind and served from the disk."""
        if self.state is QueueState.DRAINING and self.sent >= self.durable:
            self._move(QueueEvent.CAUGHT_UP)
        elif self.state is QueueState.ONLINE and self.sent < self.durable:
            self._fall_behind()

    def acknowledge(self, seq: int) -> tuple[list[InFlight], list[Op]]:
        """The device has stored everything up to `seq`.

        Returns the deliveries that this ends, and what deletes them. A seq that was never sent is cut to
        what was: a device can only lie about itself.
        """
        done: list[InFlight] = []
        while self.in_flight and self.in_flight[0].seq <= seq:
            done.append(self.in_flight.popleft())
        self.in_flight = self.in_flight or ()
        if not done:
            return done, []
        size = sum(delivery.size for delivery in done)
        self._in_flight_bytes -= size
        self.cursor, ops = mailboxes.acknowledge(
            self.address, self.cursor, done[-1].seq, Taken(len(done), size)
        )
        return done, ops

    def _fall_behind(self) -> None:
        self._move(QueueEvent.WINDOW_FULL)
        self.fresh = ()

    def _start_over(self) -> None:
        self.fresh = ()
        self.in_flight = ()
        self._in_flight_bytes = 0
        self.sent = self.cursor.acked_seq
        self._given = 0

    def _move(self, event: QueueEvent) -> None:
        self.state = QUEUE_TRANSITIONS[self.state][event]
