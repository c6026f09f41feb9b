"""The series of `roost bench growth`: as tables for people and for the documentation, and as plots."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from bench.catalogue import kind_of
from bench.document import INVALID, Document
from bench.errors import BenchError
from bench.machine import one_line
from bench.page import PAGE_NAME, STYLE
from bench.svg import Line, plot
from bench.table import columns, number


class Growing(NamedTuple):
    """What a series is about, in words."""

    title: str
    """Of the values."""
    plots: tuple[tuple[str, ...], ...]
    """Figures that share a plot, because they share a unit."""


_TALK = (("worker_cpu_us_per_message",), ("p50_ms", "p99_ms"), ("ticked_per_s",))
_GROUP = (("worker_cpu_us_per_delivery",), ("last_member_ms", "last_member_p99_ms"), ("delivered_per_s",))

GROWING: Mapping[str, Growing] = {
    "connections": Growing("idle devices beside the 400 that talk", _TALK),
    "queued": Growing("messages that wait for people who are away", _TALK),
    "members": Growing("members of the group, all online", _GROUP),
    "workers": Growing("workers", _TALK),
}

RESULT = "growth.json"


def as_text(found: Document) -> str:
    """All series, one after the other."""
    blocks = ["\n".join(_text_of(name, points)) for name, points in found["series"].items()]
    return "\n\n".join(blocks)


def _text_of(name: str, points: Sequence[Document]) -> Iterator[str]:
    keys = list(points[0]["figures"])
    rows = [[f"{point['value']:,}", *_cells(point, keys)] for point in points]
    yield from columns([[name, *keys], *rows], right=range(1 + len(keys)))
    yield from _notes(points)


def as_markdown(name: str, results: Path) -> Iterator[str]:
    """The table of one series, `growth-` and its name; nothing if it was not measured.

    Raises:
        BenchError: the file cannot be read.
    """
    file = results / RESULT
    if not file.exists():
        return
    found, series = read_growth(file), name.partition("-")[2]
    points = found["series"].get(series)
    if not points:
        return
    keys = list(points[0]["figures"])
    yield f"`{found['command']}`, commit {found['commit']}, {found['date'][:10]}, {one_line(found)}"
    yield ""
    yield f"| {GROWING[series].title} | {' | '.join(_heading(key) for key in keys)} |"
    yield f"|---:|{'---:|' * len(keys)}"
    for point in points:
        yield f"| {point['value']:,} | {' | '.join(_cells(point, keys))} |"
    yield f"| | {' | '.join(f'`{key}`' for key in keys)} |"
    notes = list(_notes(points))
    yield from ["", *notes] if notes else []


def read_growth(file: Path) -> Document:
    """Read what the command has written.

    Raises:
        BenchError: it is something else.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(f"{file}: {error}") from None
    if not isinstance(found, dict) or found.get("scenario") != "growth":
        raise BenchError(f"{file} is none of 'roost bench growth'")
    return found


def write_growth_page(folder: Path, found: Document) -> Path:
    """Write the page into a folder; returns the file.

    Raises:
        BenchError: it cannot be written.
    """
    page = folder / PAGE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.write_text("\n".join(_page(found)), encoding="utf-8")
    except OSError as error:
        raise BenchError(f"{page}: {error.strerror}") from None
    return page


def _page(found: Document) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>roost bench growth</title><style>{STYLE}</style></head><body><h1>How cost grows</h1>"
    yield f"<p>{escape(found['date'])}, commit {escape(found['commit'])}, {escape(one_line(found))}</p>"
    for name, points in found["series"].items():
        title = GROWING[name].title
        yield f"<h2>{escape(title)}</h2><pre>{escape(chr(10).join(_text_of(name, points)))}</pre>"
        for keys in GROWING[name].plots:
            lines = [Line(kind_of(key).title, _curve(points, key)) for key in keys]
            yield plot(kind_of(keys[0]).title, lines, title, kind_of(keys[0]).unit)
    yield f"<h2>How it was made</h2><pre>{escape(found['command'])}</pre></body></html>\n"


def _curve(points: Sequence[Document], key: str) -> list[tuple[float, float]]:
    return [
        (point["value"], point["figures"][key]) for point in points if point["figures"].get(key) is not None
    ]


def _heading(key: str) -> str:
    kind = kind_of(key)
    return f"{kind.title}, {kind.unit}"


def _cells(point: Document, keys: Sequence[str]) -> list[str]:
    """The medians, and behind each between what the repetitions lay, if there were several."""
    return [_cell(point, key) for key in keys]


def _cell(point: Document, key: str) -> str:
    values = [run[key] for run in point["repetitions"] if run[key] is not None]
    text = number(point["figures"][key])
    return f"{text} ({number(min(values))} to {number(max(values))})" if len(values) > 1 else text


def _notes(points: Sequence[Document]) -> Iterator[str]:
    for point in points:
        if not point["is_valid"]:
            yield f"- {point['value']:,}: **{INVALID}**"
        yield from (f"- {point['value']:,}: {line}" for line in point["remarks"] if _matters(line))


def _matters(remark: str) -> bool:
    """What a reader has to know to compare points: who was the limit is expected, and stands in the JSON."""
    return "busy" in remark or "not sustained" in remark or "not the node" in remark
