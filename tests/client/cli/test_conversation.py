import pytest

from client.cli.conversation import Conversation, Entry
from client.cli.rendering import Line, painted
from client.records import MessageState

PENDING, ACCEPTED, DELIVERED, READ, FAILED = list(MessageState)[:5]
NOW = 1_795_348_800.0


def mine(name: str, state: MessageState = PENDING) -> Entry:
    return Entry(NOW, "you", f"text {name}", id=name, state=state)


def theirs(text: str) -> Entry:
    return Entry(NOW, "ann", text)


def texts(lines: list[Line]) -> list[str]:
    """The printed messages, without times, names and days."""
    plain = [painted(line, colour=False) for line in lines]
    return [line.rsplit("  ", 1)[-1] for line in plain if not line.startswith("──")]


def test_a_message_stays_live_until_it_is_read() -> None:
    chat = Conversation()
    chat.add(mine("a"))
    for state in (ACCEPTED, DELIVERED):
        assert chat.change("a", state) is None
        assert chat.settle(NOW) == []
        assert chat.live[0].state == state
    chat.change("a", READ)
    assert texts(chat.settle(NOW)) == ["text a"]
    assert chat.live == []


def test_somebody_elses_message_is_done_at_once() -> None:
    chat = Conversation()
    chat.add(theirs("hello"))
    assert texts(chat.settle(NOW)) == ["hello"]


def test_lines_are_settled_in_the_order_in_which_they_came() -> None:
    chat = Conversation()
    chat.add(mine("a"))
    chat.add(theirs("hello"))
    assert chat.settle(NOW) == []
    chat.change("a", READ)
    assert texts(chat.settle(NOW)) == ["text a", "hello"]


def test_too_many_live_lines_push_the_oldest_out() -> None:
    chat = Conversation()
    for name in "abcde":
        chat.add(mine(name))
    assert texts(chat.settle(NOW, keep=3)) == ["text a", "text b"]
    assert [entry.id for entry in chat.live] == ["c", "d", "e"]


def test_a_tick_for_a_line_that_scrolled_away_is_told_in_a_line_of_its_own() -> None:
    chat = Conversation()
    chat.add(mine("a"))
    chat.settle(NOW, keep=0)
    line = chat.change("a", DELIVERED)
    assert line is not None
    assert painted(line, colour=False) == "· ✓✓ text a"
    assert chat.change("a", DELIVERED) is None


@pytest.mark.parametrize("keep", [0, 8])
def test_a_tick_never_goes_back(keep: int) -> None:
    chat = Conversation()
    chat.add(mine("a", DELIVERED))
    chat.settle(NOW, keep)
    assert chat.change("a", ACCEPTED) is None
    assert all(entry.state == DELIVERED for entry in chat.live)


def test_a_tick_for_a_message_that_is_not_here_changes_nothing() -> None:
    assert Conversation().change("unknown", READ) is None


def test_a_refused_message_is_done() -> None:
    chat = Conversation()
    chat.add(mine("a"))
    chat.change("a", FAILED)
    assert "✗" in painted(chat.settle(NOW)[-1], colour=False)


def test_each_day_is_named_once_above_its_first_message() -> None:
    chat = Conversation()
    chat.add(Entry(NOW - 86_400, "ann", "one"))
    chat.add(Entry(NOW - 86_400, "ann", "two"))
    chat.add(Entry(NOW, "", "a notice has no day", notice=True))
    chat.add(Entry(NOW, "ann", "three"))
    plain = [painted(line, colour=False) for line in chat.settle(NOW)]
    assert [line for line in plain if line.startswith("──")] == ["── Yesterday ──", "── Today ──"]
    assert plain.index("── Today ──") == plain.index("· a notice has no day") + 1
