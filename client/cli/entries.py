"""Lines of the history as a person sees them."""

from client.cli.conversation import Entry
from client.cli.message_json import who
from client.cli.rendering import Line, named
from client.lost_messages import ASKED_FOR, NEVER_CAME
from client.phone_numbers import readable_number
from client.records import EntryKind, HistoryEntry, MessageState

ME = "you"
_REASONS = {
    "storage-full": "the relay's storage is full",
    "mailbox-full": "the recipient's mailbox is full",
    "wait": "the relay asks for patience",
    "overloaded": "the relay is overloaded",
    "restarting": "the relay is restarting",
}
_LOST = {
    ASKED_FOR: "(waiting for this message: it could not be opened and has been asked for again)",
    NEVER_CAME: "(a message that could not be opened and never came again)",
}
_INSTEAD_OF_TEXT = {
    EntryKind.UNKNOWN: "(a message that this version cannot show)",
    EntryKind.UNDECRYPTABLE: "(a message that could not be decrypted)",
}


def name_of(entry: HistoryEntry) -> str:
    """The other side's number, as people write it, with the name of their profile if they show one."""
    return named(entry.name, readable_number(who(entry)))


def waiting_text(error_name: str) -> str:
    """Why a message is not sent yet, for people."""
    return f"waiting: {_REASONS.get(error_name, error_name)}"


def _why(state: MessageState, error_name: str) -> str:
    return waiting_text(error_name) if state is MessageState.PENDING else f"not sent: {error_name}"


def chat_entry(entry: HistoryEntry, *, with_addressee: bool = False) -> Entry:
    """A line of the history as a line of a chat; ``with_addressee`` names whom one's own messages went to."""
    if entry.kind is EntryKind.SECURITY_CODE_CHANGED:
        return Entry(entry.sent_at, "", f"{name_of(entry)} has a new security code", notice=True)
    text = entry.text if entry.text is not None else _instead_of_text(entry)
    if not entry.outgoing:
        return Entry(entry.sent_at, name_of(entry), text)
    if entry.error_name is not None:
        text = f"{text}  ({_why(entry.state, entry.error_name)})"
    name = f"{ME} → {name_of(entry)}" if with_addressee else ME
    return Entry(entry.sent_at, name, text, id=entry.message_id, state=entry.state)


def _instead_of_text(entry: HistoryEntry) -> str:
    if entry.kind is EntryKind.UNDECRYPTABLE and entry.error_name in _LOST:
        return _LOST[entry.error_name]
    return _INSTEAD_OF_TEXT.get(entry.kind, "")


def entry_line(entry: HistoryEntry, *, with_addressee: bool = False) -> Line:
    """A line of the history as it is printed."""
    return chat_entry(entry, with_addressee=with_addressee).line()
