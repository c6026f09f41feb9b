"""faults/real/corruption.py: what is made of what others say; test_damage.py has the damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.real import corruption
from faults.real.damage import DAMAGES
from faults.real.fault import Broken


def test_there_is_a_fault_for_each_kind_of_damage() -> None:
    assert len(corruption.FAULTS) == len(DAMAGES)


def test_only_what_is_wrong_with_the_store_counts() -> None:
    findings = [
        {"check": "clock", "verdict": "problem", "seen": "it stands still"},
        {"check": "rows", "verdict": "ok", "seen": "3 whole"},
        {"check": "pages", "verdict": "problem", "seen": "2 damaged"},
    ]
    assert corruption._problems({"findings": findings}) == ["pages: 2 damaged"]


@pytest.mark.slow
async def test_a_doctor_who_finds_nothing_is_a_broken_promise(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="finds nothing wrong"):
        await corruption._diagnosis(tmp_path / "nothing there")


@pytest.mark.slow
async def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(Broken, match=r"roost backup ended with 1: error: .*nowhere"):
        await corruption._roost("backup", "--data", str(tmp_path / "nowhere"), "--to", str(tmp_path / "to"))
