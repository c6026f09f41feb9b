"""Every series measures what grows on a node of its own, and repetitions give medians."""

import argparse
import json
from pathlib import Path

import pytest

from bench import growth
from bench.catalogue import CATALOGUE
from bench.growth import SERIES, Rig, Series, measure_point
from bench.growth_tables import GROWING
from bench.measurement import Figure, Measurement
from bench.node import SOURCE
from bench.progress import Progress
from bench.verdict import Verdict

RIG = Rig(
    frozenset(),
    frozenset(),
    SOURCE,
    None,
    duration=0.3,
    warmup=0.1,
    progress=Progress(quiet=True),
    pairs=2,
    rate=100.0,
)
FACTS = {
    "date": "2026-01-01T00:00:00Z",
    "commit": "abc",
    "command": "roost bench growth",
    "machine": {"cores": 2, "cpu": "CPU", "memory_gib": 24.0, "system": "Linux 6"},
    "versions": {"python": "3.11.7"},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"), [("connections", 3), ("queued", 5), ("members", 3), ("workers", 2)]
)
def test_each_series_gives_the_figures_that_its_plots_show(name: str, value: int) -> None:
    figures, measurements = SERIES[name].measure(RIG, value)
    assert set(figures) == {key for keys in GROWING[name].plots for key in keys} <= CATALOGUE.keys()
    assert None not in figures.values()
    assert len(measurements) == 2


def _series(*cpu: Figure, is_valid: bool = True) -> Series:
    """One that measures nothing, and gives these values one after the other."""
    values = iter(cpu)
    verdict = Verdict(is_valid, "node", ("said",))
    return Series(
        "connections", (1,), lambda rig, value: ({"p99_ms": next(values)}, [Measurement({}, verdict, [])])
    )


def test_a_point_has_the_medians_of_its_repetitions_and_says_each_thing_once() -> None:
    point = measure_point(RIG, _series(3.0, 1.0, 2.0), 7, repeat=3)
    assert (point["value"], point["figures"], point["is_valid"]) == (7, {"p99_ms": 2.0}, True)
    assert [run["p99_ms"] for run in point["repetitions"]] == [3.0, 1.0, 2.0]
    assert point["remarks"] == ["said"]


def test_a_point_of_which_the_load_was_the_limit_is_marked() -> None:
    assert not measure_point(RIG, _series(1.0, is_valid=False), 7, repeat=1)["is_valid"]


def test_every_series_has_its_words() -> None:
    assert GROWING.keys() == SERIES.keys()


def test_the_command_measures_the_series_it_is_told_and_writes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(growth, "SERIES", {"connections": _series(2.0)})
    parser = argparse.ArgumentParser()
    growth.add_arguments(parser)
    parser.set_defaults(cpu_server=None, cpu_load=None)
    file = tmp_path / "growth.json"
    args = parser.parse_args(
        ["--series", "connections", "--quiet", "--json", str(file), "--report", str(tmp_path)]
    )
    assert growth.run(args, FACTS) == 0
    assert "connections  p99_ms" in capsys.readouterr().out
    assert json.loads(file.read_text())["series"]["connections"][0]["value"] == 1
    assert "<svg" in (tmp_path / "index.html").read_text()
