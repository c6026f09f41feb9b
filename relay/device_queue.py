"""What one device is owed: its queue's numbers, its window, and where the next delivery comes from.

Pure: no actor, no store, no clock. `relay/mailbox.py` owns one for each device of its user, tells it what
happened, and does what it says. The messages themselves are on disk; here are only numbers, the deliveries
in flight, and copies of the newest messages while the device keeps up.

    acked ≤ sent ≤ durable < next_seq

Invariants: every delivery in `in_flight` has acked < seq ≤ sent, in order; every copy in `fresh` has a seq
above `sent`, in order; what is above `durable` is never sent.
"""

from collections import deque
from dataclasses import dataclass

from protocol import DeviceAddress, DeviceId, MessageNumber, Seq
from relay.delivery import QUEUE_TRANSITIONS, QueueEvent, QueueState, window_has_room


# Two of these are built for every message, so they are slotted and not frozen: freezing triples the cost.
@dataclass(slots=True)
class FreshMessage:
    """A copy, in memory, of a message that is on its way to the disk."""

    seq: Seq
    sender: DeviceAddress
    number: MessageNumber
    ciphertext: bytes


@dataclass(slots=True)
class InFlight:
    """A delivery that the device has not acknowledged."""

    seq: Seq
    sender: DeviceAddress
    number: MessageNumber
    size: int


class DeviceQueue:
    """The queue of one device."""

    __slots__ = (
        "_given",
        "_in_flight_bytes",
        "_window_bytes",
        "_window_messages",
        "acked",
        "device",
        "durable",
        "fresh",
        "in_flight",
        "next_seq",
        "sent",
        "state",
    )

    def __init__(
        self, device: DeviceId, *, acked: int, next_seq: int, window_messages: int, window_bytes: int
    ) -> None:
        """All numbers as the store has them."""
        self.device = device
        self.acked = acked  # all up to here is deleted, or about to be
        self.sent = acked  # the highest seq given to the present connection
        self.durable = next_seq - 1  # the highest seq that is on disk
        self.next_seq = next_seq  # what the next message gets
        self.state = QueueState.OFFLINE
        self.in_flight: deque[InFlight] = deque()  # at most the window
        # Copies of messages that go out from memory when they are durable. Bounded by the window: whoever
        # is further behind than that is served from the disk.
        self.fresh: deque[FreshMessage] = deque()
        self._in_flight_bytes = 0
        self._given = 0  # the present connection has seen everything up to here
        self._window_messages = window_messages
        self._window_bytes = window_bytes

    @property
    def queued(self) -> int:
        """Messages that the device has not acknowledged, those not yet durable included."""
        return self.next_seq - 1 - self.acked

    def append(self, sender: DeviceAddress, number: MessageNumber, ciphertext: bytes) -> Seq:
        """Give the next message its seq; a copy is kept if the device is keeping up.

        Nothing is sent: the message is not durable yet.
        """
        seq = Seq(self.next_seq)
        self.next_seq += 1
        if self.state is QueueState.ONLINE:
            if len(self.fresh) < self._window_messages:
                self.fresh.append(FreshMessage(seq, sender, number, ciphertext))
            else:
                self._fall_behind()
        return seq

    def attach(self, *, given: int) -> None:
        """A connection of the device is here; deliveries start again after what is acknowledged.

        Args:
            given: the highest seq that is on the device already, or on its way through this connection: up to
                there deliveries count as in flight without being sent again.
        """
        self._move(QueueEvent.ATTACHED)
        self._start_over()
        self._given = min(given, self.durable)

    def detach(self) -> None:
        """The connection has ended: nothing is kept in memory for the device."""
        self._move(QueueEvent.DETACHED)
        self._start_over()

    def committed(self, seq: int) -> None:
        """Everything up to `seq` is on disk."""
        self.durable = max(self.durable, seq)

    @property
    def wants_delivery(self) -> bool:
        """Whether something durable may be sent now."""
        return (
            self.state is not QueueState.OFFLINE
            and self.sent < self.durable
            and window_has_room(
                len(self.in_flight),
                self._in_flight_bytes,
                messages=self._window_messages,
                size=self._window_bytes,
            )
        )

    def next_fresh(self) -> FreshMessage | None:
        """The next message to send, if a copy of it is in memory; None means: read it from the disk."""
        if self.fresh and self.fresh[0].seq == self.sent + 1:
            return self.fresh.popleft()
        return None

    def launch(self, seq: Seq, sender: DeviceAddress, number: MessageNumber, size: int) -> bool:
        """Count a delivery as in flight; says whether it has to be sent, or the device has it already."""
        self.sent = seq
        self.in_flight.append(InFlight(seq, sender, number, size))
        self._in_flight_bytes += size
        return seq > self._given

    @property
    def room(self) -> int:
        """How many more deliveries the window takes, by number."""
        return self._window_messages - len(self.in_flight)

    def settle(self) -> None:
        """Say where the device stands after sending: caught up, or behind and served from the disk."""
        if self.state is QueueState.DRAINING and self.sent == self.durable:
            self._move(QueueEvent.CAUGHT_UP)
        elif self.state is QueueState.ONLINE and self.sent < self.durable:
            self._fall_behind()

    def acknowledge(self, seq: int) -> list[InFlight]:
        """The device has stored everything up to `seq`; returns the deliveries that this ends, in order.

        A seq that was never sent is cut to what was: a device can only lie about itself.
        """
        done: list[InFlight] = []
        while self.in_flight and self.in_flight[0].seq <= seq:
            delivery = self.in_flight.popleft()
            self._in_flight_bytes -= delivery.size
            done.append(delivery)
        if done:
            self.acked = done[-1].seq
        return done

    def _fall_behind(self) -> None:
        self._move(QueueEvent.WINDOW_FULL)
        self.fresh.clear()

    def _start_over(self) -> None:
        self.fresh.clear()
        self.in_flight.clear()
        self._in_flight_bytes = 0
        self.sent = self.acked
        self._given = 0

    def _move(self, event: QueueEvent) -> None:
        self.state = QUEUE_TRANSITIONS[self.state][event]
