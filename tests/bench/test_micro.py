"""The micro-benchmarks at tiny sizes: each runs and measures something; runner, table and JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bench.micro import (
    __main__ as runner,
)
from bench.micro import (
    bench_ask,
    bench_crash_storm,
    bench_idle_memory,
    bench_restart,
    bench_start_stop,
    bench_tell,
    bench_wake,
    catalogue,
)
from bench.micro.harness import (
    BenchError,
    Figure,
    Stopwatch,
    parse_figures,
    print_figures,
    resident_bytes,
    run_command,
    run_in_child,
    summarise,
)
from bench.micro.report import as_markdown, as_table, meets_target, write_json

# The names that readers of the JSON rely on.
PROMISED = {
    "idle_memory": "idle_actor_bytes",
    "start_stop": "start_stop_1m_s",
    "tell": "tell_per_s",
    "ask": "ask_us",
    "wake": "wake_us",
    "restart": "restart_us_100k_siblings",
    "crash_storm": "crash_storm_restarts_per_s",
}


@pytest.mark.parametrize(
    ("measure", "size", "name"),
    [
        (bench_idle_memory.measure, 2_000, PROMISED["idle_memory"]),
        (bench_start_stop.measure, 50, PROMISED["start_stop"]),
        (bench_tell.measure, 2_000, PROMISED["tell"]),
        (bench_ask.measure, 20, PROMISED["ask"]),
        (bench_wake.measure, 5, PROMISED["wake"]),
        (bench_restart.measure, 20, PROMISED["restart"]),
    ],
)
async def test_a_bench_measures_what_it_promises(
    measure: Callable[[int], Awaitable[list[Figure]]], size: int, name: str
) -> None:
    figures = await measure(size)
    assert (figures[0].name, figures[0].system) == (name, "roost")
    assert figures[0].value >= 0


async def test_a_storm_of_crashes_is_lived_through(monkeypatch: pytest.MonkeyPatch) -> None:
    logging.getLogger("roost").setLevel(logging.CRITICAL)
    monkeypatch.setattr(bench_crash_storm, "SECONDS", 0.05)
    figures = await bench_crash_storm.measure(100)
    assert figures[0].name == PROMISED["crash_storm"]
    assert figures[0].value > 0
    logging.getLogger("roost").setLevel(logging.NOTSET)


def test_every_bench_of_the_catalogue_is_promised_and_can_be_imported() -> None:
    assert {bench.name for bench in catalogue.BENCHES} == set(PROMISED)
    for peer in catalogue.PEERS:
        assert set(peer.sizes) <= set(PROMISED)


def test_the_median_stands_for_repeated_measurements_and_the_spread_is_kept() -> None:
    runs = [Figure("x", "roost", value, "us") for value in (5.0, 1.0, 3.0)]
    summary = summarise(runs)
    assert (summary.value, summary.low, summary.high, summary.repetitions) == (3.0, 1.0, 5.0, 3)


def test_figures_survive_being_printed_and_read(capsys: pytest.CaptureFixture[str]) -> None:
    figures = [Figure("x", "roost", 1.5, "us", note="CPU time")]
    print("a peer that chatters")
    print_figures(figures)
    assert parse_figures(capsys.readouterr().out) == figures


def test_a_program_that_fails_is_a_bench_error_with_its_last_words() -> None:
    with pytest.raises(BenchError, match="No module named"):
        run_in_child("bench.micro.bench_nothing", [])
    with pytest.raises(BenchError, match="no-such-program"):
        run_command(["/no-such-program"])


def test_memory_and_time_are_measured() -> None:
    watch = Stopwatch()
    assert resident_bytes() > 1_000_000
    assert watch.cpu_seconds() >= 0
    assert watch.wall_seconds() >= 0


@pytest.mark.parametrize(
    ("name", "system", "value", "verdict"),
    [
        ("ask_us", "roost", 29.0, True),
        ("ask_us", "roost", 31.0, False),
        ("tell_per_s", "roost", 499_999.0, False),
        ("tell_per_s", "roost", 500_000.0, True),
        ("ask_us", "beam", 1.0, None),
        ("start_us", "roost", 1.0, None),
    ],
)
def test_targets_are_for_our_own_figures(name: str, system: str, value: float, verdict: bool | None) -> None:
    assert meets_target(Figure(name, system, value, "")) is verdict


def test_the_table_puts_ours_first_and_shows_what_was_missed() -> None:
    table = as_table([Figure("ask_us", "beam", 2.0, "us"), Figure("ask_us", "roost", 99.0, "us")])
    ours, peer = table.splitlines()[1:]
    assert "roost" in ours
    assert "MISSED" in ours
    assert "beam" in peer


def test_the_json_is_a_list_of_named_values(tmp_path: Path) -> None:
    path = tmp_path / "results" / "micro.json"
    write_json(path, [Figure("ask_us", "roost", 20.0, "us")])
    [row] = json.loads(path.read_text(encoding="utf-8"))
    assert (row["name"], row["system"], row["value"], row["unit"]) == ("ask_us", "roost", 20.0, "us")


@pytest.mark.slow
def test_the_runner_measures_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "micro.json"
    assert runner.main(["--quick", "--only", "ask", "--no-peers", "--json", str(path)]) == 0
    assert "ask_us" in capsys.readouterr().out
    assert json.loads(path.read_text(encoding="utf-8"))[0]["name"] == "ask_us"


def test_a_peer_that_is_missing_or_fails_is_a_line_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = catalogue.Peer("absent", {"ask": 1}, lambda bench, size: [], lambda: "is not here")
    broken = catalogue.Peer("broken", {"ask": 1}, lambda bench, size: ["/no-such-program"], lambda: None)
    monkeypatch.setattr(runner, "PEERS", (absent, broken))
    monkeypatch.setattr(runner, "_measure_roost", lambda chosen, quick: ([], False))
    assert runner.main(["--quick", "--only", "ask", "--json", str(tmp_path / "micro.json")]) == 0
    told = capsys.readouterr().err
    assert "absent: is not here; skipped" in told
    assert "broken ask failed" in told


def test_the_documentation_has_the_newest_run_with_a_column_for_each_system(tmp_path: Path) -> None:
    old, new = (
        [Figure("ask_us", "roost", 40.0, "us")],
        [
            Figure("ask_us", "roost", 29.0, "us", note="CPU time"),
            Figure("ask_us", "beam", 1.2, "us"),
            Figure("start_us", "beam", 3.0, "us"),
        ],
    )
    write_json(tmp_path / "micro-2026-01-01-aaa.json", old)
    write_json(tmp_path / "micro-2026-02-01-bbb.json", new)
    lines = list(as_markdown(tmp_path))
    assert "| question and answer | us | 29.00 | 1.20 | ≤ 30.00: met | `ask_us` |" in lines
    assert "| start of an actor | us | – | 3.00 |  | `start_us` |" in lines
    assert "- roost: question and answer: CPU time" in lines
    assert list(as_markdown(tmp_path / "nowhere")) == []
