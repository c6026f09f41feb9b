"""The JSON of a run: figures at the top by their keys, then how sure they are, then how they were made.

    {"scenario": "pairs", "ticked_per_s": 12589.3, ...,          the medians of all repetitions
     "is_valid": true, "limit": "node", "remarks": [...],
     "repetitions": [{"ticked_per_s": ..., ...}, ...],             what `roost bench compare` works on
     "spread": {"ticked_per_s": {"low": ..., "high": ...}, ...},
     "processes": [...], "points": [[...]], "histograms": {...},   what the plots are made of
     "parameters": ..., "node_settings": ..., "command": ..., "commit": ..., "machine": ..., "versions": ...}

Under `peers.<name>` stand the same figures of other servers with the same work in the same run, with their
own `is_valid`, `limit`, `remarks`, `spread` and `repetitions`, their `version`, and what they promise
(`promises`); or only `skipped`, how to install one that is not there; or only `failed`, why there are none.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.histogram import Histogram, merged
from bench.measurement import Figure, Measurement

FORMAT = 1
"""Goes up when a reader of older files would be misled."""

INVALID = "INVALID: these are the figures of the load, and not of the node"

Document = dict[str, Any]


def document(
    measurements: Sequence[Measurement], facts: Document, peers: Mapping[str, Document] | None = None
) -> Document:
    """What a run has measured.

    Args:
        measurements: the repetitions, one or more.
        facts: how it was made: scenario, parameters, machine, ...
        peers: {name: its `summary` and more, or why there is none}.
    """
    return {
        "format": FORMAT,
        **facts,
        **summary(measurements),
        "peers": dict(peers or {}),
        "processes": [[dataclasses.asdict(use) for use in each.uses] for each in measurements],
        "points": [[{"at": point.at, **point.values} for point in each.points] for each in measurements],
        "histograms": _histograms(measurements),
    }


def summary(measurements: Sequence[Measurement]) -> Document:
    """The figures of one system, and how sure they are."""
    repetitions = [dict(each.figures) for each in measurements]
    figures = {key: _median([each[key] for each in repetitions]) for key in repetitions[0]}
    invalid = [each.verdict for each in measurements if not each.verdict.is_valid]
    remarks = dict.fromkeys(line for each in measurements for line in each.verdict.sentences)
    return {
        **figures,
        "is_valid": not invalid,
        "limit": (invalid or [measurements[0].verdict])[0].limit,
        "remarks": list(remarks),
        "spread": {
            key: spread for key in figures if (spread := _spread([each[key] for each in repetitions]))
        },
        "repetitions": repetitions,
    }


def figures_of(found: Document) -> dict[str, Figure]:
    """The figures of a document: the keys that its repetitions have."""
    return {key: found[key] for key in found["repetitions"][0]}


def histogram_of(found: Document, what: str) -> Histogram:
    """One of a document's histograms."""
    return Histogram(dict(map(tuple, found["histograms"].get(what, ()))))


def write_document(file: Path, found: Document) -> None:
    """Write a document, one top-level key a line.

    Raises:
        BenchError: it cannot be written.
    """
    lines = (f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in found.items())
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    except OSError as error:
        raise BenchError(f"{file}: {error.strerror}") from None


def read_document(file: Path) -> Document:
    """Read what `write_document` has written.

    Raises:
        BenchError: it cannot be read, or is something else.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchError(f"{file}: {error.strerror}") from None
    except ValueError:
        raise BenchError(f"{file} is no JSON") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or not found.get("repetitions"):
        raise BenchError(f"{file} was not written by this version of 'roost bench'")
    return found


def _median(values: Sequence[Figure]) -> Figure:
    known = [value for value in values if value is not None]
    if not known:
        return None
    median = statistics.median(known)
    return round(median) if all(isinstance(value, int) for value in known) else median


def _spread(values: Sequence[Figure]) -> dict[str, Figure]:
    known = [value for value in values if value is not None]
    return {"low": min(known), "high": max(known)} if len(known) > 1 else {}


def _histograms(measurements: Sequence[Measurement]) -> dict[str, list[tuple[int, int]]]:
    names = dict.fromkeys(name for each in measurements for name in each.histograms)
    return {
        name: merged(each.histograms[name] for each in measurements if name in each.histograms).as_pairs()
        for name in names
    }
