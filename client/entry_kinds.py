"""Which line of the history a content makes, and which content makes none."""

from client.records import EntryKind
from protocol.e2e import (
    ChatTimer,
    Contact,
    Content,
    Deletion,
    Edit,
    KeepHere,
    Location,
    NumberChanged,
    Opened,
    Reaction,
    Text,
    Unknown,
)

_KINDS: dict[type, EntryKind] = {
    Text: EntryKind.TEXT,
    Contact: EntryKind.CONTACT,
    Location: EntryKind.LOCATION,
    Reaction: EntryKind.CHANGE,
    Edit: EntryKind.CHANGE,
    Deletion: EntryKind.CHANGE,
    Opened: EntryKind.CHANGE,
    ChatTimer: EntryKind.RULE,
    KeepHere: EntryKind.RULE,
    NumberChanged: EntryKind.NUMBER_CHANGED,
    Unknown: EntryKind.UNKNOWN,
}

READABLE = (EntryKind.TEXT, EntryKind.CONTACT, EntryKind.LOCATION, EntryKind.RULE, EntryKind.VIEW_ONCE)
"""What somebody who has seen the line has read, so that its sender may be told."""


def kind_of(content: Content) -> EntryKind:
    """The kind of line that a content makes."""
    if isinstance(content, Text) and content.marks.view_once:
        return EntryKind.VIEW_ONCE
    return _KINDS[type(content)]
