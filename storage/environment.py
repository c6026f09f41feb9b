"""A durable LMDB environment: open, read, grow, reopen, look into, check.

A node has one for each of its workers (store.py). Owns: the LMDB handle, the right to write, the handles of
the tables.
Rule 1: one process writes. LMDB forbids opening a file twice in a process, and two writing processes wait for
    each other's fsync through an unfair mutex (commits of up to 38 ms for 0.4 ms; one that is stopped stops
    all). Others may read (peer.py, outside.py).
Rule 2: a read transaction is short and never crosses an await. While one is open LMDB reuses no page that was
    freed since, so the file grows with every commit; and the map cannot be moved under it.
Rule 3: only a journal writes (and a migration, before there is one).
Not here: what a row means (the table families), how writes are grouped (journal.py).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import lmdb
from lmdb.verify import VerifyError
from lmdb.verify import verify as verify_structure

from storage import migrations
from storage.ballast import Ballast
from storage.errors import MapTooSmallError, UnreadableStoreError
from storage.folder import (
    FolderLock,
    ballast_file,
    durable_folder,
    environment_lock_file,
    prepare_folder,
    sync_folder,
)
from storage.gate import ReadGate
from storage.making import make_file
from storage.tables import DURABLE_TABLES, Table

log = logging.getLogger("roost.storage")

MIB = 1 << 20
GIB = 1 << 30

# Address space, not disk and not memory: without WRITEMAP the file is only as long as what was written, and a
# mapped page costs memory when it is touched. 64 GiB hold some 200 million queued messages, so that growing
# is for the few; it is not more because address space is limited on purpose in some containers (RLIMIT_AS).
DEFAULT_MAP_BYTES = 64 * GIB

# New messages are refused when less than this is left in the map or on the disk: acknowledgements and expiry,
# which make room, need some room themselves (LMDB copies every page it changes). 64 MiB are 16,384 pages:
# more than a batch of 512 touches.
DEFAULT_RESERVE_BYTES = 64 * MIB

# The part of the reserve that is held as a file (ballast.py): 8 MiB by default, four pages for each of a
# batch's 512 submissions.
BALLAST_PART = 1 / 8

# The map is grown when this part of it is in use, long before a transaction fails for want of room.
GROW_ABOVE = 0.75

# What is left above that is divided into about four further attempts.
GROW_RETRIES = 16

# How long growing waits for open read transactions. They take microseconds; only a running backup takes
# longer, and then it is tried again later.
GROW_PATIENCE_SECONDS = 0.05

# Each table is one; the rest is room for later versions, at 80 bytes a table and transaction.
MAX_TABLES = 64

# In each worker a few read transactions are open at a time; the others are for backup and doctor.
MAX_READERS = 510


@dataclass(frozen=True, slots=True)
class EnvironmentStatistics:
    """A look at map, file and disk."""

    map_bytes: int
    # Up to where the file was ever written; it never shrinks.
    high_water_bytes: int
    # Pages that hold rows; the rest below the high water mark is free and is used again first.
    live_bytes: int
    file_bytes: int
    disk_free_bytes: int
    # Read slots in use or kept for reuse, of all processes.
    readers: int
    transactions: int
    # {table: rows}
    rows: dict[Table, int]

    @property
    def map_used(self) -> float:
        """The part of the map that cannot be used for anything new, from 0 to 1."""
        return self.live_bytes / self.map_bytes


class Readable(Protocol):
    """What a Reader needs of whoever has the file open: this environment, or outside.py from outside."""

    def _begin_read(self) -> lmdb.Transaction[bytes]: ...
    def _end_read(self, txn: lmdb.Transaction[bytes]) -> None: ...
    def _database(self, table: Table) -> lmdb._Database: ...
    def read(self) -> Reader:
        """A read transaction."""


class Reader:
    """One read transaction: a snapshot of what was durable when it began. See Rule 2 before keeping one."""

    __slots__ = ("_environment", "_txn")

    def __init__(self, environment: Readable) -> None:
        self._environment = environment
        self._txn: lmdb.Transaction[bytes] | None = None

    def __enter__(self) -> Reader:
        self._txn = self._environment._begin_read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        txn, self._txn = self._open_txn(), None
        self._environment._end_read(txn)

    def _open_txn(self) -> lmdb.Transaction[bytes]:
        if self._txn is None:
            raise RuntimeError("a Reader is used inside its with block, and once")
        return self._txn

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value stored under `key`, or None."""
        return self._open_txn().get(key, db=self._environment._database(table))

    def scan(self, table: Table, first: bytes, last: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows with `first <= key <= last`, in order; stop iterating when you have enough."""
        with self._open_txn().cursor(self._environment._database(table)) as cursor:
            found = cursor.set_range(first)
            while found:
                key = cursor.key()
                if key > last:
                    return
                yield key, cursor.value()
                found = cursor.next()

    def last(self, table: Table, first: bytes, last: bytes) -> tuple[bytes, bytes] | None:
        """The last row with `first <= key <= last`, or None."""
        with self._open_txn().cursor(self._environment._database(table)) as cursor:
            # LMDB finds the first key at or after a bound, so the last one before it is one step back.
            if not cursor.set_range(last):
                found = cursor.last()
            else:
                found = cursor.key() == last or cursor.prev()
            return cursor.item() if found and first <= cursor.key() <= last else None

    def count(self, table: Table) -> int:
        """The number of rows in a table, without looking at them."""
        return self._open_txn().stat(self._environment._database(table))["entries"]


class Environment:
    """One durable environment of a data folder, for reading and writing. Make one with `open_environment`."""

    def __init__(
        self,
        data: Path,
        number: int,
        lock: FolderLock,
        map_bytes: int,
        max_map_bytes: int | None,
        reserve_bytes: int,
    ) -> None:
        self.data = data
        # Which of the store's environments this is; the number of the worker that writes it.
        self.number = number
        self.folder = prepare_folder(durable_folder(data, number))
        # Map and disk are kept this far from being full; see DEFAULT_RESERVE_BYTES.
        self.reserve_bytes = reserve_bytes
        self.ballast = Ballast(ballast_file(data, number), int(reserve_bytes * BALLAST_PART))
        self._map_bytes = map_bytes
        self._max_map_bytes = max_map_bytes
        self._lock = lock
        self._gate = ReadGate()
        self._databases: dict[Table, lmdb._Database] = {}
        # The high water mark above which growing is tried again, after an attempt that failed.
        self._grow_above_bytes = 0
        self._lmdb = self._open_lmdb()

    def _open_lmdb(self) -> lmdb.Environment:
        # sync and metasync stay on: without sync a power loss corrupts the file (1,892 of 2,862 replayed
        # images), without metasync it takes back the last transaction, which was promised. No writemap: a
        # full disk would be a SIGBUS. No readahead: a queue is read at random, and the file may be larger
        # than memory.
        try:
            make_file(self.folder)
            return lmdb.Environment(
                str(self.folder),
                map_size=self._map_bytes,
                max_dbs=MAX_TABLES,
                max_readers=MAX_READERS,
                max_spare_txns=4,
                mode=0o600,
                readahead=False,
            )
        except lmdb.Error as error:
            raise UnreadableStoreError(self.folder, _why_not_opened(error)) from error

    def _open_tables(self) -> None:
        self._databases = {table: self._lmdb.open_db(table.encode()) for table in DURABLE_TABLES}

    # Reading
    # -------------------------------------------------------------------------------------------------

    def read(self) -> Reader:
        """A read transaction, to be entered with `with`. Never await inside it; keep it for microseconds."""
        return Reader(self)

    def _begin_read(self) -> lmdb.Transaction[bytes]:
        self._gate.enter()
        try:
            return self._lmdb.begin()
        except BaseException:
            self._gate.leave()
            raise

    def _end_read(self, txn: lmdb.Transaction[bytes]) -> None:
        try:
            txn.abort()
        finally:
            self._gate.leave()

    def _database(self, table: Table) -> lmdb._Database:
        return self._databases[table]

    # Writing: for the journal and for migrations ------------------------------------------------------------

    def begin_write(self) -> lmdb.Transaction[bytes]:
        """A write transaction; only the thread that began it may use it, and there is only one at a time."""
        return self._lmdb.begin(write=True)

    def database(self, table: Table) -> lmdb._Database:
        """LMDB's handle of a table.

        Raises:
            KeyError: there is no such table.
        """
        return self._databases[table]

    def has_table(self, table: Table) -> bool:
        """Whether `table` is one of this environment's."""
        return table in self._databases

    def last_transaction(self) -> int:
        """The number of the last committed transaction."""
        return self._lmdb.info()["last_txnid"]

    # Room ---------------------------------------------------------------------------------------------------

    def room_bytes(self) -> int:
        """How much more can be stored: the lesser of what map and disk have left.

        Free pages inside the file count for both: they are on the disk already.
        """
        info = self._lmdb.info()
        high_water = (info["last_pgno"] + 1) * self._page_bytes
        beyond = self._disk_free()
        if self._max_map_bytes is not None:
            beyond = min(beyond, max(self._max_map_bytes, info["map_size"]) - high_water)
        if beyond >= self.reserve_bytes:
            # The common case, without counting what lies free inside the file.
            return beyond
        return beyond + high_water - self.live_bytes()

    def grow_if_due(self) -> bool:
        """Double the map if it is three quarters full; returns whether it was done. Not in a transaction.

        That it could not be done now is no error yet: it is tried again when a little more is in use.
        """
        info = self._lmdb.info()
        high_water = (info["last_pgno"] + 1) * self._page_bytes
        if high_water <= max(info["map_size"] * GROW_ABOVE, self._grow_above_bytes):
            return False
        if self.live_bytes() <= info["map_size"] * GROW_ABOVE:
            return False
        try:
            self.grow()
        except MapTooSmallError as error:
            log.warning("map_not_grown", extra={"map_bytes": error.map_bytes, "reason": error.reason})
            # Not after every commit again: each attempt may wait for a reader.
            self._grow_above_bytes = high_water + info["map_size"] // GROW_RETRIES
            return False
        return True

    def grow(self) -> None:
        """Double the map. Waits for open read transactions, but only for a moment. Not in a transaction.

        Raises:
            MapTooSmallError: the limit is reached, the disk has no room, or a reader (a backup) did not
            leave.
        """
        old = self._lmdb.info()["map_size"]
        new = min(old * 2, self._max_map_bytes or old * 2)
        if new <= old:
            raise MapTooSmallError(old, f"it is limited to {self._max_map_bytes} bytes")
        if self._disk_free() < self.reserve_bytes:
            raise MapTooSmallError(old, "the disk is nearly full")
        with self._gate.shut(GROW_PATIENCE_SECONDS) as nobody_reads:
            if not nobody_reads:
                raise MapTooSmallError(old, f"{self._gate.readers} read transactions are open")
            self._lmdb.set_mapsize(new)
            self._map_bytes = new
        log.info("map_grown", extra={"from_bytes": old, "to_bytes": new})

    def _disk_free(self) -> int:
        return disk_free_bytes(self.folder)

    @property
    def _page_bytes(self) -> int:
        return self._lmdb.stat()["psize"]

    def live_bytes(self) -> int:
        """The bytes of the pages that hold rows: about how long a compacted copy is."""
        # The root of all tables, and two meta pages; the list of free pages itself is not counted, LMDB does
        # not say how long it is.
        beside = pages_in(self._lmdb.stat()) + 2
        return self.table_bytes(tuple(self._databases)) + beside * self._page_bytes

    def table_bytes(self, tables: Sequence[Table]) -> int:
        """The bytes of the pages that hold the rows of `tables`."""
        with self.read() as reader:
            txn = reader._open_txn()
            pages = sum(pages_in(txn.stat(self._databases[table])) for table in tables)
        return pages * self._page_bytes

    # Life ---------------------------------------------------------------------------------------------------

    def reopen(self) -> None:
        """Open the LMDB file anew, after MDB_PANIC has made the handle useless.

        Call it in the writing thread, without a transaction. Waits for open read transactions.
        """
        with self._gate.shut():
            self._lmdb.close()
            self._lmdb = self._open_lmdb()
            self._open_tables()

    def statistics(self) -> EnvironmentStatistics:
        """Sizes and counts, for status, metrics and doctor. Costs some ten microseconds."""
        info = self._lmdb.info()
        with self.read() as reader:
            rows = {table: reader.count(table) for table in self._databases}
        return EnvironmentStatistics(
            map_bytes=info["map_size"],
            high_water_bytes=(info["last_pgno"] + 1) * self._page_bytes,
            live_bytes=self.live_bytes(),
            file_bytes=(self.folder / "data.mdb").stat().st_size,
            disk_free_bytes=self._disk_free(),
            readers=info["num_readers"],
            transactions=info["last_txnid"],
            rows=rows,
        )

    def copy(self, folder: Path) -> None:
        """Write a consistent, compacted copy into the empty folder `folder` while others read and write.

        It is one long read transaction: what is freed meanwhile is not reused, and the map does not grow.
        """
        with self.read() as reader:
            self._lmdb.copy(str(folder), compact=True, txn=reader._open_txn())

    def reader_check(self) -> int:
        """Free the read slots of processes that died; returns how many.

        A stale one keeps every page that was freed since from being used again.
        """
        return self._lmdb.reader_check()

    def close(self) -> None:
        """Close the file and give up the right to write; harmless when done before."""
        self._lmdb.close()
        self._lock.release()

    def __enter__(self) -> Environment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_environment(
    data: Path,
    number: int = 0,
    *,
    patience: float = 0.0,
    map_bytes: int = DEFAULT_MAP_BYTES,
    max_map_bytes: int | None = None,
    reserve_bytes: int = DEFAULT_RESERVE_BYTES,
) -> Environment:
    """Open the durable environment `number` in the data folder `data`; creates both when they are not there.

    Args:
        data: the data folder; only its owner may look into it afterwards.
        number: which of its environments.
        patience: for how many seconds to wait for a process that has it open.
        map_bytes: how much address space to start with. It is sparse and grows by itself.
        max_map_bytes: a limit for the growth, None for as far as the disk has room.
        reserve_bytes: how far from full new messages are refused.

    Raises:
        DataFolderInUseError: another process has it open.
        SchemaTooNewError: a later version of Roost wrote it; nothing was touched.
        UnreadableStoreError: LMDB cannot open it: damaged, or a limit of the process is too low.
    """
    prepare_folder(data)
    lock = FolderLock(data, environment_lock_file(data, number), patience=patience)
    try:
        environment = Environment(data, number, lock, map_bytes, max_map_bytes, reserve_bytes)
        try:
            _make_ready(environment)
            # LMDB makes its file durable, but not the file's name.
            sync_folder(environment.folder)
            sync_folder(data)
        except BaseException:
            environment.close()
            raise
    except BaseException:
        lock.release()
        raise
    return environment


def _why_not_opened(error: lmdb.Error) -> str:
    if isinstance(error, lmdb.MemoryError):
        return "not enough address space for its map: lift the limit (ulimit -v unlimited)"
    return str(error).rpartition(": ")[2].lower()


def _make_ready(environment: Environment) -> None:
    stale = environment.reader_check()
    if stale:
        log.info("stale_readers_cleared", extra={"readers": stale})
    migrations.migrate(environment._lmdb, environment.data, environment.number)
    environment._open_tables()


def pages_in(stat: lmdb._StatDict) -> int:
    """How many pages a table takes, by what LMDB says of it."""
    return stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]


def verify(folder: Path) -> list[str]:
    """Check the structure of every page of an LMDB folder that nobody writes to; returns what is wrong.

    It reads the file by itself, without LMDB, so that no damage can crash the process. Rows have their
    checksums checked by `check_records` of checks.py.
    """
    try:
        # lmdb.verify is the one module of py-lmdb that has no stub.
        problems: list[str] = verify_structure(str(folder))  # type: ignore[no-untyped-call]
    except VerifyError as error:
        # Its very beginning is damaged, or gone, so that there are no pages to look at.
        return [str(error)]
    return problems


def disk_free_bytes(folder: Path) -> int:
    """What an ordinary user may still write to the file system that holds `folder`."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
