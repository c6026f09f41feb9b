"""What a mailbox has given to the journal and not heard of yet.

It must outlive the mailbox. If the actor dies while submissions are on their way, these take effect all the
same; a successor that read the store now would give the same seq to another message, and overwrite it. So a
mailbox does not begin before the flight of its predecessor has landed.

Here are also the journal's callbacks. They run on the loop's thread, outside any actor: what they do is
short and cannot raise.

Rule 1: ✓, ✓✓, read and ✗ are told from here and from nowhere else, so never before the disk has them.
Rule 2: after a submission failed, everything that was computed on top of it is void (storage's fence fails it
too): the flight is marked at once, before any other message of the mailbox is handled.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import trio

from actors import ActorRef, MailboxFullError
from protocol import DeviceAddress, ErrorCode, MessageNumber, Run, address_to_text
from relay.bus.chat import ChatId
from relay.correspondent import Correspondent, FindCorrespondent, Source
from relay.device_queue import DeviceQueue
from relay.journal import RelayJournal
from relay.metrics import Counters
from relay.senders import SenderState
from storage import JournalError, JournalFailedError, Op, StorageFullError

if TYPE_CHECKING:
    from relay.deliveries import Deliveries

log = logging.getLogger("roost.relay")

Done: TypeAlias = Callable[[JournalError | None], None]


class Committed:
    """Told to a mailbox: submissions of yours have become durable."""


class Expired:
    """Told to a mailbox: what had expired is durably gone."""


class Landed:
    """Told to a mailbox whose flight has failed: nothing is on its way any more, read the store again."""


COMMITTED = Committed()
EXPIRED = Expired()
LANDED = Landed()


class Flight:
    """The submissions of one user's mailbox that are on their way to the disk."""

    __slots__ = (
        "_idle",
        "_journal",
        "_told",
        "committed",
        "correspondent",
        "count",
        "counters",
        "door",
        "expiring",
        "failure",
        "mailbox",
        "user",
    )

    def __init__(
        self, user: ChatId, journal: RelayJournal, correspondent: FindCorrespondent, counters: Counters
    ) -> None:
        self.user = user  # or the group, of whose actor all this holds as well
        self._journal = journal
        self.correspondent = correspondent  # finds whom to tell for a device
        self.counters = counters
        self.count = 0  # bounded by the journal's backlog limit
        # Some of the mailbox's queues have `landed` since it looked last.
        self.committed = False
        self.failure: JournalError | None = None  # why what the mailbox has in memory is void
        self.expiring = False  # messages that have expired are being dropped
        self.mailbox: ActorRef | None = None  # the living mailbox, to be told
        self.door: Deliveries | None = None  # where what is durable is delivered, and groups put theirs
        self._told = False  # it has a COMMITTED waiting
        self._idle: trio.Event | None = None

    def submit(self, ops: Sequence[Op], done: Done) -> JournalError | None:
        """Give something to the journal; `done` has to call `settled`.

        Returns None, or why it was not taken. Then memory is ahead of the disk: the flight has failed.
        """
        try:
            self._journal.submit(ops, done)
        except JournalError as error:
            self.fail(error)
            return error
        self.count += 1
        return None

    @property
    def is_open(self) -> bool:
        """Whether the mailbox lives, and what it has in memory holds."""
        mailbox = self.mailbox
        return self.door is not None and self.failure is None and mailbox is not None and mailbox.is_alive

    def join(self) -> None:
        """Something of the mailbox is part of somebody else's submission, who has to call `settled`."""
        self.count += 1

    def wake(self) -> None:
        """Have the mailbox look at what has become durable."""
        self.committed = True
        if not self._told:
            self._told = _tell(self.mailbox, COMMITTED)

    async def landed(self) -> None:
        """Wait until nothing is on its way."""
        if self.count:
            if self._idle is None:
                self._idle = trio.Event()
            await self._idle.wait()

    @property
    def failed(self) -> bool:
        """Whether everything that the mailbox has in memory is void."""
        return self.failure is not None

    def take_committed(self) -> None:
        """The mailbox looks now at what its queues have `landed`."""
        self.committed = self._told = False

    def messages_settled(self, queues: Sequence[DeviceQueue], count: int, error: JournalError | None) -> None:
        """A submission with so many messages for each of these queues is durable, or is not."""
        door, mailbox = self.door, self.mailbox
        # Whoever takes the place of a mailbox that has died finds them in the store.
        if error is None and door is not None and mailbox is not None and mailbox.is_alive:
            door.land([(queue, count) for queue in queues])
        self.settled(error)

    def settled(self, error: JournalError | None) -> None:
        """One submission is settled."""
        self.count -= 1
        if error is not None:
            self.fail(error)
        if self.count == 0:
            self._land()

    def tell_expired(self, notices: dict[DeviceAddress, list[Run]]) -> None:
        """Say to the senders who are online that these messages are durably gone."""
        for sender, runs in notices.items():
            correspondent = self.correspondent(sender)
            if correspondent is not None:
                correspondent.expired(self.user, runs)

    def fail(self, error: JournalError) -> None:
        """Whatever the mailbox has in memory is not what will be on disk."""
        if not self.failed:
            log.warning(
                "mailbox_not_settled",
                extra={"user": address_to_text(self.user), "reason": type(error).__name__},
            )
            self.failure = error

    def _land(self) -> None:
        if self._idle is not None:
            self._idle.set()
            self._idle = None
        if self.failed:
            _tell(self.mailbox, LANDED)


