"""Lines of the history as a person sees them."""

from dataclasses import replace

from client.cli.conversation import Entry
from client.cli.durations import readable
from client.cli.group_text import change_sentence, group_name
from client.cli.message_json import author_of, who
from client.cli.rendering import Line, named, safe_text, shortened
from client.lost_messages import ASKED_FOR, NEVER_CAME
from client.mentions import MENTION
from client.phone_numbers import readable_number
from client.records import EntryKind, HistoryEntry, Mentioned, MessageState, Quote
from client.verifications import CODE_CHANGED
from protocol.e2e import ChatTimer, Contact, Content, KeepHere, Location, NumberChanged
from protocol.e2e.content_schema import MICRODEGREES

ME = "you"
_REASONS = {
    "storage-full": "the relay's storage is full",
    "mailbox-full": "the recipient's mailbox is full",
    "wait": "the relay asks for patience",
    "overloaded": "the relay is overloaded",
    "restarting": "the relay is restarting",
    CODE_CHANGED: "their security code has changed since you compared it; see roost verify",
}
_LOST = {
    ASKED_FOR: "(waiting for this message: it could not be opened and has been asked for again)",
    NEVER_CAME: "(a message that could not be opened and never came again)",
}
_INSTEAD_OF_TEXT = {
    EntryKind.UNKNOWN: "(a message that this version cannot show)",
    EntryKind.DELETED: "(this message was deleted)",
    EntryKind.UNDECRYPTABLE: "(a message that could not be decrypted)",
    EntryKind.VIEW_ONCE: "① (to be viewed once; not opened yet)",
    EntryKind.VIEWED: "① (opened)",
}
FLEETING_SECONDS = 3_600
"""What lives no longer than this is not left in the terminal's history, which nobody sweeps."""
DISAPPEARS = "(a message that disappears; roost history shows it until then)"

MANY_FORWARDS = 5
"""From here on it is a rumour: as WhatsApp, which draws two arrows then."""


def name_of(entry: HistoryEntry) -> str:
    """The other side's name in the address book; or else the number, and the name of their profile.

    Of a group its name; who wrote a line of it says ``author_name``.
    """
    if entry.group is not None:
        return group_name(entry.group, entry.group_name)
    return named(entry.name, readable_number(who(entry)), entry.book_name)


def author_name(entry: HistoryEntry) -> str:
    """Who wrote an incoming line, as ``name_of``."""
    return named(entry.name, readable_number(author_of(entry)), entry.book_name)


def waiting_text(error_name: str) -> str:
    """Why a message is not sent yet, for people."""
    return f"waiting: {_REASONS.get(error_name, error_name)}"


def _why(state: MessageState, error_name: str) -> str:
    return waiting_text(error_name) if state is MessageState.PENDING else f"not sent: {error_name}"


SHORT_ID_DIGITS = 4
"""Of a message's id, enough to tell the last few apart."""


def short_id(message_id: str) -> str:
    """How a message is named where people type it."""
    return f"#{message_id[:SHORT_ID_DIGITS]}"


def mention_text(mentioned: Mentioned) -> str:
    """How somebody is named in a text: as everywhere, and oneself as ``you``."""
    if mentioned.is_own:
        return f"@{ME}"
    return "@" + named(mentioned.name, readable_number(mentioned.phone), mentioned.book_name)


def body(entry: HistoryEntry) -> str:
    """What a message says, with what it answers in front and what became of it behind."""
    parts = [] if entry.quote is None else [_quoted(entry.quote)]
    if entry.forwards:
        parts.append("↪ forwarded" if entry.forwards < MANY_FORWARDS else "↪ forwarded many times")
    parts.append(_said(entry))
    if entry.is_edited:
        parts.append("(edited)")
    if entry.reactions:
        parts.append("[" + " ".join(reaction.emoji for reaction in entry.reactions) + "]")
    return "  ".join(parts)


