"""What becomes of messages that nobody has fetched in time: which go, and what their senders are told.

Pure but for reading the store: a mailbox calls `drop_expired`, submits what it returns, and the journal's
callback tells the senders (flight.py). The sweep that finds old messages is in expiry.py.

A sender is told by state, as with ticks: runs of numbers in the row of its progress, pushed if it is online.
A run and not one number, because expired and delivered messages alternate: ✓✓ counts for all below it, and
must not count for those that never arrived. A row keeps the newest `MAX_EXPIRED_RUNS`; more are only needed
by a sender that was away while its messages expired and arrived by turns so often, and then the oldest are
joined: a message of theirs may be called expired although it arrived, but none ✓✓ that did not (D5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protocol import DeviceAddress, DeviceId, MemberAddress, MessageNumber, Run
from protocol.limits import MAX_EXPIRED_RUNS
from relay.device_queue import DeviceQueue
from relay.senders import Senders
from storage import Op, Reader, mailboxes
from storage.mailboxes import QueuedMessage
from storage.payloads import PayloadKey
from storage.progress import Progress

DROP_AT_ONCE = 256
"""Messages of one queue in one transaction: about what the window reads at once, so never a long turn."""

Notices = dict[DeviceAddress, list[Run]]  # {sender: what has expired}


@dataclass(frozen=True, slots=True)
class Drop:
    """One step of dropping."""

    ops: list[Op]
    notices: Notices
    count: int
    """Messages that leave, each device's copy counted."""
    referred: Sequence[PayloadKey] = ()
    """What those of groups refer to."""


def drop_expired(
    reader: Reader, queues: dict[DeviceId, DeviceQueue], senders: Senders, now: float
) -> Drop | None:
    """Take what has expired out of all queues of a user; None if nothing has.

    What a device was given on its present connection stays: it may be acknowledged any moment.

    Raises:
        CorruptRecordError: a row is damaged.
    """
    ops: list[Op] = []
    gone: dict[DeviceAddress, dict[MessageNumber, None]] = {}  # {sender: numbers}
    referred: list[PayloadKey] = []
    count = 0
    for queue in queues.values():
        expired = queue.expire(reader, now, DROP_AT_ONCE)
        if expired is not None:
            ops += expired.ops
            count += len(expired.messages)
            for _, message in expired.messages:
                if isinstance(message, QueuedMessage):
                    gone.setdefault(message.sender, {})[message.number] = None
                else:  # nobody is told: others have it
                    referred.append((message.sender.group, message.number))
    if not ops:
        return None
    given = {
        (delivery.sender, delivery.number)
        for queue in queues.values()
        for delivery in queue.in_flight
        if not isinstance(delivery.sender, MemberAddress)
    }
    notices: Notices = {}
    for sender, numbers in gone.items():
        state = senders.of(sender)
        # Another device of the user has it, or has just been given it.
        lost = [n for n in numbers if n > state.progress.delivered and (sender, n) not in given]
        if lost:
            notices[sender] = runs_of(lost)
            state.progress = with_expired(state.progress, notices[sender])
            ops.append(senders.put(sender, state))
    return Drop(ops, notices, count, referred)


def give_up_undelivered(senders: Senders, *, on_disk: bool) -> tuple[Notices, list[Op]]:
    """The user's devices are gone, and what they have not fetched with them: no ✓✓ may ever count for it.

    Args:
        senders: whose messages they are.
        on_disk: after a failed submission, what is in memory was never accepted; only the disk counts then.

    Returns:
        What each sender is to be told, and what makes it durable.

    Raises:
        CorruptRecordError: a row is damaged.
    """
    notices: Notices = {}
    ops: list[Op] = []
    for sender, progress in senders.everybody(on_disk=on_disk).items():
        if progress.accepted > progress.delivered:
            lost = Run(MessageNumber(progress.delivered + 1), progress.accepted)
            notices[sender] = [lost]
            ops.append(senders.replace(sender, with_expired(progress, [lost])))
    return notices, ops


def lost_with(
    reader: Reader, gone: Sequence[DeviceQueue], others: Sequence[DeviceQueue], senders: Senders
) -> Drop:
    """Some devices of the user are gone, others stay: what nobody has got, and nobody will get any more.

    That is what came before the others were linked. What one of these has acknowledged out of its turn (see
    `Senders.delivered`) may be called expired although it arrived.

    Raises:
        CorruptRecordError: a row is damaged.
    """
    undelivered = _undelivered(reader, gone, senders)
    for sender, number in _undelivered(reader, others, senders) if undelivered else ():
        undelivered.pop((sender, number), None)
    numbers: dict[DeviceAddress, list[MessageNumber]] = {}
    for sender, number in undelivered:
        numbers.setdefault(sender, []).append(number)
    notices = {sender: runs_of(some) for sender, some in numbers.items()}
    ops = [
        senders.replace(sender, with_expired(senders.of(sender).progress, runs))
        for sender, runs in notices.items()
    ]
    return Drop(ops, notices, len(undelivered))


def _undelivered(
    reader: Reader, queues: Sequence[DeviceQueue], senders: Senders
) -> dict[tuple[DeviceAddress, MessageNumber], None]:
    """What waits in these queues and no device has acknowledged."""
    waiting: dict[tuple[DeviceAddress, MessageNumber], None] = {}
    for queue in queues:
        for _, message in mailboxes.read_range(reader, queue.address, 0, queue.cursor.messages):
            if not isinstance(message, QueuedMessage):
                continue
            if message.number > senders.of(message.sender).progress.delivered:
                waiting[message.sender, message.number] = None
    return waiting


def runs_of(numbers: Sequence[MessageNumber]) -> list[Run]:
    """The runs that these numbers make, in order."""
    runs: list[Run] = []
    for number in sorted(numbers):
        if runs and number <= runs[-1].last + 1:
            runs[-1] = Run(runs[-1].first, number)
        else:
            runs.append(Run(number, number))
    return runs


def with_expired(progress: Progress, runs: Sequence[Run]) -> Progress:
    """The progress of a sender after these have expired too."""
    merged: list[Run] = []
    for run in sorted([*progress.expired, *runs]):
        if merged and run.first <= merged[-1].last + 1:
            merged[-1] = Run(merged[-1].first, max(merged[-1].last, run.last))
        else:
            merged.append(run)
    while len(merged) > MAX_EXPIRED_RUNS:
        merged[:2] = [Run(merged[0].first, merged[1].last)]
    return Progress(progress.accepted, progress.delivered, progress.read, tuple(merged))
