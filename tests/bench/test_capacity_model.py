"""The model's arithmetic: habits scale, parts add up to what was published, nothing missing is a zero."""

import math
from pathlib import Path

import pytest

from bench.capacity_model import (
    GROUP_RECIPIENTS,
    MEASURED,
    REED_2014,
    REEDS,
    SOURCES,
    TABLES,
    Costs,
    as_markdown,
    bytes_a_connection,
    main,
    needs,
    network_bits,
    parts,
    read_costs,
    waiting_bytes,
)
from bench.catalogue import CATALOGUE
from bench.document import document, write_document
from bench.node import SOURCE
from tests.bench.test_document import FINE, measurement

COSTS: Costs = dict.fromkeys(SOURCES, 100.0) | {
    "idle_connections": 12_000.0,
    "idle_percent": 1.0,
    "worker_bytes": 9_000.0,
    "kernel_bytes": 4_000.0,
}


def _measured(folder: Path) -> None:
    for file in {source.file for source in SOURCES.values()}:
        run = measurement(100.0, FINE)
        run.figures = {source.key: COSTS[name] for name, source in SOURCES.items() if source.file == file}
        write_document(folder / f"{file}.json", document([run], {"scenario": file}))


def test_habits_scale_with_users() -> None:
    small = REED_2014.scaled(10e6)
    assert small.connected / small.users == pytest.approx(REED_2014.connected / REED_2014.users)
    assert small.messages == pytest.approx(7_355, abs=1)


def test_the_parts_are_all_messages_and_all_deliveries_that_were_counted() -> None:
    here, away, groups, logins, _ = parts(REED_2014, COSTS, 100.0)
    assert here.a_second + away.a_second + groups.a_second == pytest.approx(REED_2014.deliveries)
    assert here.a_second + away.a_second + groups.a_second / GROUP_RECIPIENTS == pytest.approx(
        REED_2014.messages
    )
    assert away.a_second == pytest.approx(REED_2014.messages / 2)
    assert logins.a_second == REED_2014.logins


def test_a_ping_costs_what_idle_connections_used_while_each_pinged_once() -> None:
    ping = parts(REED_2014, COSTS, 100.0)[-1]
    assert ping.us_each == pytest.approx(100.0)  # 1 % of a core for 100 a second


def test_more_cores_and_memory_need_fewer_machines() -> None:
    for small, large in zip(
        needs(REED_2014, COSTS, MEASURED, 100.0), needs(REED_2014, COSTS, REEDS, 100.0), strict=True
    ):
        assert large.machines < small.machines


def test_the_sum_of_the_parts_is_put_beside_what_was_measured_together(tmp_path: Path) -> None:
    _measured(tmp_path)
    assert not any("mixed" in line for line in as_markdown("model-cpu", tmp_path))
    run = measurement(100.0, FINE)
    run.figures = {"worker_cpu_us_per_message": 1_234.0, "knee_per_s": 300.0}
    write_document(tmp_path / "mixed.json", document([run], {"scenario": "mixed"}))
    (line,) = (line for line in as_markdown("model-cpu", tmp_path) if "mixed" in line)
    # 100 µs each: 0.82 messages to one, 0.5 fetched later, 1.26 deliveries in groups, 0.67 logins.
    assert "325.4 µs by this sum; 1,234 µs measured together" in line


def test_memory_and_disk_are_multiplied_out() -> None:
    assert bytes_a_connection(COSTS) == 13_000.0
    memory = next(need for need in needs(REED_2014, COSTS, REEDS, 100.0) if need.what == "memory")
    assert memory.machines == pytest.approx(147e6 * 13_000 / (64 * 2**30 * 0.7))
    assert waiting_bytes(REED_2014, COSTS) == pytest.approx(19e9 / 2 / 3 * 100)
    assert math.log10(network_bits(REED_2014)) == pytest.approx(9, abs=0.5)


def test_every_figure_that_the_model_rests_on_is_one_of_the_catalogue() -> None:
    assert {source.key for source in SOURCES.values()} <= CATALOGUE.keys()


def test_as_long_as_a_figure_is_missing_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _measured(tmp_path)
    (tmp_path / "idle.json").unlink()
    assert read_costs(tmp_path) is None
    assert [list(as_markdown(name, tmp_path)) for name in TABLES] == [[]] * len(TABLES)
    assert main(["--results", str(tmp_path)]) == 1
    assert "idle.json" in capsys.readouterr().err


def test_all_tables_come_from_the_folder_of_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _measured(tmp_path)
    assert main(["--results", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    for word in ("`pairs-1000.json`", "10 M", "2,000 M", "chat servers", "**all of it**"):
        assert word in said


def test_the_page_of_the_house_has_a_place_for_each_table() -> None:
    page = (SOURCE / "docs" / "capacity.md").read_text(encoding="utf-8")
    for name in TABLES:
        assert f"<!-- bench {name} -->" in page
