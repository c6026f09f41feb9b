"""What somebody has done to a message, in a line for people."""

from client.cli.entries import body
from client.cli.group_text import person_name
from client.cli.rendering import safe_text, shortened
from client.events import MessageChanged
from client.phone import Phone
from client.records import EntryKind, HistoryEntry
from protocol.e2e import Edit, Opened, Reaction


def changer(phone: Phone, event: MessageChanged) -> str:
    """Who has done it: this account on another device, the other side, or a member of the group."""
    return "you" if event.by_us else person_name(phone.person(event.user))


def change_text(event: MessageChanged, entry: HistoryEntry | None, who: str) -> str:
    """Say it.

    Args:
        event: what was done.
        entry: the message as it is now, None if it has not come yet.
        who: how whoever did it is called (``changer``).
    """
    which = "a message" if entry is None or entry.text is None else f"“{shortened(entry.text)}”"
    match event.change:
        case Reaction(emoji=None):
            return f"{who} took back a reaction to {which}"
        case Reaction(emoji=emoji):
            return f"{who} reacted {safe_text(emoji or '')} to {which}"
        case Opened():
            return f"{who} opened a message that is shown once"
        case Edit() if entry is not None and entry.is_edited:
            return f"{who} edited a message: {safe_text(body(entry))}"
        case Edit():
            return f"{who} wants to edit a message, which is not here or too old for it"
        case _ if entry is None or entry.kind is EntryKind.DELETED:
            return f"{who} deleted a message"
        case _:
            return f"{who} wants to delete {which}, which is too old for it"


def now_text(entry: HistoryEntry) -> str:
    """How a message reads now that this account has changed it."""
    return f"now: {safe_text(body(entry))}"
