"""Damage to the file of a store, as a disk does it that returns something else than was written.

Every place that is hit is in use: a bit that flips in a free page is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from storage import open_outside
from storage.outside import environment_files
from storage.tables import DURABLE_TABLES, META, Table

PAGE_BYTES = 4096
META_PAGES = 2

_FLAGS_OFFSET = 10
"""Of the flags in the head of a page."""
_BRANCH = 0x01
_HEAD_BYTES = 16

LAST_KEY = b"\xff" * 64


def damage_value(folder: Path, number: int, random: Random) -> str:
    """Flip a bit in the value of a row; what was hit, in words."""
    table, key, value = _draw_row(folder, number, random)
    place = len(key) + random.randrange(len(value))
    _change(folder, number, lambda data: _flip(data, key + value, place, 1 << random.randrange(8)))
    return f"a bit in the value of a row of {table}"


def damage_key(folder: Path, number: int, random: Random) -> str:
    """Flip a bit in the key of a row; what was hit, in words."""
    table, key, value = _draw_row(folder, number, random)
    place = random.randrange(len(key))
    _change(folder, number, lambda data: _flip(data, key + value, place, 1 << random.randrange(8)))
    return f"a bit in the key of a row of {table}"


def damage_branch(folder: Path, number: int, random: Random) -> str:
    """Let the branch pages of a store, or if it is too small for any its leaves, lead anywhere."""

    def scramble(data: bytearray) -> str:
        pages = range(META_PAGES * PAGE_BYTES, len(data), PAGE_BYTES)
        branches = [page for page in pages if data[page + _FLAGS_OFFSET] == _BRANCH]
        for page in branches or pages:
            data[page + _HEAD_BYTES : page + PAGE_BYTES] = random.randbytes(PAGE_BYTES - _HEAD_BYTES)
        return f"{len(branches)} branch pages" if branches else f"all {len(pages)} pages"

    return _change(folder, number, scramble)


def damage_meta(folder: Path, number: int, random: Random) -> str:
    """Write something else over the two pages that everything is found from."""

    def scramble(data: bytearray) -> str:
        data[: META_PAGES * PAGE_BYTES] = random.randbytes(META_PAGES * PAGE_BYTES)
        return "the meta pages"

    return _change(folder, number, scramble)


def cut_short(folder: Path, number: int, random: Random) -> str:
    """Let the file end anywhere before its end; what was hit, in words."""

    def cut(data: bytearray) -> str:
        length = len(data)
        del data[random.randrange(length) :]
        return f"all from byte {len(data)} of {length} on"

    return _change(folder, number, cut)


Damage = Callable[[Path, int, Random], str]

DAMAGES: Mapping[str, Damage] = {
    "value": damage_value,
    "key": damage_key,
    "branch": damage_branch,
    "meta": damage_meta,
    "cut short": cut_short,
}
"""{what is hit: how}. Each is given a store's folder and the number of the environment that it hits."""


def _change(folder: Path, number: int, change: Callable[[bytearray], str]) -> str:
    file = environment_files(folder)[number]
    data = bytearray(file.read_bytes())
    told = change(data)
    file.write_bytes(data)
    return told


def _draw_row(folder: Path, number: int, random: Random) -> tuple[Table, bytes, bytes]:
    """Any row that is somebody's, and short enough to lie in a page in one piece."""
    with open_outside(folder) as view, view.environments[number].read() as reader:
        rows = [
            (table, key, value)
            for table in DURABLE_TABLES
            if table != META
            for key, value in reader.scan(table, b"\0", LAST_KEY)
            if len(value) < PAGE_BYTES // 4
        ]
    return random.choice(rows)


def _flip(data: bytearray, row: bytes, place: int, bit: int) -> str:
    """Flip the same bit in every copy of a row that there is, also in pages that are free."""
    start = data.find(row)
    while start >= 0:
        data[start + place] ^= bit
        start = data.find(row, start + 1)
    return ""
