"""What of the history stands on the surface of a chat, and how it follows what becomes of it.

A line is shown once. When its message changes, so does the line, and so do those that quote the message;
where a line can no longer change, a note says what happened. When the message goes, its line goes.

Knows nothing of terminals (surface.py) and nothing of what is typed (talk.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from client.cli.conversation import Entry
from client.cli.entries import chat_entry
from client.cli.surface import Surface
from client.phone import Phone
from client.records import HistoryEntry
from protocol.ids import UserId


class ShownLines:
    """The lines of one sitting.

    Args:
        phone: whose messages these are.
        surface: where they are shown.
        notice: says something in a line of its own.
    """

    def __init__(self, phone: Phone, surface: Surface, notice: Callable[[str], None]) -> None:
        self._phone = phone
        self._surface = surface
        self._notice = notice
        self.mixed = False
        """Several chats on one surface: lines say which they belong to."""
        self.peer: str | UserId | None = None
        """The chat that is open."""
        self._ids: dict[str, None] = {}  # every message that is on the surface, or was
        self._answers: dict[str, dict[str, None]] = {}  # {message: those on the surface that quote it}

    def __contains__(self, message_id: str) -> bool:
        """Whether the message has been shown in this sitting."""
        return message_id in self._ids

    def show(self, entry: HistoryEntry) -> None:
        """Put a line of the history below the others."""
        self.mixed = self.mixed or not self._is_here(entry)
        self._ids[entry.message_id] = None
        if entry.quote is not None:
            self._answers.setdefault(entry.quote.message_id, {})[entry.message_id] = None
        self._surface.show(self._line(entry))

    def refresh(self, message_id: str, note: str | None) -> None:
        """A message has changed; ``note`` tells it where its line cannot."""
        entry = self._phone.entry(message_id) if message_id in self._ids else None
        if entry is not None:
            self._surface.update(self._line(entry), note)
        elif note is not None:
            self._notice(note)
        self._refresh_answers(message_id)

    def remove(self, message_ids: Sequence[str]) -> None:
        """Messages have disappeared."""
        gone = [message_id for message_id in message_ids if message_id in self._ids]
        if gone:
            self._surface.remove(gone)
        for message_id in message_ids:
            self._ids.pop(message_id, None)
            self._refresh_answers(message_id)
            self._answers.pop(message_id, None)

    def reveal(self, entry: HistoryEntry, text: str) -> str:
        """Show what a message to be viewed once says, in a line of its own; returns how it is removed."""
        id_ = f"view {entry.message_id}"
        line = self._line(entry)
        self._surface.show(replace(line, id=id_, state=None, text=f"① {text}", instead=line.text))
        self._ids[id_] = None
        return id_

    def clear(self) -> None:
        """Nothing stands on the surface any more."""
        self._ids.clear()
        self._answers.clear()
        self._surface.clear()

    def _refresh_answers(self, message_id: str) -> None:
        for answer in self._answers.get(message_id, ()):
            entry = self._phone.entry(answer)
            if entry is not None:
                self._surface.update(self._line(entry), None)

    def _is_here(self, entry: HistoryEntry) -> bool:
        """Whether a line belongs to the chat that is open."""
        if isinstance(self.peer, str):
            return entry.group is None and entry.phone == self.peer
        return entry.group is not None and self.peer == UserId(entry.group)

    def _line(self, entry: HistoryEntry) -> Entry:
        return chat_entry(entry, with_addressee=self.mixed, with_group=self.mixed)
