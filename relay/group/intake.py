"""Messages that come in for one group: each is judged by its number and its sender, the good ones are items.

A part of the group's actor (group.py), as intake.py is of a mailbox: what is said there of numbers, answers
and ✓ holds here, with the group in the place of the recipient.
"""

from protocol import DeviceAddress, ErrorCode, GroupAddress, GroupId, GroupSeq, MessageNumber, SendGroup
from protocol.membership import GroupState
from relay.config import DAY_SECONDS
from relay.correspondent import Source
from relay.delivery import Admission, admit
from relay.flight import Flight, refusal_of
from relay.group.admission import judge_message
from relay.group.handle import GroupSubmission
from relay.senders import Senders, SenderState
from relay.worker import Worker
from storage import JournalError, JournalFailedError, Op, groups
from storage.groups import GroupItem
from storage.progress import Progress

NUMBERS_KEPT = 1_024
"""How many of a sender's messages are remembered by number: who has them can be asked, and ticked."""


class Accepting:
    """The messages of one submission that were admitted, and what makes them durable."""

    __slots__ = ("items", "ops")

    def __init__(self) -> None:
        self.items: list[GroupItem] = []
        self.ops: list[Op] = []


class GroupIntake:
    """The incoming side of one group."""

    __slots__ = ("_chat", "_flight", "_senders", "_worker")

    def __init__(self, worker: Worker, group: GroupId, flight: Flight, senders: Senders) -> None:
        self._worker = worker
        self._chat = GroupAddress(group)
        self._flight = flight
        self._senders = senders

    def judge(
        self, submission: GroupSubmission, state: GroupState | None, next_gseq: int, room: int
    ) -> Accepting | None:
        """Judge messages one by one; None if nothing is admitted. Whoever calls it submits.

        Args:
            submission: what has come.
            state: the group as it is.
            next_gseq: what the next item gets.
            room: how many more items may be on their way.
        """
        sender, source = submission.sender, submission.source
        if self._is_replaced(sender, source):
            return None
        if self._senders.are_many and not self._flight.count:
            self._senders.forget()
        known = self._senders.of(sender)
        accepting = Accepting()
        for message in submission.messages:
            verdict = self._verdict(source, known, sender, message)
            if not verdict:
                continue
            if len(accepting.items) >= room:
                source.refused(self._chat, message.number, ErrorCode.WAIT, 1)
                continue
            refused = judge_message(state, sender.user, message.epoch)
            if refused is not None:
                source.refused(self._chat, message.number, refused.code, refused.detail)
                continue
            self._admit(accepting, known, sender, message, GroupSeq(next_gseq + len(accepting.items)))
        if not accepting.items:
            return None
        accepting.ops.append(self._senders.put(sender, known))
        return accepting

    def settled(
        self, submission: GroupSubmission, items: list[GroupItem], error: JournalError | None
    ) -> None:
        """The journal's word on them: ✓, or what to send again. Called outside the actor."""
        sender, source = submission.sender, submission.source
        first, last = items[0].number, items[-1].number
        present = self._flight.correspondent(sender)
        if error is None:
            self._flight.counters.accepted += len(items)
            self._senders.of(sender).durable = last
            if present is not None:
                present.accepted(self._chat, last)
        elif not isinstance(error, JournalFailedError):
            if present is not None and present.replaces(source):
                present.close(refusal_of(error))
            source.voided(self._chat, first, last, refusal_of(error))

    def settle(self, sender: DeviceAddress, source: Source, submitted: MessageNumber) -> None:
        """Tell a sender what it would wait for: ✓ up to where it is durable, and what to send again."""
        known = self._senders.of(sender)
        self._tick(sender, known)
        accepted = known.durable if self._flight.failed else known.progress.accepted
        if accepted < submitted:
            source.refused(self._chat, submitted, ErrorCode.OUT_OF_ORDER, known.durable + 1)

    def _is_replaced(self, sender: DeviceAddress, source: Source) -> bool:
        present = self._flight.correspondent(sender)
        return present is not None and present.replaces(source)

    def _verdict(self, source: Source, known: SenderState, sender: DeviceAddress, message: SendGroup) -> bool:
        """Whether a message is the next one; the sender of any other is told why."""
        if self._flight.failure is not None:
            source.refused(self._chat, message.number, refusal_of(self._flight.failure))
            return False
        verdict = admit(known.progress.accepted, message.number)
        if verdict is Admission.NEXT:
            return True
        if verdict is Admission.GAP:
            source.refused(self._chat, message.number, ErrorCode.OUT_OF_ORDER, known.durable + 1)
        else:
            self._worker.counters.duplicates += 1
            self._tick(sender, known)
        return False

    def _admit(
        self,
        accepting: Accepting,
        known: SenderState,
        sender: DeviceAddress,
        message: SendGroup,
        gseq: GroupSeq,
    ) -> None:
        now = int(self._worker.clock.now())
        life = self._worker.config.message_life_days * DAY_SECONDS
        expires_at = now + (life if message.life_s is None else min(life, message.life_s))
        item = GroupItem(gseq, sender, message.number, now, expires_at, False, message.ciphertext)
        group, progress = self._chat.group, known.progress
        known.progress = Progress(message.number, progress.delivered, progress.read, progress.expired)
        accepting.items.append(item)
        accepting.ops.append(groups.put_item(group, item))
        accepting.ops += groups.put_number(group, sender, message.number, gseq, NUMBERS_KEPT)

    def _tick(self, sender: DeviceAddress, known: SenderState) -> None:
        correspondent = self._flight.correspondent(sender)
        if correspondent is not None and known.durable:
            correspondent.accepted(self._chat, MessageNumber(known.durable))
