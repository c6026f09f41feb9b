"""How log lines look: one line an event, for people on a terminal, as JSON everywhere else.

The packages log through the standard library, ``log.info("connection_closed", extra={"reason": "eof"})``: the
event's name is the message, its facts are ``extra``. Only this file knows structlog, which renders them.

Rule 1: an event is one line, whatever a peer put into a fact: control characters are written as escapes. Only
for people, on a terminal, a traceback follows below its line; in JSON it is the field ``exception``.
Rule 2: tracebacks never show local variables; keys and plaintexts live there.
"""

import logging
import os
import sys
from collections.abc import Mapping
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

# Wide enough for most event names, so that the facts of consecutive lines stand below each other.
_EVENT_COLUMNS = 28

# What every JSON line begins with, in this order; the facts follow in the order in which they were given.
_LEADING_FIELDS = ("at", "level", "logger", "event")


def configure_logging(
    json: bool | None = None,
    level: int | str = logging.INFO,
    stream: TextIO | None = None,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Send all log lines of this process to ``stream``; a later call replaces an earlier one.

    Args:
        json: One JSON object a line; False for lines that people read; None for JSON unless ``stream`` is a
            terminal. Colour is used on a terminal only, and not if ``NO_COLOR`` is set (no-color.org).
        level: From which level on Roost's own loggers speak. Libraries are heard from warnings on.
        stream: Where to; standard error unless told otherwise.
        facts: What every line says before its own facts: which of several processes it comes from. Looked at
            for each line, so that it may become known later.

    Raises:
        ValueError: ``level`` is not the name of a level.
    """
    stream = sys.stderr if stream is None else stream
    is_terminal = stream.isatty()
    as_json = not is_terminal if json is None else json
    handler = logging.StreamHandler(stream)
    common = facts if facts is not None else {}
    formatter = _json_formatter(common) if as_json else _console_formatter(_wants_color(is_terminal), common)
    handler.setFormatter(formatter)
    roost = logging.getLogger("roost")
    roost.setLevel(level)
    root = logging.getLogger()
    root.setLevel(max(logging.WARNING, roost.level))
    root.handlers[:] = [handler]


def _wants_color(is_terminal: bool) -> bool:
    return is_terminal and not os.environ.get("NO_COLOR")


def _json_formatter(facts: Mapping[str, object]) -> logging.Formatter:
    return _formatter(
        facts,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        _leading_fields_first,
        # Plain ASCII, as json.dumps does: it escapes C1 controls and odd line separators too (rule 1).
        structlog.processors.JSONRenderer(default=repr),
    )


def _console_formatter(colors: bool, facts: Mapping[str, object]) -> logging.Formatter:
    return _formatter(
        facts,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S.%f", utc=False),
        _escape_controls,
        structlog.dev.ConsoleRenderer(
            colors=colors,
            pad_event_to=_EVENT_COLUMNS,
            sort_keys=False,
            # Not rich's: it shows local variables.
            exception_formatter=structlog.dev.plain_traceback,
        ),
    )


def _formatter(facts: Mapping[str, object], *rendering: Processor) -> logging.Formatter:
    def add_facts(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.update(facts)
        return event

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            add_facts,
            structlog.stdlib.ExtraAdder(),
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )


def _leading_fields_first(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    leading = {field: event.pop(field) for field in _LEADING_FIELDS if field in event}
    return {**leading, **event}


def _escape_controls(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Make every string safe to print: no line breaks, no commands to the terminal."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[key] = "".join(char if char.isprintable() else _escape(char) for char in value)
    return event


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
