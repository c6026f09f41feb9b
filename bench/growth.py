"""How cost grows: with connections, with messages that wait, with the size of a group, with workers.

  roost bench growth                       all four series, some ten minutes
  roost bench growth --series members --repeat 3 --json growth.json --report growth

Each point is a fresh node. CPU a message is that of pairs with a window of 8, as fast as it goes; p50 and p99
are of the same pairs at 1,000 messages a second, on the same node. In a group CPU a delivery is that with 4
messages on their way, and the last member's time is that of one message alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from bench.cores import choose_cores
from bench.document import FORMAT, Document, write_document
from bench.growth_tables import as_text, write_growth_page
from bench.measurement import Figure, Measurement, Scenario, Stage, fill_of, settings_of
from bench.node import SOURCE, running_node
from bench.progress import Progress
from bench.scenarios import fanout, pairs
from bench.scenarios.options import add_times, positive

RATE = 1_000.0
"""Messages a second at which p50 and p99 are measured: below what any point should have trouble with."""


@dataclass(frozen=True, slots=True)
class Rig:
    """How each point is measured."""

    cpu_server: frozenset[int] | None
    cpu_load: frozenset[int] | None
    source: Path
    folder: Path | None
    duration: float
    warmup: float
    progress: Progress
    pairs: int = pairs.DEFAULT.pairs
    rate: float = RATE

    @contextmanager
    def stage(self, module: ModuleType, plan: Any, workers: int) -> Iterator[Stage]:
        """A fresh node for a scenario."""
        scenario = cast("Scenario", module)
        cores = choose_cores(self.cpu_server, self.cpu_load, workers)
        with running_node(
            scenario.accounts(plan),
            workers=workers,
            cpus=cores.server,
            settings=settings_of(scenario, plan),
            folder=self.folder,
            source=self.source,
            fill=fill_of(scenario, plan),
            say=self.progress.say,
        ) as node:
            yield Stage(node, cores.load, max(1, len(cores.load)), self.progress)


Point = tuple[dict[str, Figure], list[Measurement]]
"""What one point came to, and where that is from."""


def talk(rig: Rig, *, idle: int = 0, queued: int = 0, workers: int = 1) -> Point:
    """Pairs as fast as they go, and then at a fixed rate, on one node.

    Raises:
        BenchError: it could not be measured.
    """
    fast = pairs.Plan(pairs=rig.pairs, duration=rig.duration, warmup=rig.warmup, idle=idle, queued=queued)
    calm = dataclasses.replace(fast, window=None, rate=rig.rate)
    with rig.stage(pairs, fast, workers) as stage, pairs.crowd(stage, fast):
        full, timed = pairs.measure_talk(stage, fast), pairs.measure_talk(stage, calm)
    figures = {key: full.figures[key] for key in ("ticked_per_s", "worker_cpu_us_per_message")}
    figures |= {key: timed.figures[key] for key in ("p50_ms", "p99_ms")}
    return figures, [full, timed]


def write_to_group(rig: Rig, members: int) -> Point:
    """A group as fast as it goes, and then with one message on its way, on one node.

    Raises:
        BenchError: it could not be measured.
    """
    busy = fanout.Plan(members=members, duration=rig.duration, warmup=rig.warmup)
    with rig.stage(fanout, busy, 1) as stage:
        full = fanout.measure(stage, busy)
        alone = fanout.measure(stage, dataclasses.replace(busy, window=1))
    figures = {key: full.figures[key] for key in ("delivered_per_s", "worker_cpu_us_per_delivery")}
    figures |= {key: alone.figures[key] for key in ("last_member_ms", "last_member_p99_ms")}
    return figures, [full, alone]


@dataclass(frozen=True, slots=True)
class Series:
    """One thing that grows."""

    name: str
    values: tuple[int, ...]
    measure: Callable[[Rig, int], Point]


SERIES: Mapping[str, Series] = {
    each.name: each
    for each in (
        Series("connections", (0, 1_000, 5_000, 10_000, 15_000), lambda rig, idle: talk(rig, idle=idle)),
        Series("queued", (0, 10_000, 100_000, 1_000_000), lambda rig, queued: talk(rig, queued=queued)),
        Series("members", (8, 64, 256, 1_024), write_to_group),
        Series("workers", (1, 2, 4), lambda rig, workers: talk(rig, workers=workers)),
    )
}


def measure_point(rig: Rig, series: Series, value: int, repeat: int) -> Document:
    """One value of a series: medians, between what the repetitions lay, and what is to be said of them.

    Raises:
        BenchError: it could not be measured.
    """
    runs: list[dict[str, Figure]] = []
    seen: list[Measurement] = []
    for number in range(1, repeat + 1):
        rig.progress.begin(f"growth, {value:,} {series.name} {number}/{repeat}: ")
        figures, measurements = series.measure(rig, value)
        runs.append(figures)
        seen += measurements
    return {
        "value": value,
        "figures": {key: _median([run[key] for run in runs]) for key in runs[0]},
        "repetitions": runs,
        "is_valid": all(each.verdict.is_valid for each in seen),
        "remarks": list(dict.fromkeys(line for each in seen for line in each.verdict.sentences)),
    }


def measure(rig: Rig, names: Sequence[str], repeat: int) -> dict[str, list[Document]]:
    """{series: its points}.

    Raises:
        BenchError: one could not be measured.
    """
    chosen = [SERIES[name] for name in names]
    return {
        series.name: [measure_point(rig, series, value, repeat) for value in series.values]
        for series in chosen
    }


def _median(values: Sequence[Figure]) -> Figure:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


# --- the command ---


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that are the command's own; those of where and how come from command.py."""
    parser.add_argument(
        "--series",
        action="append",
        choices=list(SERIES),
        metavar="NAME",
        help=f"this one only, may be repeated: {', '.join(SERIES)}",
    )
    add_times(parser, duration=10.0, warmup=3.0)
    parser.add_argument(
        "--repeat", type=positive, default=1, metavar="R", help="repetitions of each point (1)"
    )
    parser.add_argument(
        "--source", type=Path, default=SOURCE, metavar="DIR", help="the checkout the nodes run"
    )
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="where the nodes have their data: whose disk"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write a page with plots, DIR/index.html")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")


def run(args: argparse.Namespace, facts: Document) -> int:
    """Measure, and show it; returns 0.

    Args:
        args: the options.
        facts: where and with what it is measured.

    Raises:
        BenchError: a point could not be measured.
    """
    progress = Progress(quiet=args.quiet)
    rig = Rig(args.cpu_server, args.cpu_load, args.source, args.folder, args.duration, args.warmup, progress)
    began = time.monotonic()
    found: Document = {
        "format": FORMAT,
        "scenario": "growth",
        **facts,
        "rate": RATE,
        "series": measure(rig, args.series or list(SERIES), args.repeat),
        "took_s": round(time.monotonic() - began),
    }
    progress.clear()
    print(as_text(found))
    if args.json is not None:
        write_document(args.json, found)
    if args.report is not None:
        print(f"\nthe report is {write_growth_page(args.report, found)}")
    return 0
