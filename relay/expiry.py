"""Looks through all queues for messages that nobody has fetched in time, and has their mailboxes drop them.

An actor because of its timer: one slow walk over the queues, a slice at a time, for ever. It decides nothing
and writes nothing: whatever is due is dropped by the mailbox that owns the rows (expired.py), which is
started for it if need be and leaves memory again by itself.
Talks to: the store, for reading; mailboxes.
Restarts as: permanent; a new one begins its round anew. What it has missed, the next round finds.
Not here: a device that comes back before the sweep did: its mailbox looks at the time of what it delivers.
"""

import logging

from actors import Actor, ActorDeadError
from protocol import DeviceAddress, UserId
from relay.errors import RefusalError
from relay.mailboxes import Mailboxes
from relay.worker import Worker
from storage import CorruptRecordError, Reader, mailboxes
from storage.mailboxes import DeviceCursor
from supervisors import ChildSpec, ChildStartError

log = logging.getLogger("roost.relay")

SLICE_QUEUES = 256
"""Queues looked at in one read transaction: about a millisecond, after which others have their turn."""

SLICE_SECONDS = 1.0
"""Between two slices. A million queues are looked through in little more than an hour, at 0.1 % of a core."""

ROUND_SECONDS = 60.0
"""Rest after the last queue: on a small node, how much longer than it lives a message may lie on the disk,
and how late its sender may learn that it has expired."""


class LookOn:
    """The sweep's note to itself: the next slice."""


LOOK_ON = LookOn()


def child_spec(worker: Worker) -> ChildSpec:
    """The one expiry sweep of a worker."""
    return ChildSpec(id="expiry", start=lambda: Expiry(worker, Mailboxes(worker)))


class Expiry(Actor):
    """Walks over all queues."""

    def __init__(self, worker: Worker, directory: Mailboxes) -> None:
        self._worker = worker
        self._mailboxes = directory
        self._after: DeviceAddress | None = None  # the last queue looked at; None: before the first

    async def on_start(self) -> None:
        """Begin a round soon."""
        self.send_after(SLICE_SECONDS, LOOK_ON)

    async def handle(self, message: object) -> None:
        """One slice."""
        if message is not LOOK_ON:
            self.unexpected(message)
            return
        try:
            with self._worker.environment.read() as reader:
                queues = mailboxes.queues_after(reader, self._after, SLICE_QUEUES)
                due = users_due(reader, queues, self._worker.clock.now())
        except CorruptRecordError as error:
            # What lies behind a damaged row is not looked at: better than a sweep that crashes for ever.
            log.error("expiry_stuck", extra={"reason": str(error)})
            queues, due = [], ()
        for user in due:
            await self._expire(user)
        is_last = len(queues) < SLICE_QUEUES
        self._after = None if is_last else queues[-1][0]
        self.send_after(ROUND_SECONDS if is_last else SLICE_SECONDS, LOOK_ON)

    async def _expire(self, user: UserId) -> None:
        """Tell the mailbox; one after the other, lest a backlog fill the memory with mailboxes."""
        try:
            mailbox = await self._mailboxes.get(user)
            await mailbox.expire()
        except (RefusalError, ChildStartError, ActorDeadError) as error:
            # An account that is gone, a damaged row, or a node that stops: the others get their turn.
            log.warning("not_expired", extra={"user": f"{user:016x}", "reason": type(error).__name__})


def users_due(
    reader: Reader, queues: list[tuple[DeviceAddress, DeviceCursor]], now: float
) -> tuple[UserId, ...]:
    """Whose queue has a message that may have expired; each user once.

    A cursor has a lower bound of when the first of its messages expires, so most queues are not looked into.
    One that was last written by an earlier version has none, and there all messages live equally long: its
    head tells.

    Raises:
        CorruptRecordError: a row is damaged.
    """
    due: dict[UserId, None] = {}
    for device, cursor in queues:
        if cursor.messages == 0 or device.user in due:
            continue
        if now < cursor.soonest:
            continue
        # Read in any case: what is damaged is better found here than by the mailbox.
        head = mailboxes.read_range(reader, device, cursor.acked_seq, 1)
        if cursor.soonest or (head and head[0][1].expires_at <= now):
            due[device.user] = None
    return tuple(due)