def _said(entry: HistoryEntry) -> str:
    match entry.content:
        case Contact(name=name, phones=phones):
            return f"👤 {name}: " + ", ".join(map(readable_number, phones))
        case Location(latitude=latitude, longitude=longitude, name=name):
            degrees = f"{latitude / MICRODEGREES:.6f}, {longitude / MICRODEGREES:.6f}"
            return f"📍 {degrees}" if name is None else f"📍 {name} ({degrees})"
    return _with_names(entry, entry.text) if entry.text is not None else _instead_of_text(entry)


def _with_names(entry: HistoryEntry, text: str) -> str:
    """The text with people's names in the place of the numbers by which it mentions them."""
    names = {f"@{each.phone}": mention_text(each) for each in entry.mentioned}
    return MENTION.sub(lambda found: names.get(found[0], found[0]), text) if names else text


def rule_text(rule: Content | None) -> str:
    """What somebody has chosen for a chat."""
    match rule:
        case ChatTimer(seconds=0):
            return "turned off disappearing messages: new ones stay"
        case ChatTimer(seconds=seconds):
            return f"let new messages disappear after {readable(seconds)}"
        case KeepHere(on=1):
            return "asked to keep this chat here: nothing is forwarded or exported"
        case _:
            return "ended that this chat is kept here"


def _number_text(entry: HistoryEntry, change: NumberChanged) -> str:
    """What somebody says of their number; their word, hence with both numbers."""
    old, new = readable_number(change.old), readable_number(change.new)
    return f"{author_name(entry)} says: my number is {safe_text(new)} now, it was {safe_text(old)}"


def _quoted(quote: Quote) -> str:
    return f"↩ “{'…' if quote.text is None else shortened(quote.text)}”"


def chat_entry(
    entry: HistoryEntry, *, with_addressee: bool = False, with_id: bool = False, with_group: bool = True
) -> Entry:
    """A line of the history as a line of a chat.

    Args:
        entry: the line.
        with_addressee: name whom one's own messages went to.
        with_group: name the group that others' messages came in.
        with_id: put the message's id in front of what it says.
    """
    if entry.kind is EntryKind.SECURITY_CODE_CHANGED:
        return Entry(entry.sent_at, "", f"{name_of(entry)} has a new security code", notice=True)
    if isinstance(entry.content, NumberChanged):
        return Entry(entry.sent_at, "", _number_text(entry, entry.content), notice=True)
    where = f" in {name_of(entry)}" if with_group and entry.group is not None else ""
    if entry.change is not None:
        said = change_sentence(entry.change)
        return Entry(entry.sent_at, "", f"{name_of(entry)}: {said}" if with_group else said, notice=True)
    if entry.kind is EntryKind.RULE:
        who = ME if entry.outgoing else author_name(entry)
        if with_addressee and entry.outgoing and entry.group is None:
            where = f" (in the chat with {name_of(entry)})"
        return Entry(entry.sent_at, "", f"{who} {rule_text(entry.content)}{where}", notice=True)
    text = f"{entry.message_id}  {body(entry)}" if with_id else body(entry)
    line = Entry(
        entry.sent_at,
        f"{author_name(entry)}{where}",
        text,
        id=entry.message_id,
        instead=DISAPPEARS if entry.life is not None and entry.life <= FLEETING_SECONDS else None,
        marked=tuple(mention_text(each) for each in entry.mentioned if not each.is_own),
        marked_me=tuple(mention_text(each) for each in entry.mentioned if each.is_own),
    )
    if not entry.outgoing:
        return line
    if entry.error_name is not None and entry.kind is not EntryKind.DELETED:
        text = f"{text}  ({_why(entry.state, entry.error_name)})"
    name = f"{ME} → {name_of(entry)}" if with_addressee else ME
    return replace(line, name=name, text=text, state=entry.state)


def _instead_of_text(entry: HistoryEntry) -> str:
    if entry.kind is EntryKind.UNDECRYPTABLE and entry.error_name in _LOST:
        return _LOST[entry.error_name]
    return _INSTEAD_OF_TEXT.get(entry.kind, "")


def entry_line(
    entry: HistoryEntry, *, with_addressee: bool = False, with_id: bool = False, with_group: bool = True
) -> Line:
    """A line of the history as it is printed."""
    return chat_entry(entry, with_addressee=with_addressee, with_id=with_id, with_group=with_group).line()
