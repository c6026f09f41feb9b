"""What other workers' devices have for users of this worker, on its way into their mailboxes.

A plain object and no actor: it acts within the turns of links, which must never wait: one mailbox that is
full, or has to be started, holds up nobody else (D7). What cannot be put into its mailbox at once stands in a
line of that user, which an actor lets in (usher.py).

Rule 1: one user's messages go in in the order in which they came: as long as there is a line, all join it.
Rule 2: a line is bounded, in itself and in all. What comes to a full one is lost, as if a mailbox had died
with it; when the line is through, all workers are told so, and inquire. So the senders go on when there is
room, and nobody waits for an answer that was dropped.
"""

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from actors import ActorSystem, MailboxFullError
from protocol import GroupAddress, Send, UserId
from relay.bus import messages as m
from relay.bus.bus import Bus
from relay.bus.peer import Peer
from relay.bus.remote import RemoteSource
from relay.mailbox_handle import MailboxHandle, Settle, Submission, running_mailbox

LINE_LIMIT = 256
"""What may wait for one mailbox, besides what waits in it."""

TOTAL_LIMIT = 16_384
"""What may wait for all of them: a few megabytes of ordinary messages."""

USHER_NAME = "usher"
"""What the registry knows the actor as that lets in."""

Arrival: TypeAlias = Submission | Settle


class LetIn:
    """Told to the usher: there are lines."""


LET_IN = LetIn()


class Line:
    """What waits for one user's mailbox."""

    __slots__ = ("has_lost", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Arrival] = deque()  # at most LINE_LIMIT
        self.has_lost = False  # something came when it was full


class Arrivals:
    """The lines of one worker."""

    __slots__ = ("_bus", "_system", "_waiting", "inquire_of_group", "lines", "usher_is_called")

    def __init__(self, bus: Bus, system: ActorSystem) -> None:
        self.lines: dict[UserId, Line] = {}
        self.usher_is_called = False
        self._bus = bus
        self._system = system
        self._waiting = 0  # in all lines
        # Who asks groups; group/bus_side.py sets it, which knows them.
        self.inquire_of_group: Callable[[Peer, m.Inquire, GroupAddress], None] = _nobody
        bus.on(m.Submit, self._submit)
        bus.on(m.Inquire, self._inquire)
        bus.on(m.Activity, self._activity)

    @property
    def waiting(self) -> int:
        """How many messages and inquiries stand in lines."""
        return self._waiting

    # ---- the links' side ----

    def _submit(self, peer: Peer, message: m.Submit) -> None:
        user = message.user
        sends = [Send(user, *numbered) for numbered in message.messages]
        source = RemoteSource(peer, message.sender, message.connection)
        self._arrive(user, Submission(message.sender, source, sends))

    def _inquire(self, peer: Peer, message: m.Inquire) -> None:
        if isinstance(message.user, GroupAddress):
            self.inquire_of_group(peer, message, message.user)
            return
        source = RemoteSource(peer, message.sender, message.connection, message.round)
        self._arrive(message.user, Settle(message.sender, source, message.submitted))

    def _activity(self, _peer: Peer, message: m.Activity) -> None:
        """To those who are online, and not to mailboxes that are busy: it is only a hint."""
        mailbox = running_mailbox(self._system, message.user)
        if mailbox is not None and message.user not in self.lines:
            try:
                mailbox.activity(message.sender, is_typing=bool(message.is_typing))
            except MailboxFullError:
                pass

    def _arrive(self, user: UserId, arrival: Arrival) -> None:
        line = self.lines.get(user)
        if line is None:
            mailbox = running_mailbox(self._system, user)
            if mailbox is not None and _enter(mailbox, arrival):
                return
            line = self.lines[user] = Line()
            self._call_usher()
        if len(line.waiting) >= LINE_LIMIT or self._waiting >= TOTAL_LIMIT:
            line.has_lost = True
        else:
            line.waiting.append(arrival)
            self._waiting += 1

    def _call_usher(self) -> None:
        """Once is enough for any number of lines: it looks at all of them."""
        if not self.usher_is_called:
            self.usher_is_called = True
            self._system.via(USHER_NAME).tell_nowait(LET_IN)

    # ---- the usher's side ----

    def let_in(self, user: UserId, mailbox: MailboxHandle) -> bool:
        """Let in as many as there is room for; whether the line is through."""
        waiting = self.lines[user].waiting
        while waiting:
            if not _enter(mailbox, waiting[0]):
                return False
            waiting.popleft()
            self._waiting -= 1
        self._dissolve(user)
        return True

    def turn_away(self, user: UserId) -> list[Arrival]:
        """Dissolve a line whose mailbox does not open; returns who stood in it."""
        return list(self._dissolve(user).waiting)

    def _dissolve(self, user: UserId) -> Line:
        line = self.lines.pop(user)
        self._waiting -= len(line.waiting)
        if line.has_lost:
            self._bus.tell_all(m.Lost(user))
        return line


def _nobody(_peer: Peer, _message: m.Inquire, _chat: GroupAddress) -> None:
    """Before there are groups, nobody can have written to one."""


def _enter(mailbox: MailboxHandle, arrival: Arrival) -> bool:
    """Put something into a mailbox; False if it is full."""
    try:
        mailbox.ref.tell_nowait(arrival)
    except MailboxFullError:
        return False
    return True
