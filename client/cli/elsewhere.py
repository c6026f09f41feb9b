"""What one's other devices do, in words and for machines: what they have sent, and how far a history is."""

from client.cli.message_json import details, who
from client.events import HistoryProgress
from client.records import HistoryEntry


def sent_event(entry: HistoryEntry) -> dict[str, object]:
    """A message that another device of this account has sent, as ``listen`` prints it."""
    event: dict[str, object] = {
        "event": "sent",
        "id": entry.message_id,
        "to": who(entry),
        "text": entry.text,
        "sent_at": entry.sent_at,
    }
    if entry.text is None:
        event["kind"] = entry.kind.name.lower()
    return event | details(entry)


def history_event(progress: HistoryProgress) -> dict[str, object]:
    """How far a history is, as ``listen`` prints it."""
    event: dict[str, object] = {
        "event": "history",
        "messages": progress.done,
        "of": progress.total,
        "done": progress.is_done,
    }
    return event if progress.device is None else event | {"device": progress.device}


def history_text(progress: HistoryProgress) -> str:
    """The same for people."""
    what = "history from your phone" if progress.device is None else f"history for device {progress.device}"
    if progress.is_done:
        return f"{what}: all of it, {progress.done:,} messages"
    return f"{what}: {progress.done:,} of {progress.total:,} messages"
