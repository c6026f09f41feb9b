"""What a connection remembers of a chat abroad: whether an answer is missing, and which inquiry counts."""

from protocol import MessageNumber
from relay.bus.chat import Chat


def submitted(number: int) -> Chat:
    chat = Chat()
    chat.submitted = MessageNumber(number)
    return chat


def test_an_answer_for_the_newest_answers_for_all() -> None:
    chat = submitted(5)
    chat.answered(4)
    assert chat.submitted == 5
    chat.answered(5)
    assert chat.submitted == 0


def test_an_inquiry_is_void_once_everything_was_answered_without_it() -> None:
    chat = submitted(5)
    open_round = chat.inquire()
    chat.answered(5)
    assert chat.round != open_round


def test_only_the_latest_inquiry_counts() -> None:
    chat = submitted(5)
    first, second = chat.inquire(), chat.inquire()
    assert first != second == chat.round


def test_an_answer_to_nothing_changes_nothing() -> None:
    chat = Chat()
    chat.answered(5)
    assert (chat.submitted, chat.round) == (0, 0)
