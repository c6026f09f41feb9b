"""What a batch of submissions does to the tree: the merge of many operations into few, and its application.

In one batch nothing is durable before everything is, so only the last state of each key matters. The merge
keeps that and drops the rest: a cursor row that a busy queue wrote two hundred times is put once, and a row
that was put and deleted again is only looked up. A batch is never merged with the next one: between the two a
promise was made.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storage.errors import InvalidOperationError
from storage.tables import MAX_KEY_BYTES, Delete, DeleteRange, Op, Put, Table

if TYPE_CHECKING:
    import lmdb


@dataclass(slots=True)
class TableChanges:
    """The last state of every key that a batch touches in one table."""

    # {key: (position in the batch, the last operation on it)}
    rows: dict[bytes, tuple[int, Put | Delete]] = field(default_factory=dict)
    # (position in the batch, first, last), in order
    ranges: list[tuple[int, bytes, bytes]] = field(default_factory=list)


def merge(submissions: Iterable[Sequence[Op]]) -> dict[Table, TableChanges]:
    """The net effect of `submissions`, applied one after the other, table by table."""
    tables: dict[Table, TableChanges] = {}
    position = 0
    for ops in submissions:
        for op in ops:
            position += 1
            changes = tables.get(op.table)
            if changes is None:
                changes = tables[op.table] = TableChanges()
            if isinstance(op, DeleteRange):
                changes.ranges.append((position, op.first, op.last))
            else:
                changes.rows[op.key] = (position, op)
    for changes in tables.values():
        if changes.ranges and changes.rows:
            _drop_rows_under_later_ranges(changes)
    return tables


def _drop_rows_under_later_ranges(changes: TableChanges) -> None:
    """Forget rows that a later range of the same batch deletes.

    Ranges are applied to the tree before rows, so a row that is written after the range stays as it is.
    """
    keys = sorted(changes.rows)
    for position, first, last in changes.ranges:
        for key in keys[bisect_left(keys, first) : bisect_right(keys, last)]:
            row = changes.rows.get(key)
            if row is not None and row[0] < position:
                del changes.rows[key]


def apply(
    txn: lmdb.Transaction[bytes],
    database: Callable[[Table], lmdb._Database],
    tables: dict[Table, TableChanges],
) -> None:
    """Make the merged changes in the write transaction `txn`; committing it is the caller's.

    Raises:
        lmdb.Error: as LMDB has it; the transaction is to be aborted.
    """
    for table, changes in tables.items():
        with txn.cursor(database(table)) as cursor:
            for _, first, last in changes.ranges:
                delete_range(cursor, first, last)
            # In key order, neighbours land in the same page one after the other.
            puts: list[tuple[bytes, bytes]] = []
            for key, (_, op) in sorted(changes.rows.items()):
                if isinstance(op, Put):
                    puts.append((key, op.value))
                elif cursor.set_key(key):
                    cursor.delete()
            if puts:
                cursor.putmulti(puts)


def delete_range(cursor: lmdb.Cursor[bytes], first: bytes, last: bytes) -> int:
    """Delete every row with `first <= key <= last`; returns how many there were."""
    deleted = 0
    found = cursor.set_range(first)
    while found and cursor.key() <= last:
        # delete() leaves the cursor on the row that followed; its result only says whether there was one to
        # delete.
        cursor.delete()
        deleted += 1
        found = bool(cursor.key())
    return deleted


def check(ops: Sequence[object], known: Callable[[Table], bool]) -> InvalidOperationError | None:
    """Why LMDB could never take these operations, or None.

    Asked only when a batch was turned down: checking a million good operations to find no bad one is a waste.
    """
    for op in ops:
        if not isinstance(op, Put | Delete | DeleteRange):
            return InvalidOperationError(f"{type(op).__name__} is not an operation")
        if not known(op.table):
            return InvalidOperationError(f"there is no table {op.table!r}")
        keys: tuple[object, ...] = (op.first, op.last) if isinstance(op, DeleteRange) else (op.key,)
        for key in keys:
            if not isinstance(key, bytes) or not 0 < len(key) <= MAX_KEY_BYTES:
                return InvalidOperationError(
                    f"a key of table {op.table!r} is not 1 to {MAX_KEY_BYTES} bytes long"
                )
        value: object = op.value if isinstance(op, Put) else b""
        if not isinstance(value, bytes):
            return InvalidOperationError(
                f"a value for table {op.table!r} is {type(value).__name__}, not bytes"
            )
    return None
