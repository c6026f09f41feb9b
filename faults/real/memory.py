"""What a device knows of its earlier lives: read from its client's ledger before anything else is done."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from faults.real.ledger import Declined, Grouped, Intends, Life, Record, Tick, Wrote

FINAL = ("read", "failed", "expired")
"""States of a message that change no more."""


@dataclass(slots=True)
class Memory:
    """Of one device."""

    lives: int = 0
    unfinished: dict[str, str] = field(default_factory=dict)
    """{message id: its state so far} of what can still come further."""
    doubtful: dict[str, str] = field(default_factory=dict)
    """{text: to whom} of what it was about to write, and died."""
    grouped: dict[str, None] = field(default_factory=dict)
    """Groups that it was about to make."""

    def note(self, record: Record) -> None:
        """Remember a record of this device."""
        match record:
            case Life(life=life):
                self.lives = max(self.lives, life)
            case Grouped(group=group):
                self.grouped[group] = None
            case Intends(text=text, to=to):
                self.doubtful[text] = to
            case Declined(text=text):
                self.doubtful.pop(text, None)
            case Wrote(text=text, id=message_id):
                self.doubtful.pop(text, None)
                self.unfinished[message_id] = "pending"
            case Tick(id=message_id, state=state):
                self._note_state(message_id, state)
            case _:
                pass

    def _note_state(self, message_id: str, state: str) -> None:
        if state in FINAL:
            self.unfinished.pop(message_id, None)
        elif message_id in self.unfinished:
            self.unfinished[message_id] = state


def remember(records: Iterable[Record]) -> dict[str, Memory]:
    """{device: what it knows}, from the records of one client."""
    memories: dict[str, Memory] = {}
    for record in records:
        memories.setdefault(record.who, Memory()).note(record)
    return memories
