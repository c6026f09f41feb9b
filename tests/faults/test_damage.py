from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random

import pytest

from faults.real.damage import DAMAGES
from faults.real.storage_work import draw_submissions
from relay.doctor import PROBLEM
from roost.__main__ import main
from storage import InlineJournal, load_or_create_secrets, open_environment, prepare_store

SEEDS = range(4)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("store") / "data"
    prepare_store(data, 1, lambda _line: None, map_bytes=1 << 26, reserve_bytes=0).release()
    load_or_create_secrets(data, Random(1).randbytes)
    with open_environment(data, map_bytes=1 << 26, reserve_bytes=0) as environment:
        journal = InlineJournal(environment)
        for ops in draw_submissions(1, 150):
            journal.submit(ops, lambda _error: None)
    return data


def problems(data: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the doctor says is wrong with the store."""
    capsys.readouterr()
    assert main(["doctor", "--data", str(data), "--json"]) in (0, PROBLEM)
    findings = json.loads(capsys.readouterr().out)["findings"]
    return [
        each["seen"]
        for each in findings
        if each["verdict"] == "problem" and each["check"] in ("pages", "rows", "store")
    ]


def test_the_doctor_finds_nothing_wrong_with_a_store_that_is_whole(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problems(store, capsys) == []


@pytest.mark.parametrize("kind", DAMAGES)
def test_the_doctor_finds_every_kind_of_damage(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    for seed in SEEDS:
        data = tmp_path / str(seed)
        shutil.copytree(store, data)
        told = DAMAGES[kind](data, 0, Random(seed))
        assert told
        assert problems(data, capsys), f"seed {seed}: {told}"
