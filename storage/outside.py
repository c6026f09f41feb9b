"""A look at a node's store from another process: read-only, whether or not a node has it open.

For doctor and backup. LMDB lets any process read beside the one that writes, at no cost to it but this: what
is freed while a read transaction is open is not used again, so a long one makes the file grow. Nothing here
takes the folder's lock, so a node can start and stop meanwhile.
Rule 1: never in the process of a node: LMDB forbids opening a file twice in one process.
Rule 2: it can be killed at any time. The read slot it leaves behind is cleared by the next look from outside,
    by the node's own look once a minute, and by its next start.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import lmdb

from protocol.ids import UserId
from storage.environment import DEFAULT_MAP_BYTES, MAX_READERS, MAX_TABLES, Reader, pages_in
from storage.errors import (
    FolderUnusableError,
    MissingEnvironmentError,
    NoStoreError,
    RestoreUnfinishedError,
    SchemaTooNewError,
    UnreadableStoreError,
)
from storage.folder import durable_folder, layout_file, lock_file, read_holder, replacing_folder
from storage.layout import Layout, read_layout
from storage.migrations import FIRST_VERSION, STEPS, check_number, read_version
from storage.tables import DURABLE_TABLES, Table


class OutsideEnvironment:
    """One environment of a store, for reading."""

    def __init__(self, data: Path, number: int, env: lmdb.Environment) -> None:
        self.number = number
        self.folder = durable_folder(data, number)
        self.schema = _checked_schema(env, data)
        check_number(env, data, number)
        self._lmdb = env
        # A store that was written before a table was invented does not have it.
        self._databases = {
            table: database for table in DURABLE_TABLES if (database := _open_table(env, table)) is not None
        }

    def read(self) -> Reader:
        """A read transaction, to be entered with `with`; keep it short if a node may be running."""
        return _SparseReader(self)

    def rows(self) -> dict[Table, int]:
        """How many rows each table has."""
        with self.read() as reader:
            return {table: reader.count(table) for table in DURABLE_TABLES}

    def live_bytes(self) -> int:
        """About how long a compacted copy will be: the pages that hold rows."""
        root = self._lmdb.stat()
        return self.table_bytes(tuple(self._databases)) + (pages_in(root) + 2) * root["psize"]

    def table_bytes(self, tables: Sequence[Table]) -> int:
        """The bytes of the pages that hold the rows of `tables`."""
        present = [self._databases[table] for table in tables if table in self._databases]
        with self._lmdb.begin() as txn:
            pages = sum(pages_in(txn.stat(database)) for database in present)
        return pages * self._lmdb.stat()["psize"]

    def copy(self, folder: Path) -> None:
        """Write a consistent, compacted copy into the empty folder `folder`: one read transaction."""
        self._lmdb.copy(str(folder), compact=True)

    # For Reader ---------------------------------------------------------------------------------------------

    def _begin_read(self) -> lmdb.Transaction[bytes]:
        return self._lmdb.begin()

    def _end_read(self, txn: lmdb.Transaction[bytes]) -> None:
        txn.abort()

    def _database(self, table: Table) -> lmdb._Database:
        return self._databases[table]

    def _has_table(self, table: Table) -> bool:
        return table in self._databases


class _SparseReader(Reader):
    """A reader to whom a table that is not there is an empty one."""

    __slots__ = ("_outside",)

    def __init__(self, environment: OutsideEnvironment) -> None:
        super().__init__(environment)
        self._outside = environment

    def get(self, table: Table, key: bytes) -> bytes | None:
        """As `Reader.get`."""
        return super().get(table, key) if self._outside._has_table(table) else None

    def scan(self, table: Table, first: bytes, last: bytes) -> Iterator[tuple[bytes, bytes]]:
        """As `Reader.scan`."""
        return super().scan(table, first, last) if self._outside._has_table(table) else iter(())

    def last(self, table: Table, first: bytes, last: bytes) -> tuple[bytes, bytes] | None:
        """As `Reader.last`."""
        return super().last(table, first, last) if self._outside._has_table(table) else None

    def count(self, table: Table) -> int:
        """As `Reader.count`."""
        return super().count(table) if self._outside._has_table(table) else 0


class OutsideView:
    """The store of a data folder, for reading. Made by `open_outside`."""

    def __init__(self, data: Path, layout: Layout, environments: tuple[OutsideEnvironment, ...]) -> None:
        self.data = data
        self.layout = layout
        self.environments = environments

    @property
    def schema(self) -> int:
        """The schema version; that of the oldest environment, should a migration have been interrupted."""
        return min(environment.schema for environment in self.environments)

    @property
    def directory(self) -> OutsideEnvironment:
        """The environment with the directory: phones, static keys, codes."""
        return self.environments[0]

    def environment_of(self, user: UserId) -> OutsideEnvironment:
        """The environment with the rows of `user`."""
        return self.environments[self.layout.owner(user)]

    def rows(self) -> dict[Table, int]:
        """How many rows each table has, in all environments together."""
        total: Counter[Table] = Counter()
        for environment in self.environments:
            total.update(environment.rows())
        return {table: total[table] for table in DURABLE_TABLES}

    def live_bytes(self) -> int:
        """About how long compacted copies of all environments will be."""
        return sum(environment.live_bytes() for environment in self.environments)


@contextmanager
def open_outside(data: Path) -> Iterator[OutsideView]:
    """Open the data folder `data` for reading, for the length of a block; creates nothing in it.

    Raises:
        NoStoreError: there is no store in it, or it was never written to.
        MissingEnvironmentError, MisplacedEnvironmentError: there is a part of one.
        SchemaTooNewError: a later version of Roost wrote it.
        UnreadableStoreError: a file cannot be opened: damaged, or not ours to read.
        CorruptRecordError, CorruptLayoutError: what says how to read it is damaged.
        RestoreUnfinishedError: a restore was interrupted, and has to be finished first.
        FolderUnusableError: `data` is no folder, or not ours to look into.
    """
    with ExitStack() as stack:
        try:
            view = _open_view(data, stack)
        except OSError as error:
            raise FolderUnusableError(data, error) from error
        yield view


def _open_view(data: Path, stack: ExitStack) -> OutsideView:
    if replacing_folder(data).exists():
        raise RestoreUnfinishedError(data)
    layout = read_layout(data)
    environments = [
        OutsideEnvironment(data, number, stack.enter_context(_open_lmdb(data, number)))
        for number in range(layout.environments)
    ]
    return OutsideView(data, layout, tuple(environments))


def environment_files(data: Path) -> list[Path]:
    """The files that hold the rows of the store in `data`, in the order of the environments.

    Raises:
        NoStoreError: there is no store in it.
        MissingEnvironmentError: there is a part of one.
        CorruptLayoutError: nobody knows how many there should be.
    """
    return [_environment_file(data, number) for number in range(read_layout(data).environments)]


def _environment_file(data: Path, number: int) -> Path:
    file = durable_folder(data, number) / "data.mdb"
    if not file.exists():
        if layout_file(data).exists():
            raise MissingEnvironmentError(file.parent)
        raise NoStoreError(data)
    return file


def _open_lmdb(data: Path, number: int) -> lmdb.Environment:
    file = _environment_file(data, number)
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
        raise UnreadableStoreError(file.parent, str(error)) from error
    return env


def _open_table(env: lmdb.Environment, table: Table) -> lmdb._Database | None:
    try:
        return env.open_db(table.encode(), create=False)
    except lmdb.NotFoundError:
        return None


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
    except (FileNotFoundError, NotADirectoryError):
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
