"""A look at the durable environment from another process: read-only, whether or not a node has it open.

For doctor and backup. LMDB lets any process read beside the one that writes, at no cost to it but this: what
is freed while a read transaction is open is not used again, so a long one makes the file grow. Nothing here
takes the folder's lock, so a node can start and stop meanwhile.
Rule 1: never in the process of a node: LMDB forbids opening a file twice in one process.
Rule 2: it can be killed at any time. The read slot it leaves behind is cleared by the next look from outside
    and by the next start of a node.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb

from storage.environment import DEFAULT_MAP_BYTES, MAX_READERS, MAX_TABLES, Reader
from storage.errors import NoStoreError, SchemaTooNewError, UnreadableStoreError
from storage.folder import durable_folder, lock_file, read_holder
from storage.migrations import FIRST_VERSION, STEPS, read_version
from storage.tables import DURABLE_TABLES, Table


class OutsideView:
    """The durable environment of a data folder, for reading. Made by `open_outside`."""

    def __init__(self, data: Path, env: lmdb.Environment, schema: int) -> None:
        self.data = data
        self.schema = schema
        self._lmdb = env
        self._databases = {table: env.open_db(table.encode(), create=False) for table in DURABLE_TABLES}

    def read(self) -> Reader:
        """A read transaction, to be entered with `with`; keep it short if a node may be running."""
        return Reader(self)

    def rows(self) -> dict[Table, int]:
        """How many rows each table has."""
        with self.read() as reader:
            return {table: reader.count(table) for table in self._databases}

    def live_bytes(self) -> int:
        """About how long a compacted copy will be: the pages that hold rows."""
        with self._lmdb.begin() as txn:
            stats = [self._lmdb.stat(), *(txn.stat(database) for database in self._databases.values())]
        pages = sum(s["branch_pages"] + s["leaf_pages"] + s["overflow_pages"] for s in stats)
        return (pages + 2) * stats[0]["psize"]

    def copy(self, folder: Path) -> None:
        """Write a consistent, compacted copy into the empty folder `folder`: one read transaction."""
        self._lmdb.copy(str(folder), compact=True)

    # ---- for Reader ----

    def _begin_read(self) -> lmdb.Transaction[bytes]:
        return self._lmdb.begin()

    def _end_read(self, txn: lmdb.Transaction[bytes]) -> None:
        txn.abort()

    def _database(self, table: Table) -> lmdb._Database:
        return self._databases[table]


@contextmanager
def open_outside(data: Path) -> Iterator[OutsideView]:
    """Open the data folder `data` for reading, for the length of a block; creates nothing in it.

    Raises:
        NoStoreError: there is no store in it, or it was never written to.
        SchemaTooNewError: a later version of Roost wrote it.
        UnreadableStoreError: the file cannot be opened: damaged, or not ours to read.
        CorruptRecordError: its schema version is damaged.
    """
    file = durable_folder(data) / "data.mdb"
    if not file.exists():
        raise NoStoreError(data)
    with _open_lmdb(data, file) as env:
        yield OutsideView(data, env, _checked_schema(env, data))


def _open_lmdb(data: Path, file: Path) -> lmdb.Environment:
    # Without LMDB's lock file nobody has the store open, and we must not make one: made by root it would keep
    # the node's own user out.
    has_lock = (file.parent / "lock.mdb").exists()
    try:
        env = lmdb.Environment(
            str(file.parent),
            # With a map smaller than the file of a running node may become, not all of it could be read.
            map_size=max(DEFAULT_MAP_BYTES, 2 * file.stat().st_size),
            readonly=True,
            create=False,
            max_dbs=MAX_TABLES,
            max_readers=MAX_READERS,
            lock=has_lock,
        )
        if has_lock:
            env.reader_check()
    except lmdb.Error as error:
        raise UnreadableStoreError(data, str(error)) from error
    return env


def holder_of(data: Path) -> int | None:
    """The process that has the data folder open for writing; None if nobody does, 0 if it is not known who.

    Of a node that is its parent process; a worker only while it has outlived that. It asks the locks and not
    the process table, so it is right about a process in another container too.
    """
    for file in (lock_file(data), *sorted(data.glob("lock.*"))):
        holder = _holder_of_lock(file)
        if holder is not None:
            return holder
    return None


def _holder_of_lock(file: Path) -> int | None:
    try:
        fd = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return read_holder(fd) or 0
    finally:
        os.close(fd)  # which lets go of the lock as well
    return None


def _checked_schema(env: lmdb.Environment, data: Path) -> int:
    found = read_version(env)
    if found is None:
        raise NoStoreError(data)
    supported = FIRST_VERSION + len(STEPS)
    if found > supported:
        raise SchemaTooNewError(data, found, supported)
    return found
