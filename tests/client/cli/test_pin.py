from pathlib import Path

import pytest

from client.cli import pin
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN
from tests.helpers.scripted_relay import CODE


@pytest.fixture
def pin_file(tmp_path: Path) -> Path:
    file = tmp_path / "pin"
    file.write_text("271828\n")
    return file


def test_a_pin_is_set_from_a_file_and_removed(pair: Desk, pin_file: Path) -> None:
    home = pair.home("ann")
    (facts,) = pair.run(pin, "set", "--home", home, "--pin-file", pin_file, "--json").objects
    assert facts == {"pin": True}
    assert pair.relay.pins[ANN] == "271828"
    removed = pair.run(pin, "remove", "--home", home)
    assert (removed.status, removed.out) == (0, "There is no PIN any more.\n")
    assert not pair.relay.pins[ANN]


def test_registering_a_number_with_a_pin_asks_for_it(pair: Desk, pin_file: Path) -> None:
    pair.run(pin, "set", "--home", pair.home("ann"), "--pin-file", pin_file)
    words = ("--code", CODE, "--take-over")
    refused = pair.register("new", ANN, *words)
    assert refused.status == 3
    assert refused.err.startswith("error: pin-required: This number is protected by a PIN")
    assert "in 7 days" in refused.err
    assert pair.register("new", ANN, *words, "--pin-file", pin_file).status == 0


def test_a_wrong_pin_is_told_with_what_is_left(pair: Desk, pin_file: Path) -> None:
    pair.run(pin, "set", "--home", pair.home("ann"), "--pin-file", pin_file)
    pin_file.write_text("000000")
    outcome = pair.register("new", ANN, "--code", CODE, "--take-over", "--pin-file", pin_file)
    assert (outcome.status, outcome.err) == (
        3,
        "error: pin-wrong: The PIN is wrong. 9 more guesses today.\n",
    )


def test_without_a_terminal_and_a_file_there_is_no_pin(pair: Desk) -> None:
    outcome = pair.run(pin, "set", "--home", pair.home("ann"))
    assert outcome.status == 2
    assert outcome.err.startswith("error: pin-invalid: nobody is here to type the PIN")


def test_a_folder_without_an_account_is_named(desk: Desk, pin_file: Path) -> None:
    outcome = desk.run(pin, "set", "--home", desk.home("nobody"), "--pin-file", pin_file)
    assert outcome.status == 2
    assert outcome.err.startswith("error: no-account: ")
