import json
from pathlib import Path

import pytest

from client.cli import send
from client.cli.status import home_status
from client.home_lock import HomeLock
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN, BEN


def test_a_phone_says_who_it_is_and_what_waits(pair: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    pair.run(send, "--home", pair.home("ann"), "--to", BEN, "hello")
    assert home_status(Path(pair.home("ann")), as_json=True) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["phone"] == ANN
    assert status["relay"] == pair.relay.url.place
    assert (status["messages"], status["unread"], status["outbox"]) == (1, 0, 0)
    assert status["groups"] == 0
    assert not status["in_use"]
    assert not status["logged_out"]


def test_people_get_it_in_words(pair: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert home_status(Path(pair.home("ann")), as_json=False) == 0
    assert capsys.readouterr().out.startswith("+49 1511 2345678  (device ")


def test_a_home_that_another_command_holds_is_in_use(pair: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    with HomeLock.acquire(Path(pair.home("ann"))):
        home_status(Path(pair.home("ann")), as_json=True)
    assert json.loads(capsys.readouterr().out)["in_use"]


def test_a_folder_that_is_no_phone_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert home_status(tmp_path / "nobody", as_json=True) == 2
    assert capsys.readouterr().err.startswith("error: no-account: ")
