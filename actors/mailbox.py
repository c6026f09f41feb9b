"""The bounded mailbox of one actor: what waits to be handled, and what happens when it is full.

Owns: the queued messages, the queued system messages, the senders that wait for room.
Rule 1: system messages (stop requests, Exit, Down) overtake user messages and are never refused.
Rule 2: an empty queue is None, not an empty container: a million idle actors pay for none (a deque is
624 bytes before anything is in it).
Rule 3: whoever puts something in wakes the actor, once, if it is parked; a running actor finds it by itself.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trio.lowlevel import Task, reschedule

from actors.envelope import Call, Reply
from actors.errors import MailboxFullError

if TYPE_CHECKING:
    from actors.ref import ActorRef

DEFAULT_MAILBOX_LIMIT = 1024
"""Messages an actor may have waiting, unless its class says otherwise. A queue longer than this is an
actor that cannot keep up, and its senders should feel it (both of WhatsApp's published post-mortems were
queues that nobody felt)."""


class Overflow(enum.Enum):
    """What a full mailbox does with one message more."""

    WAIT = "wait"
    """`tell` and `ask` wait for room, first come first served; `tell_nowait` raises MailboxFullError."""
    REFUSE = "refuse"
    """Every sender gets MailboxFullError."""
    DROP_OLDEST = "drop_oldest"
    """The oldest queued message gives way. If it was asked, its asker gets MailboxFullError."""


@dataclass(frozen=True, slots=True)
class MailboxStatistics:
    """A mailbox at one moment, and its history since the actor's start."""

    length: int
    """Messages queued now, system messages included."""
    limit: int
    peak: int
    """The longest the queue has been."""
    waiting: int
    """Senders that wait for room now."""
    dropped: int
    """Messages pushed out by newer ones (DROP_OLDEST)."""
    refused: int
    """Messages whose senders got MailboxFullError."""
    handled: int
    """Messages the actor has finished with."""


class WaitingTell(Reply):
    """A told message whose sender waits for room; the reply is the word that it may go on."""

    __slots__ = ("message",)

    def __init__(self, message: object) -> None:
        super().__init__()
        self.message = message


class Mailbox:
    """The queue in front of one actor. Only the runtime touches it; others use ActorRef."""

    __slots__ = (
        "dropped",
        "handled",
        "items",
        "limit",
        "overflow",
        "peak",
        "refused",
        "senders",
        "signals",
        "sleeper",
        "unfinished",
    )

    def __init__(self, limit: int, overflow: Overflow) -> None:
        self.limit = limit
        self.overflow = overflow
        self.items: deque[object] | None = None  # told messages bare, asked ones as Call; oldest first
        self.signals: deque[object] | None = (
            None  # Stop, Exit, Down, a StateMachine's notes to itself; bounded by links and monitors held
        )
        self.senders: deque[Call | WaitingTell] | None = (
            None  # bounded by the tasks of the program; first come first served
        )
        # Who is parked, and nobody has woken it: of an async actor its task, of a plain one the actor, which
        # then stands in the runner's line (runner.py).
        self.sleeper: Task | ActorRef | None = None
        # What a plain handler has returned because it has to wait, and the item that it is about.
        self.unfinished: tuple[object, Coroutine[Any, Any, object]] | None = None
        self.peak = 0
        self.dropped = 0
        self.refused = 0
        self.handled = 0

    def __len__(self) -> int:
        return (len(self.items) if self.items else 0) + (len(self.signals) if self.signals else 0)

    @property
    def has_work(self) -> bool:
        """Whether a message is queued or waits for room."""
        return bool(self.items) or bool(self.senders)

    def wake(self) -> None:
        """Make the actor look at what it has, or at its end, if it is parked."""
        sleeper = self.sleeper
        if sleeper is not None:
            self.sleeper = None
            if type(sleeper) is Task:
                reschedule(sleeper)
            else:
                sleeper.system._runner.add(sleeper)

    def put_signal(self, signal: object) -> None:
        """Queue a system message: before all user messages, after earlier system messages."""
        if self.signals is None:
            self.signals = deque()
        self.signals.append(signal)
        self.wake()

    def put(self, item: object) -> bool:
        """Queue one message if there is room (or room can be made). False: full."""
        items = self.items
        if items is None:
            self.items = deque((item,))
            if self.peak == 0:
                self.peak = 1
            sleeper = self.sleeper
            if sleeper is not None:  # as wake(), not through it: this is the hot path of every tell
                self.sleeper = None
                if type(sleeper) is Task:
                    reschedule(sleeper)
                else:
                    sleeper.system._runner.add(sleeper)
            return True
        length = len(items)
        if length >= self.limit:
            if self.overflow is not Overflow.DROP_OLDEST:
                return False
            self._drop_oldest(items)
        items.append(item)
        if length >= self.peak:
            self.peak = len(items)
        return True

    def put_exempt(self, item: object) -> None:
        """Queue one message even beyond the limit: for what the actor itself has ordered (its timers)."""
        items = self.items
        if items is None or len(items) < self.limit:
            self.put(item)
        else:
            items.append(item)
            self.peak = max(self.peak, len(items))

    def _drop_oldest(self, items: deque[object]) -> None:
        oldest = items.popleft()
        self.dropped += 1
        if isinstance(oldest, Call):
            oldest.fail(MailboxFullError("its target", self.limit))

    def queue_sender(self, sender: Call | WaitingTell) -> None:
        """Put a sender in the line for room. It is admitted in its turn, unless it gives up before."""
        if self.senders is None:
            self.senders = deque()
        self.senders.append(sender)

    def forget_sender(self, sender: Call | WaitingTell) -> None:
        """Take a sender that gave up out of the line: the departed must not pile up before a hung actor."""
        if self.senders is not None and sender in self.senders:
            self.senders.remove(sender)

    def admit_senders(self) -> None:
        """Move waiting messages into the room there is now, in the order of their arrival."""
        senders = self.senders
        while senders and (self.items is None or len(self.items) < self.limit):
            sender = senders.popleft()
            if sender.is_done:  # it gave up, and has not yet run to say so
                continue
            if isinstance(sender, Call):
                self.put(sender)
            else:
                self.put(sender.message)
                sender.send(None)
        if not senders:
            self.senders = None

    def inherit(self, left: Mailbox) -> None:
        """Take over what is queued, and who waits, in the mailbox of a predecessor, before anything new."""
        self.items, left.items = left.items, None
        self.senders, left.senders = left.senders, None
        self.peak = len(self)
        self.admit_senders()
        self.wake()

    def close(self) -> list[object]:
        """Empty the queue for good, let waiting senders go on, and return what will never be handled."""
        left: list[object] = [*(self.items or ())]
        for sender in self.senders or ():
            if isinstance(sender, Call):
                left.append(sender)
            elif not sender.is_done:
                left.append(sender.message)
                sender.send(None)
        self.items = self.signals = self.senders = None
        return left

    def statistics(self) -> MailboxStatistics:
        """Length, peak and counters at this moment."""
        return MailboxStatistics(
            length=len(self),
            limit=self.limit,
            peak=self.peak,
            waiting=len(self.senders) if self.senders else 0,
            dropped=self.dropped,
            refused=self.refused,
            handled=self.handled,
        )
