"""Messages as machines read them: one object a message, the same fields in every command."""

from client.records import HistoryEntry, MessageState

STATE_NAMES = {state: state.name.lower() for state in MessageState}
"""``pending``, ``accepted``, ``delivered``, ``read``, ``failed``, ``expired``; or ``received``, ``seen``."""


def who(entry: HistoryEntry) -> str:
    """The other side of a message: their number, or what the relay calls them as long as it is unknown."""
    if entry.phone is not None:
        return entry.phone
    return f"{entry.user:016x}" if entry.user is not None else "?"


def event_of(entry: HistoryEntry) -> dict[str, object]:
    """A message that somebody sent us, as ``listen`` prints it."""
    event: dict[str, object] = {
        "event": "message",
        "id": entry.message_id,
        "from": who(entry),
        "text": entry.text,
        "sent_at": entry.sent_at,
    }
    if entry.text is None:
        event["kind"] = entry.kind.name.lower()
    return event


def line_of(entry: HistoryEntry) -> dict[str, object]:
    """A message in either direction, as ``history`` prints it."""
    return {
        "id": entry.message_id,
        "direction": "out" if entry.outgoing else "in",
        "with": who(entry),
        "kind": entry.kind.name.lower(),
        "text": entry.text,
        "sent_at": entry.sent_at,
        "state": STATE_NAMES[entry.state],
        "error": entry.error_name,
        "name": entry.name,
    }