def _tell(mailbox: ActorRef | None, note: object) -> bool:
    """Leave a note; False if nobody lives there, or its mailbox is full.

    Then it looks by itself, because it does so with every message that it handles.
    """
    if mailbox is None:
        return False
    try:
        mailbox.tell_nowait(note)
    except MailboxFullError:
        return False
    return True


# One is built for every submission, acknowledgement or reading: plain slotted classes, because a frozen
# dataclass costs three times as much to build, and a closure keeps cells alive besides.


class MessagesSettled:
    """The journal's word on messages of one sender: ✓, and delivery to those devices that they are for.

    It holds the queues themselves: a device that comes or goes meanwhile is counted neither in nor out.
    """

    __slots__ = ("first", "flight", "last", "queues", "sender", "source", "state")

    def __init__(
        self,
        flight: Flight,
        sender: DeviceAddress,
        source: Source,
        first: int,
        last: int,
        state: SenderState,
        queues: Sequence[DeviceQueue],
    ) -> None:
        self.flight = flight
        self.sender = sender
        self.source = source  # of the connection on which they came
        self.first = first  # the numbers, without gaps
        self.last = last
        self.state = state
        self.queues = queues  # each has got every one of these messages

    def __call__(self, error: JournalError | None) -> None:
        """See the class."""
        flight = self.flight
        count = self.last - self.first + 1
        # Delivery first: it stands before the ✓ in a frame that has both.
        flight.messages_settled(self.queues, count, error)
        present = flight.correspondent(self.sender)
        if error is None:
            flight.counters.accepted += count
            self.state.durable = self.last
            if present is not None:
                present.accepted(flight.user, MessageNumber(self.last))
        elif not isinstance(error, JournalFailedError):
            # A failed journal does not know whether the messages are on the disk: then nothing is said.
            self._refuse(present, error)

    def _refuse(self, present: Correspondent | None, error: JournalError) -> None:
        """Answer where they came from; a connection that has taken its place is told to begin anew.

        The device has sent them again on that one, as duplicates of what now never came to be, and waits for
        their ✓.
        """
        if present is not None and present.replaces(self.source):
            present.close(refusal_of(error))
        first, last = MessageNumber(self.first), MessageNumber(self.last)
        self.source.voided(self.flight.user, first, last, refusal_of(error))


class TicksSettled:
    """The journal's word on an acknowledgement: ✓✓ for those whose messages were in it."""

    __slots__ = ("flight", "ticks")

    def __init__(self, flight: Flight, ticks: dict[DeviceAddress, MessageNumber]) -> None:
        self.flight = flight
        self.ticks = ticks  # {sender: delivered up to}

    def __call__(self, error: JournalError | None) -> None:
        """See the class."""
        flight = self.flight
        flight.settled(error)
        if error is not None:
            return
        for sender, number in self.ticks.items():
            correspondent = flight.correspondent(sender)
            if correspondent is not None:
                correspondent.delivered(flight.user, number)


class ReadSettled:
    """The journal's word on a reading: blue ✓✓ for the sender."""

    __slots__ = ("flight", "number", "sender")

    def __init__(self, flight: Flight, sender: DeviceAddress, number: MessageNumber) -> None:
        self.flight = flight
        self.sender = sender
        self.number = number

    def __call__(self, error: JournalError | None) -> None:
        """See the class."""
        flight = self.flight
        flight.settled(error)
        if error is None:
            correspondent = flight.correspondent(self.sender)
            if correspondent is not None:
                correspondent.read(flight.user, self.number)


class ExpirySettled:
    """The journal's word on messages that have expired: ✗ for those whose they were."""

    __slots__ = ("count", "flight", "notices")

    def __init__(self, flight: Flight, notices: dict[DeviceAddress, list[Run]], count: int) -> None:
        self.flight = flight
        self.notices = notices  # {sender: what has expired}
        self.count = count

    def __call__(self, error: JournalError | None) -> None:
        """See the class."""
        flight = self.flight
        flight.expiring = False
        flight.settled(error)
        if error is not None:
            return
        flight.counters.expired += self.count
        _tell(flight.mailbox, EXPIRED)
        flight.tell_expired(self.notices)


def refusal_of(error: JournalError) -> ErrorCode:
    """What a sender is told of a journal's refusal."""
    return ErrorCode.STORAGE_FULL if isinstance(error, StorageFullError) else ErrorCode.OVERLOADED
