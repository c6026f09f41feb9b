"""``roost link`` on a real node: what it shows, and what becomes of it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.cli import devices, link
from tests.client.cli.conftest import Desk
from tests.helpers.real_node import RealNode, running_node

ANN = "+491713920001"
COMMAND_SECONDS = 60.0  # each is a process of its own, on a machine that may be busy


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RealNode]:
    with running_node(tmp_path / "node", sms=f"file:{tmp_path}/codes") as node:
        yield node


def roost(*words: object) -> list[str]:
    return [sys.executable, "-m", "roost", *map(str, words)]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["text", "code"])
def test_a_folder_is_linked_by_what_it_shows(node: RealNode, tmp_path: Path, way: str) -> None:
    home, kitchen = tmp_path / "ann", tmp_path / "kitchen"
    where = ("--relay", node.relay)
    register = roost("register", "--home", home, *where, "--phone", ANN, "--code-from", tmp_path / "codes")
    subprocess.run(register, check=True, capture_output=True, timeout=COMMAND_SECONDS)
    command = roost("link", "--home", kitchen, *where, "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as shown:
        assert shown.stdout is not None
        invitation = json.loads(shown.stdout.readline())
        taken = subprocess.run(
            roost("devices", "link", "--home", home, invitation[way], "--json"),
            check=True,
            capture_output=True,
            timeout=COMMAND_SECONDS,
        )
        account = json.loads(shown.stdout.readline())
        history = json.loads(shown.stdout.readline())
        assert shown.wait(COMMAND_SECONDS) == 0
    assert (account["phone"], account["device"]) == (ANN, 2)
    assert (history["event"], history["done"]) == ("history", True)
    assert json.loads(taken.stdout)["name"] == "kitchen"
    listed = subprocess.run(
        roost("devices", "list", "--home", kitchen, "--json"),
        check=True,
        capture_output=True,
        timeout=COMMAND_SECONDS,
    )
    shown_there = json.loads(listed.stdout)["devices"]
    assert [each["is_this"] for each in shown_there] == [False, True]
    assert shown_there[1]["name"] == "kitchen"


def test_a_folder_with_an_account_is_left_alone(pair: Desk) -> None:
    outcome = pair.run(link, "--home", pair.home("ann"), "--relay", pair.relay.url)
    assert outcome.status == 2
    assert outcome.err.startswith("error: already-registered: ")


def test_a_relay_that_cannot_be_is_named(desk: Desk) -> None:
    outcome = desk.run(link, "--home", desk.home("new"), "--relay", "http://relay.example")
    assert outcome.status == 2
    assert outcome.err.startswith("error: invalid-relay-url: ")


def test_what_links_is_told_by_the_other_command(pair: Desk) -> None:
    """The words of the one lead to the other."""
    assert link.__doc__ is not None
    assert "roost devices link" in link.__doc__
    assert devices.__doc__ is not None
    assert "roost link" in devices.__doc__
