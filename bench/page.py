"""The report of a run as one HTML page that needs nothing else: figures, plots, and how they were made.

It loads no script, no font and no picture, so it can be mailed, and opened in ten years; colours follow the
reader's choice of light or dark.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from bench import beside
from bench.catalogue import kind_of
from bench.document import INVALID, Document, figures_of, histogram_of
from bench.errors import BenchError
from bench.svg import XY, Line, plot
from bench.table import number

PAGE_NAME = "index.html"

STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1c; --paper: #fff; --faint: #ddd; --dim: #666;
  --c0: #0b62c4; --c1: #c4450b; --c2: #1a7f37; --c3: #8250df; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e6e6e6; --paper: #16181c; --faint: #33373d; --dim: #a0a0a0;
  --c0: #6cb2ff; --c1: #ff9d6c; --c2: #6fdd8b; --c3: #c297ff; --bad: #ff8a80; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 1360px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; } td, th { padding: .2em .8em .2em 0; text-align: left; }
tr { border-bottom: 1px solid var(--faint); } td.n { text-align: right; font-variant-numeric: tabular-nums; }
figure { display: inline-block; width: 640px; max-width: 100%; margin: 1em 1em 1em 0; vertical-align: top; }
figcaption { font-weight: 600; } figcaption span { font-weight: 400; margin-right: 1em; }
svg { width: 100%; } svg text { fill: var(--dim); font-size: 12px; } .grid { stroke: var(--faint); }
polyline { fill: none; stroke-width: 1.8; stroke-linecap: round; }
polyline.c0 { stroke: var(--c0); } polyline.c1 { stroke: var(--c1); }
polyline.c2 { stroke: var(--c2); } polyline.c3 { stroke: var(--c3); }
span.c0 { color: var(--c0); } span.c1 { color: var(--c1); }
span.c2 { color: var(--c2); } span.c3 { color: var(--c3); }
.invalid { color: var(--bad); font-weight: 600; } pre { overflow-x: auto; }
pre, code { color: var(--dim); }
"""

# What was counted or timed: (the word that the load counts it with, what a plot calls it).
RATES = (
    ("ticked", "ticked ✓✓"),
    ("accepted", "accepted ✓"),
    ("delivered", "delivered"),
    ("drained", "fetched"),
    ("logins", "logins"),
)
TIMES = (
    ("ticked", "send → ✓✓"),
    ("accepted", "send → ✓"),
    ("delivered", "send → delivered"),
    ("login", "a login"),
)

# How a run was made, shown as it stands in the JSON.
FACTS = (
    "command",
    "commit",
    "date",
    "parameters",
    "workers",
    "node_settings",
    "cores",
    "machine",
    "versions",
)

Points = Sequence[dict[str, Any]]


def write_page(folder: Path, found: Document) -> Path:
    """Write the page into a folder; returns the file.

    Raises:
        BenchError: it cannot be written.
    """
    page = folder / PAGE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.write_text(as_page(found), encoding="utf-8")
    except OSError as error:
        raise BenchError(f"{page}: {error.strerror}") from None
    return page


def as_page(found: Document) -> str:
    """The whole page."""
    title = f"roost bench {found['scenario']}"
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            f"<p>{escape(found['date'])}, commit {escape(found['commit'])}</p>",
            *_remarks(found),
            *_figures(found),
            *_beside(found),
            "<h2>While it ran</h2>",
            *_plots_of(found["points"][0]),
            _distribution(found),
            "<h2>How it was made</h2>",
            *(_fact(key, found[key]) for key in FACTS if key in found),
            "</body></html>\n",
        ]
    )


def _remarks(found: Document) -> Iterator[str]:
    if not found["is_valid"]:
        yield f'<p class="invalid">{INVALID}</p>'
    yield "<ul>"
    for remark in found["remarks"]:
        yield f"<li>{escape(remark)}</li>"
    yield "</ul>"


