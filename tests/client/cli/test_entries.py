from dataclasses import replace

from client.cli.entries import FLEETING_SECONDS, chat_entry, entry_line, name_of
from client.cli.rendering import painted
from client.records import EntryKind, HistoryEntry, Mentioned, MessageState
from protocol.ids import DeviceId, MessageNumber, UserId

BEN = "+4915112345679"


def entry(
    text: str | None = "hello",
    *,
    kind: EntryKind = EntryKind.TEXT,
    outgoing: bool = False,
    phone: str | None = BEN,
    state: MessageState = MessageState.RECEIVED,
    error_name: str | None = None,
    name: str | None = None,
) -> HistoryEntry:
    return HistoryEntry(
        "00" * 8, kind, outgoing, UserId(7), phone, name, DeviceId(1), MessageNumber(1), text, 1e9, 1e9, None,
        state, error_name,
    )  # fmt: skip


def test_a_person_is_named_by_number_or_by_what_the_relay_calls_them() -> None:
    assert name_of(entry()) == "+49 1511 2345679"
    assert name_of(entry(phone=None)) == "0000000000000007"


def test_ones_own_message_carries_its_tick_and_if_asked_its_addressee() -> None:
    mine = entry(outgoing=True, state=MessageState.ACCEPTED)
    assert chat_entry(mine).name == "you"
    assert chat_entry(mine).state is MessageState.ACCEPTED
    assert chat_entry(mine, with_addressee=True).name == "you → +49 1511 2345679"


def test_a_person_who_shows_a_name_is_named_by_both() -> None:
    assert name_of(entry(name="Ben")) == "~Ben +49 1511 2345679"


def test_a_message_that_waits_for_the_relay_says_for_what() -> None:
    mine = entry(outgoing=True, state=MessageState.PENDING, error_name="storage-full")
    assert painted(entry_line(mine), colour=False).endswith("hello  (waiting: the relay's storage is full)")


def test_a_failed_message_says_why() -> None:
    mine = entry(outgoing=True, state=MessageState.FAILED, error_name="mailbox-full")
    assert painted(entry_line(mine), colour=False).endswith("✗  you  hello  (not sent: mailbox-full)")


def test_somebody_elses_message_has_no_tick() -> None:
    assert chat_entry(entry()).state is None


def test_what_cannot_be_shown_is_said_in_words() -> None:
    assert "cannot show" in chat_entry(entry(None, kind=EntryKind.UNKNOWN)).text
    assert "not be decrypted" in chat_entry(entry(None, kind=EntryKind.UNDECRYPTABLE)).text


def test_a_message_that_has_been_asked_for_again_is_waited_for_in_words() -> None:
    waiting = entry(None, kind=EntryKind.UNDECRYPTABLE, error_name="asked-for")
    assert chat_entry(waiting).text.startswith("(waiting for this message")
    gone = entry(None, kind=EntryKind.UNDECRYPTABLE, error_name="never-came")
    assert "never came again" in chat_entry(gone).text


def test_a_new_security_code_is_a_notice() -> None:
    changed = chat_entry(entry(None, kind=EntryKind.SECURITY_CODE_CHANGED))
    assert changed.notice
    assert changed.text == "+49 1511 2345679 has a new security code"


def test_people_are_named_in_a_text_and_made_visible() -> None:
    ben = Mentioned(UserId(7), BEN, "Benny", is_own=False, book_name="Ben")
    me = Mentioned(UserId(8), "+4915112345678", None, is_own=True)
    text = f"ask @{BEN} or @+4915112345678, not @+4999999999"
    line = entry_line(replace(entry(text), mentioned=(ben, me)))
    assert painted(line, colour=False).endswith("ask @Ben or @you, not @+4999999999")
    assert ("class:mention", "@Ben") in line
    assert ("class:mention-me", "@you") in line


def test_what_lives_for_a_short_time_is_not_left_in_the_terminals_history() -> None:
    assert chat_entry(replace(entry(), life=FLEETING_SECONDS)).instead is not None
    assert chat_entry(replace(entry(), life=FLEETING_SECONDS + 1)).instead is None
    assert chat_entry(entry()).instead is None
