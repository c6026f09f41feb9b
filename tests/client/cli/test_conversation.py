import pytest

from client.cli.conversation import Conversation, Entry, gone_text
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


def test_a_line_stays_live_and_its_tick_changes_as_long_as_there_is_room() -> None:
    chat = Conversation()
    chat.add(mine("a"))
    chat.add(theirs("hello"))
    for state in (ACCEPTED, DELIVERED, READ):
        assert chat.change("a", state) is None
        assert chat.settle(NOW, room=3) == []
        assert chat.live[0].state == state


def test_without_room_the_oldest_lines_are_settled_in_the_order_in_which_they_came() -> None:
    chat = Conversation()
    for name in "abcde":
        chat.add(mine(name))
    assert texts(chat.settle(NOW, room=3)) == ["text a", "text b"]  # the day takes no room any more
    assert [entry.id for entry in chat.live] == ["c", "d", "e"]


def test_a_line_that_takes_several_rows_needs_the_room_for_them() -> None:
    chat = Conversation()
    chat.add(theirs("long"))
    chat.add(theirs("short"))
    assert texts(chat.settle(NOW, 3, lambda line: 3 if "long" in painted(line, colour=False) else 1)) == [
        "long"
    ]


def test_the_live_lines_name_the_day_above_the_first_message_of_it() -> None:
    chat = Conversation()
    chat.add(theirs("hello"))
    assert painted(chat.lines(NOW)[0], colour=False) == "── Today ──"
    assert texts(chat.lines(NOW)) == ["hello"]


def test_a_message_that_has_changed_reads_otherwise_on_its_own_line() -> None:
    chat = Conversation()
    chat.add(mine("a"))
    edited = mine("a", ACCEPTED)
    edited.text = "text a  (edited)"
    assert chat.replace(edited)
    assert chat.live == [edited]


def test_what_has_scrolled_away_cannot_be_changed_and_says_so() -> None:
    chat = Conversation()
    chat.add(mine("a"))
    chat.settle(NOW, room=0)
    assert not chat.replace(mine("a"))
    assert not chat.replace(mine("never seen"))


def test_what_disappears_vanishes_and_what_had_scrolled_away_is_counted() -> None:
    chat = Conversation()
    chat.add(mine("a"))
    chat.settle(NOW, room=0)
    chat.add(mine("b"))
    assert chat.remove(["a", "b", "never seen"]) == 1
    assert chat.live == []
    assert chat.remove(["a"]) == 0
    assert gone_text(1) != gone_text(2)


def test_what_is_not_to_stay_is_not_left_in_the_terminals_history() -> None:
    chat = Conversation()
    chat.add(Entry(NOW, "ann", "secret", id="a", instead="(it disappears)"))
    assert texts(chat.lines(NOW)) == ["secret"]
    assert texts(chat.settle(NOW, room=0)) == ["(it disappears)"]
    assert chat.remove(["a"]) == 0  # nothing of it is up there


def test_a_screen_that_was_cleared_knows_nothing_of_before() -> None:
    chat = Conversation()
    chat.add(mine("a"))
    chat.settle(NOW, room=0)
    chat.add(mine("b"))
    chat.clear()
    assert chat.lines(NOW) == []
    assert chat.change("a", READ) is None


def test_a_tick_for_a_line_that_scrolled_away_is_told_in_a_line_of_its_own() -> None:
    chat = Conversation()
    chat.add(mine("a"))
    chat.settle(NOW, room=0)
    assert chat.change("a", DELIVERED) == "✓✓ text a"
    assert chat.change("a", DELIVERED) is None
    assert chat.change("a", READ) == "✓✓ read text a"


@pytest.mark.parametrize("room", [0, 8])
def test_a_tick_never_goes_back(room: int) -> None:
    chat = Conversation()
    chat.add(mine("a", DELIVERED))
    chat.settle(NOW, room)
    assert chat.change("a", ACCEPTED) is None
    assert all(entry.state == DELIVERED for entry in chat.live)


def test_a_tick_for_a_message_that_is_not_here_changes_nothing() -> None:
    assert Conversation().change("unknown", READ) is None


def test_a_refused_message_is_done() -> None:
    chat = Conversation()
    chat.add(mine("a"))
    chat.change("a", FAILED)
    assert "✗" in painted(chat.settle(NOW, room=0)[-1], colour=False)


def test_each_day_is_named_once_above_its_first_message() -> None:
    chat = Conversation()
    chat.add(Entry(NOW - 86_400, "ann", "one"))
    chat.add(Entry(NOW - 86_400, "ann", "two"))
    chat.add(Entry(NOW, "", "a notice has no day", notice=True))
    chat.add(Entry(NOW, "ann", "three"))
    plain = [painted(line, colour=False) for line in chat.settle(NOW, room=0)]
    assert [line for line in plain if line.startswith("──")] == ["── Yesterday ──", "── Today ──"]
    assert plain.index("── Today ──") == plain.index("· a notice has no day") + 1
