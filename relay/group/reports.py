"""How far the members of this worker are in their groups, on the way to the groups' own actors.

Mailboxes note here what is durable; a moment later each group hears of all its members here at once. Nothing
is lost with it: the marks are rows, and a group that begins reads them.

An actor because it waits that moment: in a large group all devices acknowledge at about the same time, and a
message for each would cost the group more than the message itself did.
Restarts as: permanent; the notes are the worker's.
"""

from collections.abc import Callable

from actors import Actor, ActorSystem, MailboxFullError
from protocol import GroupId, UserId
from storage.groups import Mark
from supervisors import ChildSpec

NAME = "group reporter"
"""What the registry knows the actor as."""

GATHER_SECONDS = 0.05
"""How long ticks may wait for others to the same group: less than anybody notices."""

Marks = list[tuple[UserId, int, int]]
"""(member, delivered, read)."""

Tell = Callable[[GroupId, Marks], None]


class Report:
    """Told to the reporter: there are notes."""


class Send:
    """The reporter's note to itself: the moment is over."""


REPORT = Report()
SEND = Send()


class Reports:
    """The notes of one worker."""

    __slots__ = ("_is_called", "_notes", "_system")

    def __init__(self, system: ActorSystem) -> None:
        self._system = system
        self._notes: dict[GroupId, dict[UserId, Mark]] = {}  # bounded by members that are online
        self._is_called = False

    def note(self, user: UserId, progress: dict[GroupId, Mark]) -> None:
        """A user is so far in these groups: durably, or told again when it is (deliveries.py)."""
        for group, mark in progress.items():
            noted = self._notes.get(group)
            if noted is None:
                noted = self._notes[group] = {}
            before = noted.get(user)
            if before is not None and (before.delivered > mark.delivered or before.read > mark.read):
                # What is durable now was told before, and more since.
                mark = Mark(max(before.delivered, mark.delivered), max(before.read, mark.read))
            noted[user] = mark
        if not self._is_called and self._notes:
            try:
                self._system.via(NAME).tell_nowait(REPORT)
            except MailboxFullError:
                return
            self._is_called = True

    def take(self) -> dict[GroupId, Marks]:
        """All notes."""
        notes, self._notes, self._is_called = self._notes, {}, False
        return {
            group: [(user, mark.delivered, mark.read) for user, mark in marks.items()]
            for group, marks in notes.items()
        }


def child_spec(reports: Reports, tell: Tell) -> ChildSpec:
    """The one reporter of a worker; `tell` brings marks to a group, wherever it lives."""
    return ChildSpec(id=NAME, start=lambda: Reporter(reports, tell))


class Reporter(Actor):
    """Tells groups how far their members are."""

    def __init__(self, reports: Reports, tell: Tell) -> None:
        self._reports = reports
        self._tell = tell

    async def on_start(self) -> None:
        """Be found by name, and begin with what a predecessor has left.

        Raises:
            NameTakenError: there is one already.
        """
        self.system.registry.register(NAME, self.ref)
        self.ref.tell_nowait(REPORT)

    def handle(self, message: object) -> None:
        """Wait for others, or tell all."""
        if message is REPORT:
            self.send_after(GATHER_SECONDS, SEND)
        elif message is SEND:
            for group, marks in self._reports.take().items():
                self._tell(group, marks)
        else:
            self.unexpected(message)
