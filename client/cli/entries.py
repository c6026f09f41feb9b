"""Lines of the history as a person sees them."""

from client.cli.conversation import Entry
from client.cli.message_json import who
from client.cli.rendering import Line, named
from client.phone_numbers import readable_number
from client.records import EntryKind, HistoryEntry

ME = "you"
_INSTEAD_OF_TEXT = {
    EntryKind.UNKNOWN: "(a message that this version cannot show)",
    EntryKind.UNDECRYPTABLE: "(a message that could not be decrypted)",
}


def name_of(entry: HistoryEntry) -> str:
    """The other side's number, as people write it, with the name of their profile if they show one."""
    return named(entry.name, readable_number(who(entry)))


def chat_entry(entry: HistoryEntry, *, with_addressee: bool = False) -> Entry:
    """A line of the history as a line of a chat; ``with_addressee`` names whom one's own messages went to."""
    if entry.kind is EntryKind.SECURITY_CODE_CHANGED:
        return Entry(entry.sent_at, "", f"{name_of(entry)} has a new security code", notice=True)
    text = entry.text if entry.text is not None else _INSTEAD_OF_TEXT.get(entry.kind, "")
    if not entry.outgoing:
        return Entry(entry.sent_at, name_of(entry), text)
    if entry.error_name is not None:
        text = f"{text}  (not sent: {entry.error_name})"
    name = f"{ME} → {name_of(entry)}" if with_addressee else ME
    return Entry(entry.sent_at, name, text, id=entry.message_id, state=entry.state)


def entry_line(entry: HistoryEntry, *, with_addressee: bool = False) -> Line:
    """A line of the history as it is printed."""
    return chat_entry(entry, with_addressee=with_addressee).line()
