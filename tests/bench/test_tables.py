"""The tables of the documentation are written from JSON, and nothing else of the page is touched."""

import re
from pathlib import Path

import pytest

from bench.command import SCENARIOS
from bench.document import INVALID, document, write_document
from bench.node import SOURCE
from bench.tables import TARGETS, WRITERS, as_markdown, filled, main
from tests.bench.test_beside import a_peer
from tests.bench.test_document import SPOILT, a_document, measurement

FACTS = {
    "scenario": "pairs",
    "date": "2026-01-01T00:00:00Z",
    "commit": "abc",
    "command": "roost bench pairs",
    "machine": {"cores": 2, "cpu": "CPU", "memory_gib": 24.0, "system": "Linux 6"},
    "versions": {"python": "3.11.7"},
}
LAST = "between\n<!-- bench idle -->\nkept\n<!-- end of bench -->\n"
TABLE = {"pairs": list(as_markdown(a_document(10.0) | FACTS, {}))}
PAGE = "before\n<!-- bench pairs -->\nold\n<!-- end of bench -->\n" + LAST


def test_a_table_takes_the_place_of_the_old_one_and_the_rest_stays() -> None:
    page = filled(PAGE, TABLE)
    assert page.startswith(
        "before\n<!-- bench pairs -->\n`roost bench pairs`, commit abc, 2026-01-01, 2 cores"
    )
    assert "old" not in page
    assert page.endswith(LAST)


def test_a_table_that_is_written_again_is_the_same() -> None:
    once = filled(PAGE, TABLE)
    assert filled(once, TABLE) == once


def test_a_target_is_met_or_missed_the_right_way_round() -> None:
    found = document([measurement(10_000.0)], FACTS)
    assert any("≥ 12,000: **missed**" in line for line in as_markdown(found, {"ticked_per_s": 12_000}))
    assert any("≥ 9,000: met" in line for line in as_markdown(found, {"ticked_per_s": 9_000}))


def test_figures_that_are_the_loads_are_marked() -> None:
    found = document([measurement(1.0, SPOILT)], FACTS)
    assert f"- **{INVALID}**" in list(as_markdown(found, {}))


def test_peers_have_a_table_of_their_own_under_it() -> None:
    peers = {"fast": a_peer(40.0), "gone": {"skipped": "not installed"}}
    lines = list(as_markdown(document([measurement(20.0)], FACTS, peers), {}))
    assert any(line.startswith("|  | roost | fast |") for line in lines)
    assert lines[-1] == "- gone was skipped: not installed"


def test_the_page_of_the_house_has_a_place_for_each_table_with_targets() -> None:
    page = (SOURCE / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    places = set(re.findall(r"<!-- bench ([\w-]+) -->", page))
    assert places >= TARGETS.keys()
    assert {place.partition("-")[0] for place in places} <= SCENARIOS.keys() | WRITERS.keys()


def test_the_page_of_the_house_names_every_scenario() -> None:
    page = (SOURCE / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for name in SCENARIOS:
        assert f"| `{name}` |" in page


def test_the_command_fills_a_page_from_a_folder(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    write_document(tmp_path / "pairs.json", a_document(10.0) | FACTS)
    assert main(["--results", str(tmp_path), "--page", str(page)]) == 0
    assert "10.0" in page.read_text()


def test_what_is_counted_needs_no_file(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- bench wire -->\n<!-- end of bench -->\n<!-- bench micro -->\nkept\n<!-- end of bench -->\n"
    )
    assert main(["--results", str(tmp_path), "--page", str(page)]) == 0
    assert "XMPP" in page.read_text()
    assert "kept" in page.read_text()


def test_a_file_of_something_else_is_said_and_the_page_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    (tmp_path / "pairs.json").write_text("{}")
    assert main(["--results", str(tmp_path), "--page", str(page)]) == 1
    assert "pairs.json" in capsys.readouterr().err
    assert page.read_text() == PAGE
