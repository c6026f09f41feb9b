"""Lengths of time as people type and read them: ``24h``, ``7 days``."""

import argparse
import re

from protocol.limits import MAX_LIFE_SECONDS

OFF = "off"

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
_WORDS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])", re.ASCII)


def duration(text: str) -> int:
    """Seconds; 0 for ``off``. argparse says so if it is no length of time that a message can live."""
    if text == OFF:
        return 0
    found = _DURATION.fullmatch(text)
    seconds = int(found[1]) * _SECONDS[found[2]] if found is not None else 0
    if not 1 <= seconds <= MAX_LIFE_SECONDS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time like 24h, 7d, 90d, 30m or off, of at most {readable(MAX_LIFE_SECONDS)}"
        )
    return seconds


def readable(seconds: int) -> str:
    """The largest unit in which it is a whole number."""
    for size, word in _WORDS:
        if seconds % size == 0:
            count = seconds // size
            return f"{count} {word}" if count == 1 else f"{count} {word}s"
    raise AssertionError("every number of seconds is a whole number of seconds")
