"""The figures as a table for people and as JSON for machines."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
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


def write_json(path: Path, figures: Sequence[Figure]) -> None:
    """A list of objects with name, system, value, unit, and how sure the value is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [dataclasses.asdict(figure) for figure in figures]
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
