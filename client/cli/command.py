"""What all phone commands share: how they run, how they end, and how they say what went wrong.

Exit statuses: 0 done, 2 wrong usage, 3 refused, 4 time is up, 130 interrupted; 1 is kept for what nobody
foresaw. An error is one line on standard error: ``error: <name>: <sentence>``.
"""

import argparse
import json
import logging
import math
import os
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from client.errors import (
    ClientError,
    HomeError,
    NotConnectedError,
    RequestTimeoutError,
    StoreFailedError,
    TextTooLongError,
    UserInputError,
)

DONE = 0
WRONG_USAGE = 2
REFUSED = 3
TIME_IS_UP = 4
INTERRUPTED = 130


def add_home(parser: argparse.ArgumentParser) -> None:
    """Add ``--home``, which every phone command has."""
    parser.add_argument("--home", type=Path, required=True, metavar="DIR", help="the folder of the phone")


def optional_home(parser: argparse.ArgumentParser, default: object = None) -> None:
    """Add ``--home`` where it may stand before or behind an action; ``home_of`` insists on it."""
    parser.add_argument("--home", type=Path, metavar="DIR", default=default, help="the folder of the phone")


def home_of(args: argparse.Namespace) -> Path:
    """The folder that was named. Raises UserInputError if none was."""
    home: Path | None = args.home
    if home is None:
        raise UserInputError("which phone? Say --home DIR")
    return home


def add_json(parser: argparse.ArgumentParser, what: str = "one JSON object") -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help=f"{what}, for machines")


def wants_colour() -> bool:
    """Whether output may be coloured: on a terminal that can, unless ``NO_COLOR`` is set (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def count(text: str) -> int:
    """An option's value that is a number of things, at least one; argparse says so if it is not."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def seconds(text: str) -> float:
    """An option's value that is a length of time; argparse says so if it is negative or no number."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return number


def run_command(command: Callable[[], Awaitable[int]]) -> int:
    """Run an asynchronous command to its exit status; Ctrl-C and SIGTERM end it in good order."""
    logging.getLogger("roost").addHandler(logging.NullHandler())  # a phone's log is not for its screen
    try:
        return trio.run(_until_signal, command)
    except (BaseExceptionGroup, ClientError, sqlite3.Error) as raised:
        if _is_only(raised, BrokenPipeError):
            # Whoever read our output has left (`roost listen | head`): the console script knows what to do.
            raise BrokenPipeError from None
        error = _foreseen(raised)
        if error is None:
            raise
        return report(error)


def report(error: ClientError) -> int:
    """Say what went wrong; returns the exit status that belongs to it."""
    print(f"error: {error.name}: {error}", file=sys.stderr)
    if isinstance(error, UserInputError | HomeError | TextTooLongError):
        return WRONG_USAGE
    if isinstance(error, NotConnectedError | RequestTimeoutError):
        return TIME_IS_UP
    return REFUSED


def print_json(**fields: object) -> None:
    """Print one object on a line of its own, and see that it leaves at once.

    ASCII only: what somebody else wrote can then neither command a terminal nor break a line.
    """
    print(json.dumps(fields), flush=True)


async def _until_signal(command: Callable[[], Awaitable[int]]) -> int:
    """Run the command; a signal cancels it, so that it closes what it has opened."""
    status = INTERRUPTED
    async with trio.open_nursery() as nursery:

        async def watch() -> None:
            with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                ready.set()
                async for _ in signals:
                    nursery.cancel_scope.cancel()

        ready = trio.Event()
        nursery.start_soon(watch)
        await ready.wait()
        status = await command()
        nursery.cancel_scope.cancel()
    return status


def _is_only(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether it is of this kind, or a group of nothing else."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_only(each, kind) for each in error.exceptions)
    return isinstance(error, kind)


def _foreseen(error: BaseException) -> ClientError | None:
    """The error itself, out of the groups that nurseries wrap around it; None if any other is among them."""
    if isinstance(error, BaseExceptionGroup):
        inner = [_foreseen(each) for each in error.exceptions]
        return inner[0] if None not in inner else None
    if isinstance(error, sqlite3.Error):
        return StoreFailedError(error)
    return error if isinstance(error, ClientError) else None
