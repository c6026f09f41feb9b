from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.storage_journal import PRODUCERS, main


@pytest.mark.slow
def test_the_storage_bench_measures_every_number_of_producers_at_every_level(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--folder", str(tmp_path), "--seconds", "0.02", "--queued", "0", "2000", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert [each["producers"] for each in figures["accepting"]] == [*PRODUCERS, *PRODUCERS]
    assert all(each["messages_per_second"] > 0 for each in figures["accepting"])
    assert [each["queued"] for each in figures["waiting"]] == [2000]
    assert figures["fdatasync_ms"] > 0
