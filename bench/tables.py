"""Fills the tables of benchmarks.md and capacity.md from the JSON of runs: `make bench` runs it last.

    python -m bench.tables [--results bench/results] [--page docs/benchmarks.md]

A table stands between `<!-- bench NAME -->` and `<!-- end of bench -->` and comes from NAME.json, or from
what WRITERS has for the first word of its name; those without a file stay as they are. Nobody types a figure.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bench import beside, capacity_model, growth_tables, wire_sizes
from bench.catalogue import Better, kind_of
from bench.document import INVALID, Document, figures_of, read_document
from bench.errors import BenchError
from bench.machine import one_line
from bench.measurement import Figure
from bench.micro import report as micro
from bench.node import SOURCE
from bench.table import number

PAGES = (SOURCE / "docs" / "benchmarks.md", SOURCE / "docs" / "capacity.md")

TARGETS: Mapping[str, Mapping[str, float]] = {
    "pairs": {"ticked_per_s": 12_000, "worker_cpu_us_per_message": 70},
    "pairs-6000": {"p99_ms": 25},
    "fanout": {"delivered_per_s": 40_000, "last_member_ms": 50},
    "fanout-8": {"delivered_per_s": 40_000},
    "idle": {"worker_bytes_per_connection": 10_000, "idle_cpu_percent": 1},
    "login": {"logins_per_s": 1_000},
    "offline": {"accepted_per_s": 20_000},
}
"""{table: {figure: what is asked of one worker on one core}}."""

WRITERS: Mapping[str, Callable[[str, Path], Iterator[str]]] = {
    "growth": growth_tables.as_markdown,
    "micro": lambda name, results: micro.as_markdown(results),
    "model": capacity_model.as_markdown,
    "wire": lambda name, results: wire_sizes.as_markdown(),
}
"""{first word of a table's name: gives its lines, none if there is nothing to show}; of its name, and of the
folder of results."""

_SECTION = re.compile(r"(<!-- bench ([\w-]+) -->\n).*?(<!-- end of bench -->)", re.DOTALL)


def main(argv: Sequence[str] | None = None) -> int:
    """Fill the page; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.tables", description="fill the tables of the docs")
    parser.add_argument("--results", type=Path, default=SOURCE / "bench" / "results")
    parser.add_argument("--page", type=Path, action="append", help="a page, and not those of the house")
    args = parser.parse_args(argv)
    try:
        for page in args.page or PAGES:
            _fill(page, args.results)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _fill(file: Path, results: Path) -> None:
    page = file.read_text(encoding="utf-8")
    tables = _from_documents(page, results) | _from_writers(page, results)
    file.write_text(filled(page, tables), encoding="utf-8")


def _from_documents(page: str, results: Path) -> dict[str, list[str]]:
    files = {name: results / f"{name}.json" for name in _names(page) if _writer(name) is None}
    found = {name: read_document(file) for name, file in files.items() if file.exists()}
    return {name: list(as_markdown(each, TARGETS.get(name, {}))) for name, each in found.items()}


def _from_writers(page: str, results: Path) -> dict[str, list[str]]:
    writers = {name: _writer(name) for name in _names(page)}
    written = {name: list(write(name, results)) for name, write in writers.items() if write is not None}
    return {name: lines for name, lines in written.items() if lines}


def _writer(name: str) -> Callable[[str, Path], Iterator[str]] | None:
    return WRITERS.get(name.partition("-")[0])


def _names(page: str) -> list[str]:
    return [match[2] for match in _SECTION.finditer(page)]


def filled(page: str, tables: Mapping[str, Sequence[str]]) -> str:
    """The page with these tables, each as its lines, in their places."""

    def table_for(match: re.Match[str]) -> str:
        name = match[2]
        if name not in tables:
            return match[0]
        return match[1] + "".join(f"{line}\n" for line in tables[name]) + match[3]

    return _SECTION.sub(table_for, page)


def as_markdown(found: Document, targets: Mapping[str, float]) -> Iterator[str]:
    """One table: where it was measured, the figures, and what is to be said of them.

    With peers it has a column for each of them instead of the targets.
    """
    yield f"`{found['command']}`, commit {found['commit']}, {found['date'][:10]}, {one_line(found)}"
    yield ""
    yield from beside.as_markdown(found) if beside.measured_peers(found) else _figures(found, targets)
    yield ""
    yield from () if found["is_valid"] else (f"- **{INVALID}**",)
    yield from (f"- {remark}" for remark in (*found["remarks"], *beside.remarks(found)))


def _figures(found: Document, targets: Mapping[str, float]) -> Iterator[str]:
    yield "| | median | lowest to highest | unit | target | key |"
    yield "|---|---:|---|---|---|---|"
    for key, value in figures_of(found).items():
        if value is not None:
            yield _row(found, key, value, targets.get(key))


def _row(found: Document, key: str, value: Figure, target: float | None) -> str:
    kind, spread = kind_of(key), found["spread"].get(key)
    between = f"{number(spread['low'])} to {number(spread['high'])}" if spread else ""
    asked = "" if target is None else _verdict(value or 0.0, target, kind.better)
    return f"| {kind.title} | {number(value)} | {between} | {kind.unit} | {asked} | `{key}` |"


def _verdict(value: float, target: float, better: Better) -> str:
    is_met = value >= target if better is Better.HIGHER else value <= target
    sign = "≥" if better is Better.HIGHER else "≤"
    return f"{sign} {number(target)}: {'met' if is_met else '**missed**'}"


if __name__ == "__main__":
    sys.exit(main())
