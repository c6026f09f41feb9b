"""What somebody has done to a message, in a line for people."""

from client.cli.entries import body
from client.cli.rendering import named, safe_text, shortened
from client.events import MessageChanged
from client.phone_numbers import readable_number
from client.records import EntryKind, HistoryEntry
from protocol.e2e import Edit, Opened, Reaction


def change_text(event: MessageChanged, entry: HistoryEntry | None) -> str:
    """Say it; ``entry`` is the message as it is now, None if it has not come yet."""
    number = event.phone or f"{event.user:016x}"
    names = (None, None) if entry is None else (entry.name, entry.book_name)
    who = named(names[0], readable_number(number), names[1])
    which = "a message" if entry is None or entry.text is None else f"“{shortened(entry.text)}”"
    match event.change:
        case Reaction(emoji=None):
            return f"{who} took back a reaction to {which}"
        case Reaction(emoji=emoji):
            return f"{who} reacted {safe_text(emoji or '')} to {which}"
        case Opened():
            return f"{who} opened a message that you sent to be viewed once"
        case Edit() if entry is not None and entry.is_edited:
            return f"{who} edited a message: {safe_text(body(entry))}"
        case Edit():
            return f"{who} wants to edit a message, which is not here or too old for it"
        case _ if entry is None or entry.kind is EntryKind.DELETED:
            return f"{who} deleted a message"
        case _:
            return f"{who} wants to delete {which}, which is too old for it"
