"""A QR code on a terminal shows the modules that the code has, in colours that a camera reads."""

import io
import sys

import pytest
import segno

from client.cli.qr_code import LIGHT_ON_DARK, PLAIN, qr_lines

TEXT = "roost-link:" + "x1-_" * 60
LIT = {" ": (False, False), "▀": (True, False), "▄": (False, True), "█": (True, True)}


class Screen(io.StringIO):
    """A standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


def light_modules(lines: list[str]) -> list[list[bool]]:
    """Where the signs of a terminal let light through, row by row."""
    rows: list[list[bool]] = []
    for line in lines:
        rows += [[LIT[sign][half] for sign in line] for half in (0, 1)]
    return rows


def test_what_is_dark_in_the_code_is_dark_on_the_screen() -> None:
    code = segno.make(TEXT, error="l", micro=False)
    expected = [[not module for module in row] for row in code.matrix_iter(border=4)]
    assert light_modules(qr_lines(TEXT))[: len(expected)] == expected


def test_on_a_terminal_its_colours_do_not_depend_on_the_theme(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = qr_lines(TEXT)
    monkeypatch.setattr(sys, "stdout", Screen())
    monkeypatch.setenv("NO_COLOR", "1")
    assert qr_lines(TEXT) == [f"{LIGHT_ON_DARK}{line}{PLAIN}" for line in plain]


def test_in_a_pipe_there_are_no_colours() -> None:
    assert not any("\x1b" in line for line in qr_lines(TEXT))
