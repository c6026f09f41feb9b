"""What a chat has on the screen: the lines that may still change, and those that are done.

A line-oriented chat scrolls: once a line has gone up into the terminal's history it cannot be rewritten. So
the last lines, as many as the screen has room for, stay *live*, just above the input: a tick, a reaction, an
edit changes them in place, and what disappears vanishes. When there is no more room the oldest are *settled*:
printed for good, in order. What changes about a line that was settled is told by a short line of its own.

Pure: it is told what happened and says what to print; the screens do the printing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from client.cli.rendering import TICKS, Line, day, day_line, message_line, notice_line, shortened
from client.records import MessageState

# A colour says it of a tick; in a sentence it is said in a word.
_TICK_WORDS = {MessageState.READ: " read", MessageState.EXPIRED: " expired"}


@dataclass(slots=True)
class Entry:
    """One line of the chat."""

    at: float
    name: str
    text: str
    id: str | None = None
    """Of a message: what a change of it names."""
    state: MessageState | None = None
    """Of one's own messages: how far it has come."""
    notice: bool = False
    instead: str | None = None
    """What stands for good in the place of a text that is not to stay in the terminal's history."""
    marked: tuple[str, ...] = ()
    """Names of people in the text, as they stand there: they are highlighted."""
    marked_me: tuple[str, ...] = ()
    """The same of those that are about the reader."""

    def line(self) -> Line:
        """The entry as a person sees it."""
        if self.notice:
            return notice_line(self.text)
        return message_line(self.at, self.name, self.text, self.state, self.marked, self.marked_me)

    def lasting_line(self) -> Line:
        """The entry as it may stay in the terminal's history."""
        return self.line() if self.instead is None else replace(self, text=self.instead).line()


@dataclass(slots=True)
class Conversation:
    """The lines of a chat, and where the border between settled and live runs."""

    live: list[Entry] = field(default_factory=list)
    """The lines that can still change, oldest first."""
    _settled: dict[str, Entry] = field(default_factory=dict)
    """Messages that scrolled away: as many as are shown in a sitting."""
    _day: str | None = None
    """The day of the last settled message, to know when to say a new one."""

    def add(self, entry: Entry) -> None:
        """Put a line below the others."""
        self.live.append(entry)

    def change(self, message_id: str, state: MessageState) -> str | None:
        """One of our messages has come to ``state``; returns what to say if its line has scrolled away.

        A state that is not further than the known one changes nothing: ticks only ever go forward.
        """
        entry = self._find(message_id)
        if entry is not None:
            entry.state = _further(entry.state, state)
            return None
        settled = self._settled.get(message_id)
        if settled is None or _further(settled.state, state) == settled.state:
            return None
        settled.state = state
        return _reminder(settled)

    def replace(self, entry: Entry) -> bool:
        """A message reads as ``entry`` now; whether its line is still there to say so."""
        for place, each in enumerate(self.live):
            if each.id is not None and each.id == entry.id:
                self.live[place] = entry
                return True
        if entry.id in self._settled:
            self._settled[entry.id] = entry
        return False

    def remove(self, message_ids: Sequence[str]) -> int:
        """These messages are gone: their lines vanish. Returns how many have scrolled away before."""
        gone = dict.fromkeys(message_ids)
        self.live = [entry for entry in self.live if entry.id not in gone]
        scrolled = [settled for message_id in gone if (settled := self._settled.pop(message_id, None))]
        return sum(entry.instead is None for entry in scrolled)  # the others left nothing behind

    def clear(self) -> None:
        """Nothing is on the screen any more."""
        self.live, self._settled, self._day = [], {}, None

    def lines(self, now: float) -> list[Line]:
        """The live lines as they stand, with the days above their first messages."""
        shown: list[Line] = []
        last = self._day
        for entry in self.live:
            last, above = _day_above(entry, last, now)
            shown += [*above, entry.line()]
        return shown

    def settle(self, now: float, room: int, height: Callable[[Line], int] = lambda _line: 1) -> list[Line]:
        """Take the oldest live lines away until the rest has room; returns what to print for good, in order.

        Args:
            now: unix seconds, for the names of days.
            room: rows of the screen.
            height: how many of them a line takes.
        """
        printed: list[Line] = []
        while self.has_settled(now, room, height):
            entry = self.live.pop(0)
            self._day, above = _day_above(entry, self._day, now)
            printed += [*above, entry.lasting_line()]
            if entry.id is not None:
                self._settled[entry.id] = entry
        return printed

    def has_settled(self, now: float, room: int, height: Callable[[Line], int] = lambda _line: 1) -> bool:
        """Whether ``settle`` would print something."""
        return bool(self.live) and sum(map(height, self.lines(now))) > room

    def _find(self, message_id: str) -> Entry | None:
        return next((entry for entry in self.live if entry.id == message_id), None)


def _day_above(entry: Entry, last: str | None, now: float) -> tuple[str | None, list[Line]]:
    """The day's own line, above the first message of each day."""
    today = day(entry.at, now)
    if entry.notice or today == last:
        return last, []
    return today, [day_line(entry.at, now)]


def _further(known: MessageState | None, told: MessageState) -> MessageState:
    return told if known is None or told > known else known


def _reminder(entry: Entry) -> str:
    """A tick that came after its line had scrolled away."""
    assert entry.state is not None  # it has just been given one
    word = _TICK_WORDS.get(entry.state, "")
    return f"{TICKS[entry.state].strip()}{word} {shortened(entry.instead or entry.text)}"


def gone_text(count: int) -> str:
    """What is said of lines that have disappeared after they had scrolled away."""
    what = "a message above has" if count == 1 else f"{count} messages above have"
    return f"{what} disappeared; /clear takes the old lines off this terminal"
