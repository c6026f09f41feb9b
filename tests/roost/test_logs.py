"""Log lines: one an event, for machines and for people."""

import io
import json
import logging
from typing import Any

import pytest

from roost.logs import configure_logging

log = logging.getLogger("roost.relay")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def json_lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def log_a_crash() -> None:
    secret = "do-not-print-locals"
    try:
        raise ValueError("first line\nsecond line")
    except ValueError:
        log.exception("mailbox_crashed", extra={"length": len(secret)})


def test_an_event_is_one_json_line_with_its_facts() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream)
    log.info("connection_closed", extra={"connection": 7, "reason": "eof"})
    (line,) = json_lines(stream)
    assert list(line) == ["at", "level", "logger", "event", "connection", "reason"]
    assert line["at"].endswith("Z")
    assert {**line, "at": ""} == {
        "at": "",
        "level": "info",
        "logger": "roost.relay",
        "event": "connection_closed",
        "connection": 7,
        "reason": "eof",
    }


def test_what_every_line_is_to_say_stands_before_its_own_facts() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream, facts={"worker": 3})
    log.info("connection_closed", extra={"connection": 7})
    (line,) = json_lines(stream)
    assert list(line) == ["at", "level", "logger", "event", "worker", "connection"]
    assert line["worker"] == 3


def test_a_traceback_is_a_field_of_its_one_json_line() -> None:
    stream = io.StringIO()
    configure_logging(json=True, stream=stream)
    log_a_crash()
    (line,) = json_lines(stream)
    assert line["event"] == "mailbox_crashed"
    assert line["exception"].startswith("Traceback (most recent call last)")
    assert "ValueError: first line\nsecond line" in line["exception"]


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_no_local_variables(as_json: bool) -> None:
    stream = io.StringIO()
    configure_logging(json=as_json, stream=stream)
    log_a_crash()
    assert "mailbox_crashed" in stream.getvalue()
    # The source line that names the variable is in no frame of the traceback, so only locals could show it.
    assert "do-not-print-locals" not in stream.getvalue()


def test_people_get_aligned_facts_and_no_colour_outside_of_a_terminal() -> None:
    stream = io.StringIO()
    configure_logging(json=False, stream=stream)
    log.info("short", extra={"connection": 7})
    log.info("a_longer_name", extra={"connection": 8})
    first, second = stream.getvalue().splitlines()
    assert "connection=7" in first
    assert first.index("connection=") == second.index("connection=")
    assert "\x1b" not in stream.getvalue()


def test_a_terminal_gets_lines_for_people_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    configure_logging(stream=stream)
    log.info("relay_started", extra={"port": 5252})
    assert "\x1b[" in stream.getvalue()
    assert "relay_started" in stream.getvalue()


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    configure_logging(stream=stream)
    log.info("relay_started")
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("as_json", [True, False])
def test_what_a_peer_says_can_neither_break_the_line_nor_command_the_terminal(as_json: bool) -> None:
    stream = io.StringIO()
    configure_logging(json=as_json, stream=stream)
    log.info("hello", extra={"client_name": "evil\n2026 fake_event\x1b[2J\x9b"})
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()
    assert "\x9b" not in stream.getvalue()


def test_what_json_does_not_know_is_written_as_python_does() -> None:
    stream = io.StringIO()
    configure_logging(json=True, stream=stream)
    log.info("odd_fact", extra={"kind": ValueError})
    assert json_lines(stream)[0]["kind"] == "<class 'ValueError'>"


def test_libraries_are_heard_from_warnings_on_and_roost_from_its_own_level() -> None:
    stream = io.StringIO()
    configure_logging(json=True, level="DEBUG", stream=stream)
    log.debug("detail")
    logging.getLogger("hypercorn").info("chatter")
    logging.getLogger("hypercorn").warning("trouble")
    assert [line["event"] for line in json_lines(stream)] == ["detail", "trouble"]


def test_a_level_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        configure_logging(level="LOUD")


def test_configuring_again_replaces_the_first_stream() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logging(stream=first)
    configure_logging(stream=second)
    log.warning("where")
    assert first.getvalue() == ""
    assert len(json_lines(second)) == 1
