"""What a chat has on the screen: the lines that may still change, and those that are done.

A line-oriented chat scrolls: once a line has gone up into the terminal's history it cannot be rewritten. So
the last few lines stay *live*, just above the input, where a tick can change in place; a line is *settled*
(printed for good, in order) as soon as nothing about it can change any more, or when the live lines grow too
many. A tick that changes on a line that was settled is told by a short line of its own.

Pure: it is told what happened and says what to print; the screens do the printing.
"""

from dataclasses import dataclass, field

from client.cli.rendering import Line, day, day_line, message_line, notice_line, shortened, tick
from client.records import MessageState

MOST_LIVE_LINES = 8  # enough for a burst of one's own; few enough for a small terminal
_FINAL_STATES = (MessageState.READ, MessageState.FAILED, MessageState.EXPIRED)


@dataclass(slots=True)
class Entry:
    """One line of the chat."""

    at: float
    name: str
    text: str
    id: str | None = None
    """Of one's own messages: what a tick's change names."""
    state: MessageState | None = None
    """Of one's own messages: how far it has come."""
    notice: bool = False

    @property
    def is_final(self) -> bool:
        """Whether nothing about this line can change any more."""
        return self.state is None or self.state in _FINAL_STATES

    def line(self) -> Line:
        """The entry as a person sees it."""
        if self.notice:
            return notice_line(self.text)
        return message_line(self.at, self.name, self.text, self.state)


@dataclass(slots=True)
class Conversation:
    """The lines of a chat, and where the border between settled and live runs."""

    live: list[Entry] = field(default_factory=list)
    """The lines that can still change, oldest first; at most ``MOST_LIVE_LINES`` after ``settle``."""
    _settled: dict[str, Entry] = field(default_factory=dict)
    """Own messages that scrolled away before they were read: as many as one person writes in a sitting."""
    _day: str | None = None
    """The day of the last settled message, to know when to say a new one."""

    def add(self, entry: Entry) -> None:
        """Put a line below the others."""
        self.live.append(entry)

    def change(self, message_id: str, state: MessageState) -> Line | None:
        """One of our messages has come to ``state``; returns a line to print if its own has scrolled away.

        A state that is not further than the known one changes nothing: ticks only ever go forward.
        """
        entry = next((entry for entry in self.live if entry.id == message_id), None)
        if entry is not None:
            entry.state = _further(entry.state, state)
            return None
        settled = self._settled.get(message_id)
        if settled is None or _further(settled.state, state) == settled.state:
            return None
        settled.state = state
        if settled.is_final:
            del self._settled[message_id]
        return _reminder(settled)

    def settle(self, now: float, keep: int = MOST_LIVE_LINES) -> list[Line]:
        """Take what is done out of the live lines; returns the lines to print for good, in order."""
        printed: list[Line] = []
        while self.has_settled(keep):
            entry = self.live.pop(0)
            printed += self._new_day(entry, now)
            printed.append(entry.line())
            if entry.id is not None and not entry.is_final:
                self._settled[entry.id] = entry
        return printed

    def has_settled(self, keep: int = MOST_LIVE_LINES) -> bool:
        """Whether ``settle`` would print something."""
        return bool(self.live) and (self.live[0].is_final or len(self.live) > keep)

    def _new_day(self, entry: Entry, now: float) -> list[Line]:
        """The day's own line, above the first message of each day."""
        today = day(entry.at, now)
        if entry.notice or today == self._day:
            return []
        self._day = today
        return [day_line(entry.at, now)]


def _further(known: MessageState | None, told: MessageState) -> MessageState:
    return told if known is None or told > known else known


def _reminder(entry: Entry) -> Line:
    """A tick that came after its line had scrolled away."""
    return [*notice_line(""), tick(entry.state), ("class:notice", f" {shortened(entry.text)}")]
