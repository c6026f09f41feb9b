import pytest

from client.cli.chat_commands import listed, meant, meant_to_view
from client.errors import MessageChangeError
from client.records import EntryKind, HistoryEntry, MessageState
from protocol.ids import DeviceId, MessageNumber, UserId


def entry(message_id: str, text: str, *, outgoing: bool, kind: EntryKind = EntryKind.TEXT) -> HistoryEntry:
    return HistoryEntry(
        message_id, kind, outgoing, UserId(7), None, None, DeviceId(1), MessageNumber(1), text, 1e9, 1e9,
        None, MessageState.SEEN, None,
    )  # fmt: skip


CHAT = [
    entry("aa11" + "0" * 12, "theirs", outgoing=False),
    entry("ab22" + "0" * 12, "mine", outgoing=True),
    entry("ac33" + "0" * 12, "", outgoing=True, kind=EntryKind.DELETED),
]


def test_without_an_id_the_last_message_of_the_side_is_meant() -> None:
    assert meant(CHAT, "yes, at nine", own=False) == (CHAT[0], "yes, at nine")
    assert meant(CHAT, "", own=True) == (CHAT[1], "")


def test_the_beginning_of_an_id_means_that_message() -> None:
    assert meant(CHAT, "#AB22 👍", own=False) == (CHAT[1], "👍")


@pytest.mark.parametrize("words", ["#ff x", "#a x", "#ac33 x"])
def test_an_id_of_no_message_of_several_or_of_a_deleted_one_is_refused(words: str) -> None:
    with pytest.raises(MessageChangeError):
        meant(CHAT, words, own=False)


def test_an_empty_chat_has_nothing_that_could_be_meant() -> None:
    with pytest.raises(MessageChangeError):
        meant([], "text", own=True)


def test_the_last_messages_are_listed_with_short_ids() -> None:
    assert listed(CHAT) == ["#aa11  theirs", "#ab22  mine"]


def test_what_is_to_be_viewed_is_the_last_of_theirs_or_the_one_that_is_named() -> None:
    closed = [entry(f"b{n}" + "0" * 14, "", outgoing=False, kind=EntryKind.VIEW_ONCE) for n in (1, 2)]
    assert meant_to_view([*CHAT, *closed], "") == closed[1]
    assert meant_to_view([*CHAT, *closed], "#b1") == closed[0]
    for words in ("", "#aa11"):
        with pytest.raises(MessageChangeError):
            meant_to_view(CHAT, words)
