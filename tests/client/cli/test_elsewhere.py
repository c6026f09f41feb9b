"""What other devices of the account do, as it is shown."""

from client.cli.elsewhere import history_event, history_text, sent_event
from client.events import HistoryProgress
from client.records import EntryKind, HistoryEntry, MessageState
from protocol.ids import DeviceId, UserId


def entry(text: str | None) -> HistoryEntry:
    return HistoryEntry(
        message_id="00" * 8,
        kind=EntryKind.TEXT if text else EntryKind.UNKNOWN,
        outgoing=True,
        user=UserId(7),
        phone="+4930111",
        name=None,
        sender_device=None,
        number=None,
        text=text,
        sent_at=5.0,
        stored_at=6.0,
        accepted_at=None,
        state=MessageState.ACCEPTED,
        error_name=None,
    )


def test_what_was_sent_elsewhere_names_whom_it_went_to() -> None:
    assert sent_event(entry("hello")) == {
        "event": "sent",
        "id": "00" * 8,
        "to": "+4930111",
        "text": "hello",
        "sent_at": 5.0,
    }
    assert sent_event(entry(None))["kind"] == "unknown"


def test_a_history_says_how_far_it_is_and_where_it_goes() -> None:
    here, there = HistoryProgress(None, 1_000, 2_000, False), HistoryProgress(DeviceId(2), 2_000, 2_000, True)
    assert history_text(here) == "history from your phone: 1,000 of 2,000 messages"
    assert history_text(there) == "history for device 2: all of it, 2,000 messages"
    assert history_event(here) == {"event": "history", "messages": 1_000, "of": 2_000, "done": False}
    assert history_event(there)["device"] == 2
