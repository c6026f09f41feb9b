import argparse
import json
import os
import signal
import sqlite3
from pathlib import Path

import pytest
import trio

from client.cli.command import (
    INTERRUPTED,
    REFUSED,
    TIME_IS_UP,
    WRONG_USAGE,
    count,
    print_json,
    run_command,
    seconds,
    wants_colour,
)
from client.errors import (
    AccountExistsError,
    ClientError,
    NoAccountError,
    NotConnectedError,
    PhoneNumberError,
    RelayKeyError,
    RelayRefusedError,
)


def run_raising(error: ClientError) -> int:
    async def command() -> int:
        async with trio.open_nursery():  # wraps the error in a group, as every phone does
            raise error

    return run_command(command)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PhoneNumberError("12", "it is too short"), WRONG_USAGE),
        (NoAccountError(Path("ann")), WRONG_USAGE),
        (AccountExistsError(Path("ann"), "+49"), WRONG_USAGE),
        (RelayRefusedError("invalid-code", "The code is wrong."), REFUSED),
        (RelayKeyError("here:1"), REFUSED),
        (NotConnectedError("here:1", "connection refused"), TIME_IS_UP),
    ],
)
def test_an_error_is_one_line_with_its_name_and_its_own_status(
    error: ClientError, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_raising(error) == status
    assert capsys.readouterr().err == f"error: {error.name}: {error}\n"


def test_what_a_command_returns_is_its_status() -> None:
    async def command() -> int:
        return TIME_IS_UP

    assert run_command(command) == TIME_IS_UP


def test_an_error_that_nobody_foresaw_is_not_hidden() -> None:
    async def command() -> int:
        raise RuntimeError("a bug")

    with pytest.raises(BaseExceptionGroup) as caught:
        run_command(command)
    assert caught.group_contains(RuntimeError, match="a bug")


def test_a_store_that_fails_is_foreseen(capsys: pytest.CaptureFixture[str]) -> None:
    async def command() -> int:
        async with trio.open_nursery():
            raise sqlite3.OperationalError("database or disk is full")

    assert run_command(command) == WRONG_USAGE
    assert capsys.readouterr().err.startswith("error: store-failed: ")


def test_a_reader_that_has_left_is_told_to_the_console_script_as_what_it_is() -> None:
    async def command() -> int:
        async with trio.open_nursery():
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run_command(command)


def test_numbers_that_make_no_sense_are_refused_where_they_are_typed() -> None:
    assert (count("3"), seconds("0.5")) == (3, 0.5)
    for read, text in ((count, "0"), (count, "few"), (seconds, "-1"), (seconds, "nan"), (seconds, "long")):
        with pytest.raises(argparse.ArgumentTypeError):
            read(text)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_command_in_good_order(number: signal.Signals) -> None:
    closed = []

    async def command() -> int:
        try:
            os.kill(os.getpid(), number)
            await trio.sleep_forever()
        finally:
            closed.append(True)

    assert run_command(command) == INTERRUPTED
    assert closed == [True]


def test_json_is_one_line_of_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(text="ü\n\x1b[2J")
    line = capsys.readouterr().out
    assert line.isascii()
    assert line.count("\n") == 1
    assert json.loads(line) == {"text": "ü\n\x1b[2J"}


@pytest.mark.parametrize(
    ("is_terminal", "environment", "wanted"),
    [
        (True, {"TERM": "xterm"}, True),
        (False, {"TERM": "xterm"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colour_is_for_terminals_of_people_who_want_it(
    is_terminal: bool, environment: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal, raising=False)
    monkeypatch.setattr(os, "environ", environment)
    assert wants_colour() is wanted
