"""Stores of limited size in the workers of one node: the map otherwise grows as far as the disk has room.

The limit stands in a file in the folder of what is within the node (within.py), and holds for workers that
start from then on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from faults.substitution import substituted

_FILE = "map.json"


@dataclass(frozen=True, slots=True)
class MapLimit:
    """How large a worker's store may become."""

    map_bytes: int
    reserve_bytes: int
    """When so much is left, new messages are refused."""


def limit_map(folder: Path, limit: MapLimit | None) -> None:
    """Let the stores of workers that start from now on have this limit; none for as it is by itself."""
    path = folder / _FILE
    if limit is None:
        path.unlink(missing_ok=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(limit)))


@contextmanager
def small_map(folder: Path) -> Iterator[None]:
    """In a worker: have its store opened with the limit that there is, for the length of a block."""
    from relay import worker_process
    from storage import open_store

    path = folder / _FILE
    if not path.exists():
        yield
        return
    limit = MapLimit(**json.loads(path.read_text()))
    limited = partial(
        open_store,
        map_bytes=limit.map_bytes,
        max_map_bytes=limit.map_bytes,
        reserve_bytes=limit.reserve_bytes,
    )
    with substituted(worker_process, "open_store", limited):
        yield
