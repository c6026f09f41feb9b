import time
from collections.abc import Iterator

import pytest

from client.cli import rendering
from client.cli.rendering import (
    day,
    day_line,
    highlighted,
    message_line,
    named,
    notice_line,
    painted,
    safe_text,
    seen_text,
    shortened,
    tick,
)
from client.records import MessageState

PENDING, ACCEPTED, DELIVERED, READ, FAILED = list(MessageState)[:5]
NOON = 1_795_348_800.0  # Sunday 22 November 2026, 12:00 UTC


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_message_shows_time_tick_name_and_text() -> None:
    assert painted(message_line(NOON, "you", "hello", ACCEPTED), colour=False) == "12:00 ✓  you  hello"


def test_somebody_elses_message_has_no_tick_and_the_same_columns() -> None:
    mine = painted(message_line(NOON, "you", "hi", DELIVERED), colour=False)
    theirs = painted(message_line(NOON, "ann", "hi", None), colour=False)
    assert theirs == "12:00    ann  hi"
    assert mine.index("you") == theirs.index("ann")


def test_a_read_message_is_blue_on_a_terminal_and_says_so_in_a_file() -> None:
    line = message_line(NOON, "you", "hello", READ)
    assert "\x1b[1;94m✓✓\x1b[0m" in painted(line, colour=True)
    assert painted(line, colour=False) == "12:00 ✓✓ read you  hello"


def test_an_expired_message_is_told_from_a_refused_one_without_colours() -> None:
    assert painted([tick(MessageState.EXPIRED)], colour=False) == "✗ expired"
    assert painted([tick(MessageState.FAILED)], colour=False) == "✗ "


def test_every_tick_is_two_cells_wide() -> None:
    from wcwidth import wcswidth

    assert {wcswidth(text) for text in rendering.TICKS.values()} == {2}
    assert tick(None) == ("", "  ")


def test_later_lines_of_a_message_are_indented() -> None:
    assert painted(message_line(NOON, "ann", "one\ntwo", None), colour=False).endswith("one\n    two")


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x9b2J", "\r", "\x07", "\u202e", "\u2066", "\u2028"])
def test_a_message_cannot_command_the_terminal(hostile: str) -> None:
    assert hostile[0] not in safe_text(f"a{hostile}b")


def test_ordinary_text_stays_as_it_is() -> None:
    text = "Grüße 👩‍🚀 שלום\n\t你好"
    assert safe_text(text) == text


@pytest.mark.parametrize(
    ("hours_ago", "expected"), [(1, "Today"), (13, "Yesterday"), (48, "Friday 20 November 2026")]
)
def test_days_are_named_as_people_name_them(hours_ago: int, expected: str) -> None:
    assert day(NOON - hours_ago * 3600, NOON) == expected
    assert expected in painted(day_line(NOON - hours_ago * 3600, NOON), colour=False)


def test_a_long_message_is_shortened_to_its_beginning() -> None:
    assert shortened("hello") == "hello"
    assert shortened("x" * 30, 10) == "x" * 9 + "…"
    assert shortened("one\ntwo") == "one"


def test_a_notice_is_told_apart_from_a_message() -> None:
    assert painted(notice_line("offline"), colour=False) == "· offline"


def test_every_style_has_a_colour_for_a_plain_terminal() -> None:
    for style in rendering.STYLES:
        assert painted([(f"class:{style}", "x")], colour=True).startswith("\x1b[")


@pytest.mark.parametrize(
    ("is_online", "last_seen", "text"),
    [
        (True, None, "online"),
        (False, None, ""),
        (False, NOON - 3_600, "last seen today at 11:00"),
        (False, NOON - 86_400, "last seen yesterday at 12:00"),
        (False, NOON - 3 * 86_400, "last seen on Thursday 19 November 2026 at 12:00"),
    ],
)
def test_how_somebody_is_is_said_as_people_say_it(
    is_online: bool, last_seen: float | None, text: str
) -> None:
    assert seen_text(is_online, last_seen, NOON) == text


def test_a_name_stands_beside_the_number_and_cannot_pass_for_one() -> None:
    assert named(None, "+49 1511 2345678") == "+49 1511 2345678"
    assert named("Ann", "+49 1511 2345678") == "~Ann +49 1511 2345678"
    assert named("\x1b[2J", "+49") == "~\N{REPLACEMENT CHARACTER}[2J +49"


def test_the_longest_name_is_made_visible_where_several_begin() -> None:
    assert highlighted("hi @Ben Bo and @Ben", ("@Ben", "@Ben Bo")) == [
        ("", "hi "), ("class:mention", "@Ben Bo"), ("", " and "), ("class:mention", "@Ben"),
    ]  # fmt: skip
    assert highlighted("@you", (), ("@you",)) == [("class:mention-me", "@you")]
    assert highlighted("nobody", ()) == [("", "nobody")]
