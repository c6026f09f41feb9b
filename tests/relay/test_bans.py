"""`roost bans`: the list, for people and for machines, beside a node or without."""

import argparse
import json
from pathlib import Path

import pytest

from relay import ban_office, bans
from storage import open_environment

PHONE = "+491713920001"


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    bans.add_arguments(parser)
    return bans.run(parser.parse_args([str(word) for word in words]))


def test_bans_are_listed_with_when_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_environment(tmp_path).close()
    assert run("--data", tmp_path) == 0
    assert capsys.readouterr().out == ""
    ban_office.ban(tmp_path, PHONE, "spam")
    assert run("--data", tmp_path) == 0
    assert run("--data", tmp_path, "--json") == 0
    people, machines = capsys.readouterr().out.splitlines()
    assert people.startswith(f"{PHONE}  since 20")
    assert people.endswith(" UTC  spam")
    facts = json.loads(machines)
    assert (facts["phone"], facts["reason"]) == (PHONE, "spam")


def test_without_a_store_there_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--data", tmp_path) == 1
    assert capsys.readouterr().err.startswith("error: ")
