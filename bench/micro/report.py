"""The figures as a table for people and as JSON for machines."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.micro.harness import Figure

# {name: (better is lower, what is asked for)}; what the design asks of one core.
TARGETS: dict[str, tuple[bool, float]] = {
    "idle_actor_bytes": (True, 3_000),
    "start_stop_1m_s": (True, 60),
    "tell_per_s": (False, 500_000),
    "ask_us": (True, 30),
    "wake_us": (True, 8),
    "restart_us_100k_siblings": (True, 1_000),
    "crash_storm_kept_up": (False, 0.9),  # of the 10,000 a second that are asked for
    "crash_storm_stall_reports": (True, 0),
}

_HEADS = ("what", "system", "value", "unit", "spread", "target", "note")


def meets_target(figure: Figure) -> bool | None:
    """Whether one of our figures is as good as asked for; None if nothing is asked, or it is a peer's."""
    target = TARGETS.get(figure.name)
    if target is None or figure.system != "roost":
        return None
    is_lower_better, bound = target
    return figure.value <= bound if is_lower_better else figure.value >= bound


def as_table(figures: Sequence[Figure]) -> str:
    """One line a figure, those of the same name together, ours first."""
    names = list(dict.fromkeys(figure.name for figure in figures))
    ordered = sorted(figures, key=lambda figure: (names.index(figure.name), figure.system != "roost"))
    lines = [_HEADS, *(_cells(figure) for figure in ordered)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADS))]
    padded = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    ]
    return "\n".join(line.rstrip() for line in padded)


def _cells(figure: Figure) -> tuple[str, ...]:
    spread = "" if figure.repetitions == 1 else f"{_number(figure.low)} .. {_number(figure.high)}"
    verdict = {None: "", True: "met", False: "MISSED"}[meets_target(figure)]
    return (figure.name, figure.system, _number(figure.value), figure.unit, spread, verdict, figure.note)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


# {name: what it is}, for those who do not know the names.
TITLES = {
    "idle_actor_bytes": "memory of an idle actor",
    "start_stop_1m_s": "a million actors started and stopped",
    "start_us": "start of an actor",
    "stop_us": "end of an actor",
    "tell_per_s": "messages told and handled",
    "ask_us": "question and answer",
    "wake_us": "waking an actor",
    "restart_us_100k_siblings": "restart of a child beside 100,000 others",
    "restart_us_100_siblings": "restart of a child beside 100 others",
    "crash_storm_restarts_per_s": "children crashed and restarted in a storm",
    "crash_storm_kept_up": "part of the storm that was kept up with",
    "crash_storm_cpu_us": "a crash and restart in the storm",
    "crash_storm_longest_lag_ms": "the longest that others waited in the storm",
    "crash_storm_stall_reports": "stalls that the runtime reported meanwhile",
}


def as_markdown(results: Path) -> Iterator[str]:
    """The newest run in a folder as the table of the documentation: a line a figure, a column a system."""
    files = sorted(results.glob("micro-*.json"), key=lambda file: (file.stem[:16], file.stat().st_mtime))
    if not files:
        return
    figures = [Figure(**row) for row in json.loads(files[-1].read_text(encoding="utf-8"))]
    systems = list(dict.fromkeys(["roost", *(figure.system for figure in figures)]))
    found = {(figure.name, figure.system): figure for figure in figures}
    yield f"`make bench-micro`, `{files[-1].name}`; medians of {figures[0].repetitions}"
    yield ""
    yield f"| | unit | {' | '.join(systems)} | target | key |"
    yield f"|---|---|{'---:|' * len(systems)}---|---|"
    for name in dict.fromkeys(figure.name for figure in figures):
        row = [found.get((name, system)) for system in systems]
        cells = ["–" if each is None else _number(each.value) for each in row]
        unit = next(each.unit for each in row if each is not None)
        mine = found.get((name, "roost"))
        asked = "" if mine is None else _asked(mine)
        yield f"| {TITLES.get(name, name)} | {unit} | {' | '.join(cells)} | {asked} | `{name}` |"
    yield ""
    for system in systems:
        noted = [figure for figure in figures if figure.system == system and figure.note]
        notes = "; ".join(f"{TITLES.get(figure.name, figure.name)}: {figure.note}" for figure in noted)
        yield f"- {system}: {notes}"


def _asked(figure: Figure) -> str:
    """What is asked for, and whether it is met."""
    if figure.name not in TARGETS:
        return ""
    is_lower_better, bound = TARGETS[figure.name]
    verdict = "met" if meets_target(figure) else "**missed**"
    return f"{'≤' if is_lower_better else '≥'} {_number(bound)}: {verdict}"


def write_json(path: Path, figures: Sequence[Figure]) -> None:
    """A list of objects with name, system, value, unit, and how sure the value is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [dataclasses.asdict(figure) for figure in figures]
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
