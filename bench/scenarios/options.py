"""Options that several scenarios have, and how their values are read."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """A whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def natural(text: str) -> int:
    """A whole number from 0."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return number


def positive_float(text: str) -> float:
    """A number above 0."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def seconds(text: str) -> float:
    """A number of seconds, 0 included."""
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return number


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
