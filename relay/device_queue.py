"""What one device is owed: its queue's numbers, its window, and where the next delivery comes from.

Pure: no actor, no store, no clock. `relay/mailbox.py` owns one for each device of its user, tells it what
happened, and does what it says. The messages themselves are on disk; here are only numbers, the deliveries
in flight, and the newest messages while the device keeps up.

    acked ≤ sent ≤ durable < next_seq

What groups bring to a device that keeps up is *borne* for a second or two by rows that it shares with others
(storage/fanouts.py): for that long it has no row of its own, and an acknowledgement need not be written.

Invariants: every delivery in `in_flight` has acked < seq ≤ sent, in order; every message in `fresh` has a
seq above `sent`, in order; what is above `durable` is never sent. What is above `accounted` is in `borne`, or
acknowledged, or appended in this turn: no cursor is submitted without rows for all below it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from protocol import DeviceAddress, GroupSeq, MemberAddress, MessageNumber, Seq
from relay.delivery import QUEUE_TRANSITIONS, QueueEvent, QueueState, window_has_room
from storage import Op, Reader, mailboxes
from storage.expiry_walk import Expired, Walk, expire
from storage.fanouts import payloads_of
from storage.mailboxes import DeviceCursor, GroupMessage, Queued, Taken


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
        "accounted",
        "address",
        "borne",
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
        self.accounted = cursor.next_seq - 1  # up to here cursor and rows were submitted
        # What has no row of its own yet, or none that is known to be durable; at most two windows.
        self.borne: deque[tuple[Seq, GroupMessage]] | tuple[()] = ()
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

    def bears(self, count: int) -> bool:
        """Whether so many messages more may come without rows of their own: the device keeps up."""
        return self.state is QueueState.ONLINE and len(self.fresh) + count <= self._window_messages

    def bear(self, messages: Sequence[GroupMessage]) -> Seq:
        """Give the next messages their seqs, without rows: a fan-out row has them. Returns the first seq.

        Only if `bears` says so.
        """
        cursor = self.cursor
        first = seq = cursor.next_seq
        fresh, borne = self.fresh or deque(), self.borne or deque()
        size, soonest = 0, cursor.soonest if cursor.messages else messages[0].expires_at
        for message in messages:
            each = (seq, message)
            fresh.append(each)
            borne.append(each)
            size += len(message.ciphertext)
            soonest = min(soonest, message.expires_at)
            seq = Seq(seq + 1)
        self.fresh, self.borne = fresh, borne
        self.cursor = DeviceCursor(
            seq, cursor.acked_seq, cursor.messages + len(messages), cursor.ciphertext_bytes + size, soonest
        )
        return first

    def bear_again(self, messages: Sequence[tuple[Seq, GroupMessage]]) -> None:
        """Take what durable fan-out rows have beyond the stored cursor; for a queue that was just loaded."""
        borne: deque[tuple[Seq, GroupMessage]] = deque()
        for seq, message in messages:
            if seq >= self.cursor.next_seq:
                if seq > self.cursor.next_seq:
                    self.cursor = mailboxes.count_on_from(self.cursor, seq - 1)
                self.cursor = mailboxes.counting(self.cursor, message)
                borne.append((seq, message))
        self.borne = borne or ()
        self.durable = self.cursor.next_seq - 1

    @property
    def is_unsettled(self) -> bool:
        """Whether something stands in fan-out rows only, or was acknowledged there."""
        return self.accounted < self.cursor.next_seq - 1

    def put_cursor(self, upto: int | None = None) -> list[Op]:
        """What makes durable how far the queue has come: once for all messages of a submission.

        With rows for what was borne by fan-out rows and is not acknowledged, which then need not bear it.

        Args:
            upto: leave to the fan-out rows what has a higher seq than this. None: leave them nothing, as it
                has to be when a message with a row of its own is behind.
        """
        cursor = self.cursor
        ops: list[Op] = []
        if self.borne:
            last = cursor.next_seq - 1 if upto is None else upto
            left = size = 0
            for seq, message in self.borne:
                if seq > last:
                    left += 1
                    size += len(message.ciphertext)
                elif seq > self.accounted:
                    ops.append(mailboxes.put_row(self.address, seq, message))
                    ops += payloads_of((message,))
            if upto is not None and upto < cursor.next_seq - 1:
                cursor = DeviceCursor(
                    Seq(upto + 1),
                    min(cursor.acked_seq, Seq(upto)),
                    max(0, cursor.messages - left),
                    max(0, cursor.ciphertext_bytes - size),
                    cursor.soonest,
                )
        self.accounted = cursor.next_seq - 1
        ops.append(mailboxes.put_cursor(self.address, cursor))
        return ops

    def has_own_rows(self, upto: int) -> None:
        """What was borne up to here has durable rows now, or none is needed."""
        borne = self.borne
        while borne and borne[0][0] <= upto:
            borne.popleft()
        self.borne = borne or ()

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
        return self.put_cursor()

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

    @property
    def is_next_fresh(self) -> bool:
        """Whether the message after `sent` is in memory; if not, it is to be read from the disk."""
        fresh = self.fresh
        if not fresh:
            return False
        return fresh[0][0] == self.sent + 1

    def with_borne(self, rows: list[tuple[Seq, Queued]]) -> list[tuple[Seq, Queued]]:
        """What comes after `sent`, in order: of the disk as many as there is `room` for, and the borne."""
        if not self.borne:
            return rows
        limit, size = self.room
        is_cut = len(rows) >= limit or sum(len(message.ciphertext) for _, message in rows) >= size
        last = rows[-1][0] if is_cut else mailboxes.LAST_SEQ
        found: dict[Seq, Queued] = dict(rows)
        found |= {seq: message for seq, message in self.borne if self.sent < seq <= last}
        return sorted(found.items(), key=lambda each: each[0])

    def launch(self, seq: Seq, message: Queued) -> bool:
        """Count a delivery as in flight; says whether it must be sent, or the device was given it before."""
        size = len(message.ciphertext)
        self._pass(seq)
        in_flight = self.in_flight or deque()
        in_flight.append(InFlight(seq, message.sender, message.number, size))
        self.in_flight = in_flight
        self._in_flight_bytes += size
        return seq > self._given

    def launch_fresh(self) -> list[tuple[Seq, Queued]]:
        """Count as in flight all that is in memory, durable, and next, as far as the window has room.

        Returns what must be sent: what the device was not given before. As `wants_delivery` and `launch` in
        turns, in one go: for what a group says this is done a thousand times in a turn.
        """
        fresh, sent = self.fresh, self.sent
        in_flight = self.in_flight or deque()
        count, size = len(in_flight), self._in_flight_bytes
        launched: list[tuple[Seq, Queued]] = []
        while (
            fresh
            and sent < self.durable
            and fresh[0][0] == sent + 1
            and window_has_room(count, size, messages=self._window_messages, size=self._window_bytes)
        ):
            each = fresh.popleft()
            sent, message = each
            length = len(message.ciphertext)
            in_flight.append(InFlight(sent, message.sender, message.number, length))
            count += 1
            size += length
            if sent > self._given:
                launched.append(each)
        self.fresh, self.sent = fresh or (), sent
        self.in_flight, self._in_flight_bytes = in_flight or (), size
        return launched

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
            self._pass(seq)
            return True
        return False

    def drop_borne(self, seq: Seq, message: Queued) -> bool:
        """Pass over what has expired before it had a row; False: it has one, and nothing is done."""
        if seq <= self.accounted:
            return False
        self.borne = deque(each for each in self.borne if each[0] != seq) or ()
        self._pass(seq)
        cursor = self.cursor
        self.cursor = DeviceCursor(
            cursor.next_seq,
            cursor.acked_seq,
            max(0, cursor.messages - 1),
            max(0, cursor.ciphertext_bytes - len(message.ciphertext)),
            cursor.soonest,
        )
        return True

    def is_borne(self, seq: Seq) -> bool:
        """Whether a message may have no durable row of its own."""
        return any(each == seq for each, _ in self.borne)

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
        # What has no row that is known to be durable, the walk does not see.
        is_complete = self.durable == self.cursor.next_seq - 1 and not self.borne
        given = max(self.sent, self._given)
        expired = expire(
            reader, self.address, self.cursor, now, limit, given, self._expiry_walk, is_complete=is_complete
        )
        if expired is not None:
            self.cursor = expired.cursor
            expired = replace(expired, ops=[*expired.ops, *self.put_cursor()])
            self._dropped = dict.fromkeys(seq for seq, _ in expired.messages)
            if self.borne:
                self.borne = deque(each for each in self.borne if each[0] not in self._dropped) or ()
            if self.state is QueueState.ONLINE:
                self._fall_behind()  # what is in memory has gaps now
        return expired

    def settle(self) -> None:
        """Say where the device stands after sending: caught up, or behind and served from the disk."""
        if self.state is QueueState.DRAINING and self.sent >= self.durable:
            self._move(QueueEvent.CAUGHT_UP)
        elif self.state is QueueState.ONLINE and self.sent < self.durable:
            self._fall_behind()

    @property
    def is_in_passing(self) -> bool:
        """Whether no row is to be deleted for what the device acknowledges next."""
        in_flight = self.in_flight
        if not in_flight:
            return False
        return in_flight[0].seq > self.accounted

    def acknowledge(self, seq: int) -> tuple[list[InFlight], list[Op]]:
        """The device has stored everything up to `seq`.

        Returns the deliveries that this ends, and what deletes them. A seq that was never sent is cut to
        what was: a device can only lie about itself.
        """
        in_flight = self.in_flight
        done: list[InFlight] = []
        size = 0
        while in_flight and in_flight[0].seq <= seq:
            delivery = in_flight.popleft()
            size += delivery.size
            done.append(delivery)
        if not done:
            return done, []
        self.in_flight = in_flight or ()
        self._in_flight_bytes -= size
        upto, taken = done[-1].seq, Taken(len(done), size)
        if self.borne:
            self.has_own_rows(upto)
        if done[0].seq > self.accounted:
            self.cursor = mailboxes.without(self.cursor, upto, taken)
            return done, []  # no row, and no hurry
        rows = mailboxes.delete_range(self.address, self.cursor.acked_seq + 1, upto)
        self.cursor = mailboxes.without(self.cursor, upto, taken)
        return done, [rows, *self.put_cursor(max(upto, self.accounted))]

    def _fall_behind(self) -> None:
        self._move(QueueEvent.WINDOW_FULL)
        self.fresh = ()

    def _start_over(self) -> None:
        self.fresh = ()
        self.in_flight = ()
        self._in_flight_bytes = 0
        self.sent = self.cursor.acked_seq
        self._given = 0

    def _pass(self, seq: Seq) -> None:
        """Go on behind a message that came from the disk, where there may be a copy in memory, too."""
        self.sent = seq
        fresh = self.fresh
        while fresh and fresh[0][0] <= seq:
            fresh.popleft()
        self.fresh = fresh or ()

    def _move(self, event: QueueEvent) -> None:
        self.state = QUEUE_TRANSITIONS[self.state][event]
