"""Everything that a store holds, whichever environment it lies in: to be the same before and after a move."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import TypeAlias

from protocol.ids import UserId, new_user_id
from storage import Delete, Layout, Put, open_environment, open_outside, prepare_store, read_layout
from storage.offline import open_writer
from storage.tables import DURABLE_TABLES, FAMILY_OF, GROUP_ITEMS, Family, Table, tables_of
from tests.storage.conftest import MIB

Rows: TypeAlias = dict[tuple[Table, bytes], bytes]

LAST_KEY = b"\xff" * 64


def prepare(data: Path, workers: int, told: list[str] | None = None) -> None:
    """Make the store ready for so many workers, as a node's parent does, and let go of it."""
    lines = [] if told is None else told
    prepare_store(data, workers, lines.append, map_bytes=64 * MIB, reserve_bytes=0).release()


def random_rows(random: Random, users: int, rows_each: int = 3) -> Rows:
    """Rows of some users in every table of users, and the same number in every one of the directory."""
    rows: Rows = {}
    for _ in range(users):
        user = new_user_id(random.randbytes)
        for table in tables_of(Family.USER):
            if table == GROUP_ITEMS:
                continue  # what is on its way arrives before a move: test_group_settling.py
            for _ in range(rows_each):
                key = user.to_bytes(8, "big") + random.randbytes(random.choice((0, 2, 10)))
                rows[table, key] = random.randbytes(random.randrange(1, 200))
        for table in tables_of(Family.DIRECTORY):
            rows[table, random.randbytes(random.choice((12, 32)))] = user.to_bytes(8, "big")
    return rows


def put(data: Path, rows: Rows) -> None:
    """Store each row in the environment that it belongs into."""
    _write(data, [Put(table, key, value) for (table, key), value in rows.items()])


def remove(data: Path, rows: Iterable[tuple[Table, bytes]]) -> None:
    """Remove each row from the environment that it belongs into."""
    _write(data, [Delete(table, key) for table, key in rows])


def _write(data: Path, changes: Sequence[Put | Delete]) -> None:
    layout = read_layout(data)
    for number in range(layout.environments):
        ops = [op for op in changes if _place(layout, op.table, op.key) == number]
        with (
            open_environment(data, number, map_bytes=64 * MIB, reserve_bytes=0) as environment,
            open_writer(environment) as write,
        ):
            write(ops)


def everything(data: Path) -> Rows:
    """All rows of the store; there is none that lies where it does not count, so none is there twice."""
    rows: Rows = {}
    with open_outside(data) as view:
        for environment in view.environments:
            with environment.read() as reader:
                for table in _data_tables():
                    for key, value in reader.scan(table, b"\0", LAST_KEY):
                        assert _place(view.layout, table, key) == environment.number, (table, key.hex())
                        rows[table, key] = value
    return rows


def _data_tables() -> Iterable[Table]:
    families = (Family.USER, Family.DIRECTORY)  # what others refer to is copied with them
    return (table for table in DURABLE_TABLES if FAMILY_OF[table] in families)


def _place(layout: Layout, table: Table, key: bytes) -> int:
    if FAMILY_OF[table] is Family.DIRECTORY:
        return 0
    return layout.owner(UserId(int.from_bytes(key[:8], "big")))
