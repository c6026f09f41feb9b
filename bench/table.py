"""A run's figures as a table for people."""

from __future__ import annotations

from collections.abc import Container, Sequence

from bench.catalogue import kind_of
from bench.document import INVALID, Document, figures_of
from bench.measurement import Figure


def as_table(found: Document, *, with_keys: bool = False, without: Container[str] = ()) -> str:
    """The figures, with lowest and highest if there were repetitions; then what is to be said of them.

    Args:
        found: the run.
        with_keys: what the JSON calls each figure, as last column.
        without: keys of figures that stand elsewhere, beside those of others.
    """
    figures = {key: value for key, value in figures_of(found).items() if key not in without}
    rows = [_row(found, key, value) for key, value in figures.items() if value is not None]
    lines = columns(rows if with_keys else [row[:-1] for row in rows])
    if without and lines:
        lines.insert(0, "of roost alone")
    lines += [
        *([""] if lines else []),
        *([] if found["is_valid"] else [INVALID]),
        *(f"note: {line}" for line in found["remarks"]),
    ]
    return "\n".join(lines)


def _row(found: Document, key: str, value: Figure) -> tuple[str, ...]:
    kind = kind_of(key)
    spread = found["spread"].get(key)
    between = f"{number(spread['low'])} to {number(spread['high'])}" if spread else ""
    return (kind.title, number(value), kind.unit, between, key)


def number(value: Figure) -> str:
    """A figure as people read it: no more digits than it deserves."""
    if value is None:
        return "–"
    if isinstance(value, int) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def columns(rows: Sequence[Sequence[str]], right: Sequence[int] = (1,)) -> list[str]:
    """Rows as lines, each column as wide as its widest cell.

    Args:
        rows: all of the same length.
        right: the columns that are numbers.
    """
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