def _figures(found: Document) -> Iterator[str]:
    """Medians, and between which values the repetitions lay."""
    repetitions = len(found["repetitions"])
    yield f"<h2>Figures</h2><p>Medians of {repetitions}.</p>" if repetitions > 1 else "<h2>Figures</h2>"
    yield "<table>"
    for key, value in figures_of(found).items():
        kind, spread = kind_of(key), found["spread"].get(key)
        between = f"{number(spread['low'])} to {number(spread['high'])}" if spread else ""
        yield (
            f'<tr><td>{escape(kind.title)}</td><td class="n">{number(value)}</td><td>{escape(kind.unit)}</td>'
            f"<td>{between}</td><td><code>{escape(key)}</code></td></tr>"
        )
    yield "</table>"


def _beside(found: Document) -> Iterator[str]:
    """Other servers with the same work, and what each promises."""
    if not found["peers"]:
        return
    yield "<h2>Beside other servers</h2><table>"
    names = beside.heading(found)
    yield "<tr>" + "".join(f"<th>{escape(name)}</th>" for name in names) + "</tr>"
    for title, *cells, unit, key in beside.figure_rows(found):
        numbers = "".join(f'<td class="n">{escape(cell)}</td>' for cell in cells)
        yield f"<tr><td>{escape(title)}</td>{numbers}<td>{escape(unit)}</td><td><code>{key}</code></td></tr>"
    for row in beside.promise_rows(found):
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "<td></td><td></td></tr>"
    yield "</table><ul>"
    yield from (f"<li>{escape(remark)}</li>" for remark in beside.remarks(found))
    yield "</ul>"


def _plots_of(points: Points) -> Iterator[str]:
    """The first repetition, second by second; warming up included, so that one sees whether it had ended."""
    seconds = "seconds since the load began"
    rates = [Line(name, _series(points, f"{word}_per_s")) for word, name in RATES if _has(points, word)]
    yield plot("Messages or logins a second", rates, seconds, "a second")
    timed = [(word, name) for word, name in TIMES if _series(points, f"{word}_p99_ms")]
    for percentile in ("p50", "p99"):
        lines = [Line(name, _series(points, f"{word}_{percentile}_ms")) for word, name in timed]
        yield plot(f"Latency, {percentile} of each second", lines, seconds, "ms")
    cpu = [Line(name, _series(points, f"{name}_cpu_percent")) for name in ("worker", "load")]
    yield plot("CPU, all processes of a kind together", cpu, seconds, "% of a core")
    yield plot("Memory of the workers against connections", _memory(points), "connections", "MiB (RSS)")


def _memory(points: Points) -> list[Line]:
    """Worth a plot only where connections grow: as long as they do."""
    pairs = [(point["online"], point["node_mib"]) for point in points if "node_mib" in point]
    growing = [pair for pair, after in zip(pairs, pairs[1:] + pairs[-1:], strict=True) if pair[0] <= after[0]]
    return [Line("workers", growing)] if len({online for online, _ in growing}) > 2 else []


def _distribution(found: Document) -> str:
    """Percentiles on a scale on which each step is ten times rarer, as HdrHistogram's plots have it."""
    lines = []
    for word, name in TIMES:
        curve = histogram_of(found, word).curve()
        shown = [(100 / (100 - percent), ms) for percent, ms in curve if percent <= 99.999]
        if shown:
            lines.append(Line(name, [(math.log10(rarity), ms) for rarity, ms in shown]))
    return plot(
        "Latency by percentile, all repetitions", lines, "nines: 1 is 90 %, 2 is 99 %, 3 is 99.9 %", "ms"
    )


def _series(points: Points, key: str) -> list[XY]:
    return [(point["at"], point[key]) for point in points if point.get(key) is not None]


def _has(points: Points, word: str) -> bool:
    return any(point.get(f"{word}_per_s") for point in points)


def _fact(key: str, value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)
    return f"<h3>{escape(key)}</h3><pre>{escape(text)}</pre>"
