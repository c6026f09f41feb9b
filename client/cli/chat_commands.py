"""The commands of a chat that are about a message: which one is meant, and what is said about it.

``/reply``, ``/react``, ``/forward``, ``/edit`` and ``/delete`` mean the last message that they can mean: the
other side's, or for the last two one's own. ``#3f0a`` behind the word, the beginning of an id as ``/ids``
shows it, means another. Plain functions on lines of the history; chat_orders.py does what they find.
"""

from collections.abc import Sequence

from client.cli.entries import body, short_id
from client.cli.rendering import safe_text, shortened
from client.errors import MessageChangeError
from client.records import EntryKind, HistoryEntry

LISTED = 10
"""Messages that ``/ids`` shows."""

MEANT_AMONG = 200
"""How far back in the chat a command looks."""

_SPOKEN = (EntryKind.TEXT, EntryKind.CONTACT, EntryKind.LOCATION)


def meant(entries: Sequence[HistoryEntry], words: str, *, own: bool) -> tuple[HistoryEntry, str]:
    """The message that a command means, and the rest of its words.

    Args:
        entries: the chat, oldest first.
        words: what stands behind the command.
        own: without an id, whether one of one's own is meant, or one of theirs.

    Raises:
        MessageChangeError: there is none, or more than one begins so.
    """
    spoken = [entry for entry in entries if entry.kind in _SPOKEN]
    first, _, rest = words.partition(" ")
    if first.startswith("#") and len(first) > 1:
        return _named(spoken, first[1:].lower()), rest.strip()
    of_side = [entry for entry in spoken if entry.outgoing is own]
    if not of_side:
        whose = "of yours" if own else "from them"
        raise MessageChangeError("no-such-message", f"there is no message {whose} here yet")
    return of_side[-1], words.strip()


def meant_to_view(entries: Sequence[HistoryEntry], words: str) -> HistoryEntry:
    """The message that ``/view`` means: the last that is to be viewed once, or the one that is named.

    Raises:
        MessageChangeError: there is none, or more than one begins so.
    """
    closed = [entry for entry in entries if entry.kind is EntryKind.VIEW_ONCE and not entry.outgoing]
    if words.startswith("#"):
        return _named(closed, words[1:].lower())
    if not closed:
        raise MessageChangeError("no-such-message", "there is nothing here that is to be viewed once")
    return closed[-1]


def _named(entries: Sequence[HistoryEntry], beginning: str) -> HistoryEntry:
    found = [entry for entry in entries if entry.message_id.startswith(beginning)]
    if not found:
        raise MessageChangeError(
            "no-such-message", f"no message's id begins with {beginning}; /ids shows some"
        )
    if len(found) > 1:
        raise MessageChangeError(
            "no-such-message", f"more than one id begins with {beginning}; type more of it"
        )
    return found[0]


def listed(entries: Sequence[HistoryEntry]) -> list[str]:
    """The last messages with the beginnings of their ids, for ``/ids``."""
    kinds = (*_SPOKEN, EntryKind.VIEW_ONCE)
    spoken = [entry for entry in entries if entry.kind in kinds][-LISTED:]
    return [f"{short_id(entry.message_id)}  {shortened(safe_text(body(entry)), 60)}" for entry in spoken]
