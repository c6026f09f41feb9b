"""Looks each second whether the time of a message is over, and has it deleted.

An actor because of its timer. A beat and not one timer a message: the times are on the disk, and looking
there costs microseconds and survives whatever happens to a clock, a process or a machine that sleeps.
Owns: nothing. Talks to: the store, the event stream.
Restarts as: permanent; the next beat finds what is due.
"""

from actors import Actor
from client.events import EventStream, MessagesGone
from client.store import Store
from supervisors import ChildSpec

NAME = "timekeeper"
BEAT_SECONDS = 1.0  # how late a message may disappear


class _Beat:
    """The timekeeper's note to itself."""


_BEAT = _Beat()


def child_spec(store: Store, events: EventStream) -> ChildSpec:
    """The timekeeper as a child of the phone's tree."""
    return ChildSpec(id=NAME, start=lambda: Timekeeper(store, events))


class Timekeeper(Actor):
    """Beats, and looks."""

    def __init__(self, store: Store, events: EventStream) -> None:
        self._store = store
        self._events = events

    async def on_start(self) -> None:
        """Take the name, and start the beat."""
        self.system.registry.register(NAME, self.ref)
        self.send_every(BEAT_SECONDS, _BEAT)

    def handle(self, message: object) -> None:
        """One look."""
        if message is not _BEAT:
            self.unexpected(message)
            return
        gone = self._store.timers.sweep()
        if gone:
            self._events.publish(MessagesGone(tuple(each.message_id for each in gone)))
