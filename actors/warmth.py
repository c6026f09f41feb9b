"""Which async actors keep their cancel scope open while they are parked: those that were busy just now.

A trio cancel scope costs about 5 µs to open and close, which is as much as the rest of a wake; and 700 bytes
to keep, which is a third of an idle actor. So an actor that handles messages all the time keeps its scope
between them, and an actor that has handled none for a second is woken once, to let go of it and park again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.mailbox import Mailbox
    from actors.ref import ActorRef
    from actors.timers import Timers

COOLING_SECONDS = 1.0
"""How long without a message until an actor's scope is let go (up to twice that)."""

MAX_WARM_ACTORS = 10_000
"""How many may keep one: 7 MB. The others open theirs at each wake, which is slower and no less right."""


class Warmth:
    """The warm actors of one system. It is an entry in the timers' heap while there are any."""

    __slots__ = ("_seen", "_timers")

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._seen: dict[ActorRef, int] = {}  # {warm actor: messages it had handled at the last look}

    def __len__(self) -> int:
        """How many are warm."""
        return len(self._seen)

    def keeps(self, ref: ActorRef, mailbox: Mailbox) -> bool:
        """Whether an actor that is about to park should keep its scope."""
        seen = self._seen
        if ref not in seen:
            if len(seen) >= MAX_WARM_ACTORS:
                return False
            if not seen:
                self._timers.look_after(COOLING_SECONDS, self)
            seen[ref] = mailbox.handled
        return True

    @property
    def is_wanted(self) -> bool:
        """Whether there is anybody to look at; for the timer task."""
        return bool(self._seen)

    def fire(self, now: float) -> float | None:
        """Wake those who have had nothing to do since the last look. Returns when to look again."""
        for ref, handled in [*self._seen.items()]:
            mailbox = ref._mailbox
            if mailbox is None:
                del self._seen[ref]
            elif mailbox.handled == handled and mailbox.sleeper is not None:
                del self._seen[ref]
                mailbox.wake()
            else:
                self._seen[ref] = mailbox.handled
        return now + COOLING_SECONDS if self._seen else None
