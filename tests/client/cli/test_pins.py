import getpass
import sys
from pathlib import Path

import pytest

from client.cli.pins import checked_pin, pin_in_file, typed_pin, typed_twice
from client.errors import PinError


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody at a terminal, who types these lines."""
    lines: list[str] = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: lines.pop(0))
    return lines


def test_what_stands_around_a_pin_does_not_matter() -> None:
    assert checked_pin(" 271828\n") == "271828"


@pytest.mark.parametrize("text", ["", "12345", "1234567", "27182a", "١٢٣٤٥٦"])
def test_what_is_no_pin_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(PinError, match="a PIN has 6 digits"):
        checked_pin(text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PinError, match="no such file"):
        pin_in_file(tmp_path / "pin")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "pin").write_bytes(b"\xff\xfe")
    with pytest.raises(PinError, match="is no text"):
        pin_in_file(tmp_path / "pin")


async def test_a_pin_is_typed_without_showing(terminal: list[str]) -> None:
    terminal.append("271828")
    assert await typed_pin("PIN: ") == "271828"


async def test_a_new_pin_is_typed_twice(terminal: list[str]) -> None:
    terminal += ["271828", "271828"]
    assert await typed_twice() == "271828"


async def test_two_that_differ_set_nothing(terminal: list[str]) -> None:
    terminal += ["271828", "271829"]
    with pytest.raises(PinError, match="not the same"):
        await typed_twice()


async def test_without_a_terminal_nobody_is_asked() -> None:
    with pytest.raises(PinError, match="--pin-file"):
        await typed_pin("PIN: ")
