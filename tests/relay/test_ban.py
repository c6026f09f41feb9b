"""`roost ban`: what it says, to people and to machines."""

import argparse
import json
from pathlib import Path

import pytest

from relay import ban
from storage import open_environment

PHONE = "+491713920001"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    open_environment(tmp_path).close()
    return tmp_path


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    ban.add_arguments(parser)
    return ban.run(parser.parse_args([str(word) for word in words]))


def test_a_number_is_banned_and_said_so(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--data", data, PHONE, "--reason", "spam") == 0
    assert run("--data", data, PHONE, "--json") == 0
    people, machines = capsys.readouterr().out.splitlines()
    assert people == f"{PHONE} is banned; it has no account here."
    assert json.loads(machines) == {"phone": PHONE, "banned": True, "devices": 0}


def test_what_is_no_number_is_wrong_usage(data: Path) -> None:
    assert run("--data", data, "12") == 2
