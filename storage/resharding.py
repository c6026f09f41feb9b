"""Moves users between environments when the number of workers has changed. No node runs meanwhile.

    copy what changes its owner ──► replace the layout file ──► remove the rows at their old places
                                       the commit point

The layout file alone says which environment a user's rows count in. So before it is replaced the copies mean
nothing, and after it the originals mean nothing; either way what means nothing lies in an environment that
does not own its slot, and `sweep`, with which every start begins, removes it. A crash anywhere, also in a
sweep, is followed by the same two steps, with whatever number of workers then. Nothing else is remembered.
Rule 1: no row is removed before its copy and the layout are durable, with the names of both in their folders.
Rule 2: everything goes in small transactions: LMDB keeps the pages of a transaction until its end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from protocol.slots import first_user_of, slot_moves, slots_of
from storage import fanouts, mailboxes, payloads
from storage.environment import MIB, Environment, Reader, disk_free_bytes
from storage.errors import CorruptRecordError, NoRoomToMoveError
from storage.folder import environment_numbers, remove_environment, sync_folder
from storage.group_settling import settle_groups
from storage.layout import Layout
from storage.offline import Write, open_writer
from storage.store import DIRECTORY_ENVIRONMENT
from storage.tables import PAYLOADS, QUEUE, DeleteRange, Family, Put, Table, tables_of

log = logging.getLogger("roost.storage")

Tell: TypeAlias = Callable[[str], None]

BATCH_ROWS = 10_000
"""Rows in one transaction, if they are not larger than ..."""

BATCH_BYTES = 8 * MIB
"""... this together: the queue of a busy user may hold long messages."""

ESTIMATE_FACTOR = 1.25
"""Rows that are put one after the other fill their pages better than those they are copied from, but the
users that move may have more rows than the average."""

NEW_ENVIRONMENT_BYTES = MIB
"""What an environment takes beside its rows: meta pages, roots of tables, a list of free pages."""

TELL_PARTS = 10
"""A line is shown for each tenth of the whole ..."""

TELL_EVERY_ROWS = 100_000
"""... but not for less than this, about a second's work."""

LAST_KEY = b"\xff" * 64


class Measurable(Protocol):
    """An environment whose size can be seen, from inside or outside."""

    def table_bytes(self, tables: Sequence[Table]) -> int:
        """The bytes of the pages that hold the rows of `tables`."""


def copy_moving_users(environments: Sequence[Environment], before: Layout, after: Layout, tell: Tell) -> None:
    """Copy the rows of users whose owner is another one in `after`; durable when this returns.

    What is on its way from groups to members arrives first (fanouts.py, group_settling.py), and what the
    rows of queues refer to is copied with them.

    Args:
        environments: all of `before`, swept, and all of `after`, open.
        before: the layout that holds now.
        after: the layout that is to hold.
        tell: told in a line how far it is.

    Raises:
        JournalError: they could not be written, as when the disk is full.
    """
    for environment in environments[: before.environments]:
        fanouts.expand(environment)
    settle_groups(environments[: before.environments], before)
    rows = [_rows_of_users(environment) for environment in environments]
    progress = _Progress(tell, after.environments, _moving_part_of(rows, before, after))
    for move in slot_moves(before.environments, after.environments):
        _copy(environments[move.source], environments[move.target], move.slots, progress)
    progress.done()


def check_room(data: Path, environments: Sequence[Environment], before: Layout, after: Layout) -> None:
    """Look whether the disk has room for a move. Changes nothing.

    Raises:
        NoRoomToMoveError: it has not; it says how much is needed.
    """
    needed = needed_bytes(environments, before, after) + environments[0].reserve_bytes
    free = disk_free_bytes(data)
    if free < needed:
        raise NoRoomToMoveError(data, before.environments, after.environments, needed, free)


def needed_bytes(environments: Sequence[Measurable], before: Layout, after: Layout) -> int:
    """About how much of the disk a move takes, for as long as rows lie at both places."""
    sizes = [environment.table_bytes(tables_of(Family.USER)) for environment in environments]
    targets = dict.fromkeys(move.target for move in slot_moves(before.environments, after.environments))
    copies = int(_moving_part_of(sizes, before, after) * ESTIMATE_FACTOR)
    return copies + len(targets) * NEW_ENVIRONMENT_BYTES


def _moving_part_of(totals: Sequence[int], before: Layout, after: Layout) -> int:
    """How much of what each environment has will move, if each of its slots has as much as the others."""
    return sum(
        totals[move.source] * len(move.slots) // len(slots_of(move.source, before.environments))
        for move in slot_moves(before.environments, after.environments)
    )


def _rows_of_users(environment: Environment) -> int:
    with environment.read() as reader:
        return sum(reader.count(table) for table in tables_of(Family.USER))


