"""What a run is told as: a table of the faults, the figures of the whole, and the same as JSON.

Pure: from what was found to text. The names of the JSON's fields stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

MIB = 2**20

HELD, BROKEN, TOO_LITTLE = "held", "broken", "too little"
"""Verdicts: all that was promised held; something did not; too few messages went through to say."""

IN_PEACE = "(no fault)"
"""The row of what went wrong before the first fault."""

SHOWN_PROBLEMS = 20


@dataclass(slots=True)
class Row:
    """A fault, over all times that it struck."""

    fault: str
    promise: str = ""
    runs: int = 0
    skipped: str = ""
    """Why it was left out, if it was."""
    recovery: list[float] = field(default_factory=list)
    """Seconds, of each device and each run."""
    silence: float = 0.0
    """The longest time, over all runs, in which nobody got a tick."""
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    broken: list[str] = field(default_factory=list)
    """What else did not hold."""

    def as_data(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "fault": self.fault,
            "promise": self.promise,
            "runs": self.runs,
            "skipped": self.skipped,
            "recovery_p50_s": percentile(self.recovery, 0.5),
            "recovery_p99_s": percentile(self.recovery, 0.99),
            "recovery_worst_s": percentile(self.recovery, 1.0),
            "silence_worst_s": round(self.silence, 2),
            "lost": self.lost,
            "duplicated": self.duplicated,
            "reordered": self.reordered,
            "broken": self.broken,
        }


@dataclass(slots=True)
class Report:
    """All that is to be said of a run."""

    plan: str
    seed: int
    verdict: str
    seconds: float
    rows: list[Row]
    steps: list[dict[str, Any]]
    messages: dict[str, int]
    """What became of messages: written, accepted, delivered, ..."""
    crowd: dict[str, Any]
    """How many clients, people, devices, how often these began anew, and what they were shown."""
    node: dict[str, Any]
    """Memory before and after, restarts, and what its log complained of."""
    problems: list[str]
    """Everything that did not hold, a sentence each."""
    surprises: list[str] = field(default_factory=list)
    """Lines of the node's log about errors that no fault explains."""
    left_out: int = 0
    """Steps that the time was over for."""
    origin: dict[str, Any] = field(default_factory=dict)
    """Machine, versions, commit, command line."""

    def as_data(self) -> dict[str, Any]:
        """As JSON has it."""
        facts = asdict(self)
        return {**facts, "rows": [row.as_data() for row in self.rows]}


def percentile(values: Sequence[float], part: float) -> float | None:
    """The smallest value that so large a part of them does not exceed; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    place = max(0, -int(-part * len(ordered) // 1) - 1)
    return round(ordered[min(place, len(ordered) - 1)], 2)


# ---- as text ----

_COLUMNS = (
    "fault",
    "runs",
    "p50 s",
    "p99 s",
    "worst s",
    "silence s",
    "lost",
    "doubled",
    "reordered",
    "broken",
)
"""Recovery, of devices: half were back by then, all but a hundredth, all. Silence: nobody got a tick."""


def as_lines(report: Report) -> list[str]:
    """For a terminal."""
    lines = _table([_COLUMNS, *map(_cells, report.rows)])
    lines += [
        f"  {row.fault}: left out, {row.skipped}" for row in report.rows if row.skipped and not row.runs
    ]
    lines += ["", *_figures(report), ""]
    lines += [f"  surprising: {line}" for line in report.surprises[:SHOWN_PROBLEMS]]
    return [*lines, *_verdict(report)]


def as_markdown(report: Report) -> str:
    """For a page: with what was promised."""
    head = ("fault", "what was promised besides D1 to D8", *_COLUMNS[1:])
    rows = [(row.fault, row.promise, *_cells(row)[1:]) for row in report.rows]
    table = [_markdown_row(head), _markdown_row(["---"] * len(head)), *map(_markdown_row, rows)]
    lines = [f"# Real faults: plan {report.plan}, seed {report.seed}", ""]
    lines += [_origin_line(report.origin), "", *table, ""]
    lines += [f"- {line.strip()}" for line in _figures(report)]
    lines += ["", *(f"- left out: {row.fault}, {row.skipped}" for row in report.rows if row.skipped)]
    lines += ["", *(f"- surprising: `{line}`" for line in report.surprises)]
    return "\n".join([*lines, "", *_verdict(report)]) + "\n"


def _origin_line(origin: Mapping[str, Any]) -> str:
    machine, commit, command = (origin.get(key, "unknown") for key in ("machine_line", "commit", "command"))
    return f"{machine}; commit {commit}; `{command}`"


def _cells(row: Row) -> tuple[str, ...]:
    if row.skipped and not row.runs:
        return (row.fault, "0", *["-"] * (len(_COLUMNS) - 2))
    times = (percentile(row.recovery, part) for part in (0.5, 0.99, 1.0))
    spans = ("-" if each is None else f"{each:.1f}" for each in (*times, row.silence))
    counts = (row.lost, row.duplicated, row.reordered, len(row.broken))
    return (row.fault, str(row.runs), *spans, *map(str, counts))


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, all others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figures(report: Report) -> list[str]:
    node, crowd = report.node, report.crowd
    messages = ", ".join(f"{count:,} {name}" for name, count in report.messages.items())
    complaints = ", ".join(f"{count} {event}" for event, count in node["complaints"].items()) or "none"
    return [
        f"messages    {messages}",
        f"crowd       {crowd['people']} people with {crowd['devices']} devices in {crowd['clients']} clients;"
        f" {crowd['lives']} lives of devices; {crowd['shown']:,} messages shown",
        f"node        {node['rss_before'] / MIB:,.0f} MiB before, {node['rss_after'] / MIB:,.0f} MiB after;"
        f" {node['lives']} lives, {node['restarts']} restarts of workers; errors in its log: {complaints}",
        f"time        {report.seconds:.0f} s"
        + (f"; {report.left_out} faults more were in the plan" if report.left_out else ""),
    ]


def _verdict(report: Report) -> list[str]:
    if report.verdict == HELD:
        return ["all that was promised held"]
    if report.verdict == TOO_LITTLE:
        return ["NO VERDICT: hardly anything went through", *_problems(report)]
    return [f"VIOLATIONS: {len(report.problems)}", *_problems(report)]


def _problems(report: Report) -> list[str]:
    more = len(report.problems) - SHOWN_PROBLEMS
    shown = [f"  {problem}" for problem in report.problems[:SHOWN_PROBLEMS]]
    return [*shown, f"  and {more} more, in report.json"] if more > 0 else shown
