from dataclasses import replace

from client.cli.message_json import event_of, line_of, who
from client.records import EntryKind, MessageState
from tests.client.cli.test_entries import BEN, entry


def test_an_event_has_the_fields_that_scripts_rely_on() -> None:
    assert event_of(entry()) == {
        "event": "message",
        "id": "0000000000000000",
        "from": BEN,
        "text": "hello",
        "sent_at": 1e9,
    }


def test_a_message_without_text_says_what_it_is() -> None:
    assert event_of(entry(None, kind=EntryKind.UNDECRYPTABLE))["kind"] == "undecryptable"


def test_a_line_of_the_history_names_direction_and_state() -> None:
    line = line_of(entry(outgoing=True, state=MessageState.DELIVERED))
    assert (line["direction"], line["state"], line["error"]) == ("out", "delivered", None)


def test_a_sender_whose_number_is_unknown_has_an_id_and_nobody_a_question_mark() -> None:
    assert who(entry(phone=None)) == "0000000000000007"
    assert who(replace(entry(phone=None), user=None)) == "?"
