"""`roost unban`: what it says, to people and to machines."""

import argparse
import json
from pathlib import Path

import pytest

from relay import ban_office, unban
from storage import open_environment

PHONE = "+491713920001"


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    unban.add_arguments(parser)
    return unban.run(parser.parse_args([str(word) for word in words]))


def test_a_ban_ends_and_ending_none_is_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_environment(tmp_path).close()
    ban_office.ban(tmp_path, PHONE, "")
    assert run("--data", tmp_path, PHONE) == 0
    assert ban_office.all_bans(tmp_path) == []
    assert run("--data", tmp_path, PHONE, "--json") == 0
    people, machines = capsys.readouterr().out.splitlines()
    assert people == f"{PHONE} is not banned."
    assert json.loads(machines) == {"phone": PHONE, "banned": False, "devices": 0}
    assert run("--data", tmp_path / "nowhere", PHONE) == 1