def _copy(source: Environment, target: Environment, slots: range, progress: _Progress) -> None:
    first, end = _key_of(slots.start), _key_of(slots.stop)
    with open_writer(target) as write:
        for table in tables_of(Family.USER):
            for batch in _batches(source, table, first, end):
                _copy_batch(write, table, batch)
                if table == QUEUE:
                    _copy_payloads(source, write, batch)
                target.grow_if_due()
                progress.add(len(batch))


def _copy_batch(write: Write, table: Table, batch: Sequence[tuple[bytes, bytes]]) -> None:
    write([Put(table, key, value) for key, value in batch])


def _copy_payloads(source: Environment, write: Write, batch: Sequence[tuple[bytes, bytes]]) -> None:
    """Copy what these rows of queues refer to; what is there already is written once more."""
    keys = dict.fromkeys(key for key in (_reference(*row) for row in batch) if key is not None)
    with source.read() as reader:
        for key in keys:
            stored = payloads.payload_key(*key)
            value = reader.get(PAYLOADS, stored)
            if value is not None:
                write([Put(PAYLOADS, stored, value)])


def _reference(key: bytes, value: bytes) -> payloads.PayloadKey | None:
    """A damaged row moves as it is: who reads it finds that out, and nobody else is held up."""
    try:
        return mailboxes.refers_to(key, value)
    except CorruptRecordError:
        return None


def _batches(
    source: Environment, table: Table, first: bytes, end: bytes
) -> Iterator[list[tuple[bytes, bytes]]]:
    """The rows with `first <= key < end`, in batches, each from a read transaction of its own."""
    while True:
        with source.read() as reader:
            batch = _batch(reader, table, first, end)
        if not batch:
            return
        yield batch
        first = batch[-1][0] + b"\0"


def _batch(reader: Reader, table: Table, first: bytes, end: bytes) -> list[tuple[bytes, bytes]]:
    rows: list[tuple[bytes, bytes]] = []
    size = 0
    for key, value in reader.scan(table, first, end):
        if key >= end or len(rows) >= BATCH_ROWS or size >= BATCH_BYTES:
            break
        rows.append((key, value))
        size += len(key) + len(value)
    return rows


# Removing what does not count -------------------------------------------------------------------------------


def sweep(data: Path, environments: Sequence[Environment], layout: Layout) -> None:
    """Remove what an interrupted move left: rows that lie where they do not count, surplus environments.

    Where there is nothing to remove it costs some lookups.

    Args:
        data: the data folder, whose lock is held.
        environments: all of `layout`, open; of the others none.
        layout: the layout that holds.
    """
    # A process that was killed may have replaced the file without making that durable. What is removed by its
    # word must not count again after a power loss.
    sync_folder(data)
    for environment in environments:
        with open_writer(environment) as write:
            removed = sum(
                _remove(environment, write, table, first, end)
                for table, first, end in _foreign_ranges(environment.number, layout)
            )
        if removed:
            log.info("foreign_rows_removed", extra={"environment": environment.number, "rows": removed})
    for number in environment_numbers(data):
        if number >= layout.environments:
            remove_environment(data, number)
            log.info("environment_removed", extra={"environment": number})


def _foreign_ranges(number: int, layout: Layout) -> Iterator[tuple[Table, bytes, bytes]]:
    """Where environment `number` can have rows that do not count: (table, first key, first key behind)."""
    own = slots_of(number, layout.environments)
    for table in tables_of(Family.USER):
        # From a first key that no table has, as LMDB knows no empty one.
        yield table, b"\0", _key_of(own.start)
        yield table, _key_of(own.stop), LAST_KEY
    if number != DIRECTORY_ENVIRONMENT:
        for table in tables_of(Family.DIRECTORY):
            yield table, b"\0", LAST_KEY


def _remove(environment: Environment, write: Write, table: Table, first: bytes, end: bytes) -> int:
    """Remove the rows with `first <= key < end`; returns how many there were."""
    removed = 0
    for batch in _batches(environment, table, first, end):
        write([DeleteRange(table, batch[0][0], batch[-1][0])])
        removed += len(batch)
    return removed


@dataclass(slots=True)
class _Progress:
    """Tells now and then how many rows were copied."""

    tell: Tell
    workers: int
    expected: int
    _copied: int = 0
    _told: int = 0

    def add(self, rows: int) -> None:
        """Count what was copied."""
        self._copied += rows
        if self._copied - self._told >= max(TELL_EVERY_ROWS, self.expected // TELL_PARTS):
            self._told = self._copied
            self._say(f"{self._copied:,} of about {max(self.expected, self._copied):,} rows are copied")

    def done(self) -> None:
        """Say what it came to, if there was anybody to move."""
        if self._copied:
            self._say(f"all {self._copied:,} rows are copied")

    def _say(self, how_far: str) -> None:
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        self.tell(f"moving users, for {workers} from now on: {how_far}")


def _key_of(slot: int) -> bytes:
    """The lowest key that a row of a slot's user can have."""
    return first_user_of(slot).to_bytes(8, "big")
