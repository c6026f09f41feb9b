"""What comes in for one user: each message is judged by its number, and the good ones go to the journal.

A part of the user's mailbox (mailbox.py), called within the actor's turns and from nowhere else.
Guarantees: D3 and D4 (a message is the next one, a duplicate or a gap), D10 (parts_by_device), and D1 as
    far as that nothing is said here: ✓ comes from flight.py when the disk has the message.
"""

from protocol import DeviceAddress, DeviceId, ErrorCode, MessageNumber, Send, UserId
from relay.blocklist import Blocklist
from relay.config import DAY_SECONDS
from relay.correspondent import Source
from relay.deliveries import Deliveries
from relay.delivery import Admission, admit, parts_by_device
from relay.flight import Flight, MessagesSettled, refusal_of
from relay.senders import Senders, SenderState
from relay.worker import Worker
from storage import Op
from storage.mailboxes import QueuedMessage
from storage.progress import Progress


class Intake:
    """The incoming side of one user's mailbox."""

    __slots__ = ("_deliveries", "_flight", "_senders", "_user", "_worker", "blocklist")

    def __init__(
        self, worker: Worker, user: UserId, flight: Flight, senders: Senders, deliveries: Deliveries
    ) -> None:
        self.blocklist: Blocklist | None = None  # None: the user blocks nobody
        self._worker = worker
        self._user = user
        self._flight = flight
        self._senders = senders
        self._deliveries = deliveries

    def submit(self, sender: DeviceAddress, source: Source, messages: list[Send]) -> None:
        """Judge messages one by one, and give those that are next to the journal, together.

        After one that is refused all that follow are gaps. What came on a connection that the device has
        replaced since is dropped: it sends it again on the new one, and may by then have given the number of
        one that was refused to another message.
        """
        if self._is_replaced(sender, source):
            return
        if self._senders.are_many and not self._flight.count:
            self._senders.forget()
        state = self._senders.of(sender)
        audience = self._deliveries.audience(sender)
        before = state.progress.accepted
        ops: list[Op] = []
        for message in messages:
            ops += self._judge(sender, source, state, audience, message)
        first, last = before + 1, state.progress.accepted
        if last < first:
            return
        queues = [] if self.shuns(sender.user) else self._deliveries.queues_of(audience)
        for queue in queues:
            ops += self._deliveries.put_cursor(queue)
        ops.append(self._senders.put(sender, state))
        settled = MessagesSettled(self._flight, sender, source, first, last, state, queues)
        error = self._flight.submit(ops, settled)
        if error is not None:
            source.voided(self._user, MessageNumber(first), last, refusal_of(error))

    def settle(self, sender: DeviceAddress, source: Source, submitted: MessageNumber) -> None:
        """Tell a sender what it would wait for: ✓ up to where it is durable, and what to send again."""
        state = self._senders.of(sender)
        self._tick_accepted(sender, state)
        # After a failure only what is on disk counts: all that was on its way there fails with it.
        accepted = state.durable if self._flight.failed else state.progress.accepted
        if accepted < submitted:
            self._refuse_out_of_order(source, submitted, state)

    def shuns(self, user: UserId) -> bool:
        """Whether what `user` says is kept for nobody."""
        return self.blocklist is not None and user in self.blocklist

    def _is_replaced(self, sender: DeviceAddress, source: Source) -> bool:
        """Whether the device has a newer connection than this one. One that is only gone still counts."""
        present = self._flight.correspondent(sender)
        return present is not None and present.replaces(source)

    def _judge(
        self,
        sender: DeviceAddress,
        source: Source,
        state: SenderState,
        audience: list[DeviceId],
        message: Send,
    ) -> list[Op]:
        """What stores a message that is the next one; nothing for any other, whose sender is told why."""
        if self._flight.failure is not None:
            source.refused(self._user, message.number, refusal_of(self._flight.failure))
            return []
        verdict = admit(state.progress.accepted, message.number)
        if verdict is Admission.NEXT:
            return self._admit(sender, source, state, audience, message)
        if verdict is Admission.GAP:
            self._refuse_out_of_order(source, message.number, state)
        else:
            self._worker.counters.duplicates += 1
            # One that is not durable yet is ticked when it is.
            self._tick_accepted(sender, state)
        return []

    def _admit(
        self,
        sender: DeviceAddress,
        source: Source,
        state: SenderState,
        audience: list[DeviceId],
        message: Send,
    ) -> list[Op]:
        deliveries = self._deliveries
        parts = parts_by_device(message.parts, audience)
        if parts is None:
            source.refused(self._user, message.number, ErrorCode.STALE_DEVICES, tuple(audience))
            return []
        if deliveries.are_full:
            source.refused(self._user, message.number, ErrorCode.MAILBOX_FULL)
            return []
        now = int(self._worker.clock.now())
        longest = self._worker.config.message_life_days * DAY_SECONDS
        expires_at = now + (longest if message.life_s is None else min(message.life_s, longest))
        progress = state.progress
        state.progress = Progress(message.number, progress.delivered, progress.read, progress.expired)
        if self.blocklist is not None and sender.user in self.blocklist:
            return self.blocklist.shun(sender, message.number)
        return [
            deliveries.append(device, QueuedMessage(sender, message.number, now, expires_at, ciphertext))
            for device, ciphertext in parts
        ]

    def _refuse_out_of_order(self, source: Source, number: MessageNumber, state: SenderState) -> None:
        """Say from where on to send again: from behind what is on the disk, because a device ticks all below.

        What is still on its way there comes once more then, as duplicates that are ticked when it is there.
        """
        source.refused(self._user, number, ErrorCode.OUT_OF_ORDER, state.durable + 1)

    def _tick_accepted(self, sender: DeviceAddress, state: SenderState) -> None:
        correspondent = self._flight.correspondent(sender)
        if correspondent is not None and state.durable:
            correspondent.accepted(self._user, MessageNumber(state.durable))
