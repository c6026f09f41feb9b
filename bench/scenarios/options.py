"""Options that several scenarios have, and how their values are read."""

from __future__ import annotations

import argparse
import math


def positive(text: str) -> int:
    """A whole number from 1."""
    return _whole(text, 1)


def natural(text: str) -> int:
    """A whole number from 0."""
    return _whole(text, 0)


def positive_float(text: str) -> float:
    """A number above 0."""
    number = _number(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number


def seconds(text: str) -> float:
    """A number of seconds, 0 included."""
    number = _number(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return number


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least}")
    return int(text)


def _number(text: str) -> float:
    """What is no number is not a number."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def add_times(parser: argparse.ArgumentParser, duration: float, warmup: float) -> None:
    """Add `--duration` and `--warmup` with a scenario's defaults."""
    parser.add_argument(
        "--duration",
        type=positive_float,
        default=duration,
        metavar="S",
        help=f"seconds measured ({duration:g})",
    )
    parser.add_argument(
        "--warmup",
        type=seconds,
        default=warmup,
        metavar="S",
        help=f"seconds of load before that ({warmup:g})",
    )
