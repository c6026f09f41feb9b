"""A series is a table, and a page with plots; what spoils a point stands below it."""

import json
from pathlib import Path

import pytest

from bench.document import INVALID, Document
from bench.errors import BenchError
from bench.growth_tables import as_markdown, as_text, read_growth, write_growth_page
from tests.bench.test_growth import FACTS


def _point(value: int, *p99: float, is_valid: bool = True, remark: str = "fine") -> Document:
    runs = [{"p99_ms": each, "worker_cpu_us_per_message": None} for each in p99]
    figures = {"p99_ms": p99[0], "worker_cpu_us_per_message": None}
    return {
        "value": value,
        "figures": figures,
        "repetitions": runs,
        "is_valid": is_valid,
        "remarks": [remark],
    }


def _found(*points: Document) -> Document:
    return {"format": 1, "scenario": "growth", **FACTS, "series": {"connections": list(points)}}


def test_the_documentation_has_a_line_for_each_point(tmp_path: Path) -> None:
    found = _found(_point(0, 2.0), _point(15_000, 20.0, 10.0, 30.0))
    (tmp_path / "growth.json").write_text(json.dumps(found))
    lines = list(as_markdown("growth-connections", tmp_path))
    assert lines[0].startswith("`roost bench growth`, commit abc, 2026-01-01")
    assert "| 0 | 2.00 | – |" in lines
    assert "| 15,000 | 20.0 (10.0 to 30.0) | – |" in lines


def test_what_was_not_measured_is_not_written(tmp_path: Path) -> None:
    assert list(as_markdown("growth-connections", tmp_path)) == []
    (tmp_path / "growth.json").write_text(json.dumps(_found(_point(0, 2.0))))
    assert list(as_markdown("growth-workers", tmp_path)) == []


def test_points_that_are_not_the_nodes_are_marked_and_disturbances_are_said() -> None:
    text = as_text(
        _found(_point(0, 2.0, is_valid=False), _point(1, 2.0, remark="the machine was busy"), _point(2, 2.0))
    )
    assert f"- 0: **{INVALID}**" in text
    assert "- 1: the machine was busy" in text
    assert "fine" not in text


def test_the_page_has_a_plot_for_each_unit_and_loads_nothing(tmp_path: Path) -> None:
    page = write_growth_page(tmp_path / "new", _found(_point(0, 2.0), _point(9, 3.0))).read_text()
    assert "<polyline" in page
    assert "http" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "growth.json"
    for text in ("{}", "[]", "x"):
        file.write_text(text)
        with pytest.raises(BenchError):
            read_growth(file)


def test_a_page_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(BenchError):
        write_growth_page(tmp_path / "taken", _found(_point(0, 2.0)))
