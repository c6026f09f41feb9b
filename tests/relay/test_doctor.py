"""`roost doctor`: what it shows, and with what it ends."""

import json
from pathlib import Path

import pytest

from actors.ports import system_entropy
from relay.checkup import Finding, Verdict
from relay.doctor import as_json, as_text, worst
from roost.__main__ import main
from storage import load_or_create_secrets, open_environment

FINE = Finding("disk", Verdict.OK, "much room")
ODD = Finding("descriptors", Verdict.WARNING, "few", "raise them")
BAD = Finding("rows", Verdict.PROBLEM, "one damaged", "restore a backup")


def test_the_whole_is_as_good_as_its_worst_part() -> None:
    assert worst([FINE]) is Verdict.OK
    assert worst([FINE, ODD]) is Verdict.WARNING
    assert worst([ODD, BAD, FINE]) is Verdict.PROBLEM


def test_people_see_a_line_a_finding_with_the_advice_below() -> None:
    assert as_text([FINE, BAD]).splitlines() == [
        "ok       disk                much room",
        "problem  rows                one damaged",
        "                             -> restore a backup",
        "",
        "2 checks: 1 problems, 0 warnings",
    ]


def test_machines_get_one_object() -> None:
    answer = json.loads(as_json([ODD]))
    assert answer["verdict"] == "warning"
    assert answer["findings"] == [
        {"check": "descriptors", "verdict": "warning", "seen": "few", "advice": "raise them"}
    ]


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command for a healthy folder, on ports that nobody has."""
    monkeypatch.setenv("ROOST_LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("ROOST_ADMIN", "127.0.0.1:0")
    with open_environment(tmp_path / "data"):
        load_or_create_secrets(tmp_path / "data", system_entropy)
    return ["doctor", "--data", str(tmp_path / "data"), "--json"]


def test_a_healthy_node_ends_with_0_and_is_not_changed(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] in ("ok", "warning")
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_problem_ends_with_1(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").chmod(0o777)
    assert main(words) == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "problem"


def test_settings_that_cannot_be_used_end_with_2(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROOST_KEEPALIVE_SECONDS", "never")
    assert main(words) == 2
    assert "ROOST_KEEPALIVE_SECONDS" in capsys.readouterr().err
