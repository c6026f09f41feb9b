"""How messages, ticks and times look to a person: plain functions from facts to styled text.

A line is a list of ``(style, text)`` fragments. The chat screen hands them to prompt_toolkit as they are;
``painted`` turns them into the text of a plain terminal, with colours or without.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

from client.records import MessageState

Fragment = tuple[str, str]
Line = list[Fragment]

STYLES = {
    "time": "ansibrightblack",
    "me": "ansigreen",
    "peer": "ansiyellow bold",
    "tick": "ansibrightblack",
    "tick-read": "ansibrightblue bold",
    "failed": "ansired",
    "expired": "ansired",
    "notice": "ansibrightblack italic",
    "mention": "ansicyan bold",
    "mention-me": "ansiyellow bold reverse",
    "online": "ansigreen",
    "offline": "ansiyellow",
}
"""The style of each fragment class, in prompt_toolkit's words."""

_ANSI = {
    "time": "90", "me": "32", "peer": "1;33", "tick": "90", "tick-read": "1;94", "failed": "31",
    "expired": "31", "notice": "3;90", "mention": "1;36", "mention-me": "1;7;33",
    "online": "32", "offline": "33",
}  # fmt: skip

_WORDS = {"class:tick-read": " read", "class:expired": "expired"}
"""What is said after a tick where there are no colours to say it."""

TICKS = {
    MessageState.PENDING: "🕓",
    MessageState.ACCEPTED: "✓ ",
    MessageState.DELIVERED: "✓✓",
    MessageState.READ: "✓✓",
    MessageState.FAILED: "✗ ",
    MessageState.EXPIRED: "✗ ",
}
"""Two terminal cells each, so that a tick can change without moving what stands beside it."""

_BLANK_TICK = "  "
_TEXT_INDENT = " " * 4  # of the second and later lines of a message


def safe_text(text: str) -> str:
    """``text`` with what could command the terminal made visible.

    A message is written by somebody else: an escape sequence in it could clear the screen, change the window
    title or make one line look like another, and an override of the writing direction could hide an ending.
    """
    return "".join(
        character if _is_harmless(character) else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def _is_harmless(character: str) -> bool:
    if character in "\n\t":
        return True
    return (
        unicodedata.category(character) != "Cc"
        and character not in "\u202a\u202b\u202d\u202e\u2066\u2067\u2028\u2029"
    )


def clock_time(at: float) -> str:
    """Hour and minute of a moment, in the machine's time zone."""
    return datetime.fromtimestamp(at).strftime("%H:%M")


def day(at: float, now: float) -> str:
    """The day of a moment as people say it: ``Today``, ``Yesterday``, ``Sunday 22 November 2026``."""
    moment, today = datetime.fromtimestamp(at).date(), datetime.fromtimestamp(now).date()
    if moment == today:
        return "Today"
    if moment == today - timedelta(days=1):
        return "Yesterday"
    return f"{moment:%A} {moment.day} {moment:%B %Y}"


def seen_text(is_online: bool, last_seen: float | None, now: float) -> str:
    """How somebody is: ``online``, ``last seen today at 14:02``; nothing if that is not told."""
    if is_online:
        return "online"
    if last_seen is None:
        return ""
    when = day(last_seen, now)
    when = when.lower() if when in ("Today", "Yesterday") else f"on {when}"
    return f"last seen {when} at {clock_time(last_seen)}"


def tick(state: MessageState | None) -> Fragment:
    """The tick of one's own message in ``state``; two blanks for somebody else's message (None)."""
    if state is None or state not in TICKS:
        return ("", _BLANK_TICK)
    style = {
        MessageState.READ: "class:tick-read",
        MessageState.FAILED: "class:failed",
        MessageState.EXPIRED: "class:expired",
    }
    return (style.get(state, "class:tick"), TICKS[state])


def message_line(
    at: float,
    name: str,
    text: str,
    state: MessageState | None,
    marked: Sequence[str] = (),
    marked_me: Sequence[str] = (),
) -> Line:
    """One message: time, tick, who, what. ``state`` is None for a message from somebody else.

    ``marked`` and ``marked_me`` are parts of the text that name people, and the reader.
    """
    return [
        ("class:time", clock_time(at)),
        ("", " "),
        tick(state),
        ("", " "),
        ("class:me" if state is not None else "class:peer", name),
        ("", "  "),
        *highlighted(safe_text(text).replace("\n", "\n" + _TEXT_INDENT), marked, marked_me),
    ]


def highlighted(text: str, marked: Sequence[str], marked_me: Sequence[str] = ()) -> Line:
    """The text with the names of people in it made visible; the longest name counts where several begin."""
    styles = dict.fromkeys(marked, "class:mention") | dict.fromkeys(marked_me, "class:mention-me")
    if not styles:
        return [("", text)]
    longest_first = sorted(styles, key=len, reverse=True)
    parts = re.split("(" + "|".join(map(re.escape, longest_first)) + ")", text)
    return [(styles.get(part, ""), part) for part in parts if part]


def named(name: str | None, number: str, book_name: str | None = None) -> str:
    """A person: by the name in the address book if there is one.

    Otherwise by the number, and what they call themselves: with a ``~``, since nobody vouches for it.
    """
    if book_name:
        return safe_text(book_name)
    return number if not name else f"~{safe_text(name)} {number}"


def day_line(at: float, now: float) -> Line:
    """What stands above the first message of a day."""
    return [("class:notice", f"── {day(at, now)} ──")]


def notice_line(text: str) -> Line:
    """Something that the phone itself has to say."""
    return [("class:notice", f"· {text}")]


def shortened(text: str, width: int = 24) -> str:
    """The beginning of a message, to remind of it in a line about something else."""
    first = safe_text(text).split("\n", 1)[0]
    return first if len(first) <= width else first[: width - 1] + "…"


def painted(line: Sequence[Fragment], colour: bool) -> str:
    """The line as text for a terminal (with ANSI colours) or for a file (``colour`` False).

    Without colours a read message could not be told from a delivered one, nor an expired from a refused one,
    so it is said in a word.
    """
    if colour:
        return "".join(_ansi(style.removeprefix("class:"), text) for style, text in line)
    return "".join(text + _WORDS.get(style, "") for style, text in line)


def _ansi(style: str, text: str) -> str:
    return f"\x1b[{_ANSI[style]}m{text}\x1b[0m" if style in _ANSI else text
