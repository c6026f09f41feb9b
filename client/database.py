"""Opens the phone's SQLite file safely, brings it to the current version, and runs transactions.

Choices, and why:

- **WAL** with ``synchronous=FULL``: a commit is one fsync (the rollback journal needs three), and
  ``roost history`` may read while ``roost listen`` writes. FULL, because NORMAL would let a commit vanish
  with the power, and with it the memory that a message key has been used. (WAL needs shared memory, so a
  home cannot lie on a network file system.)
- **secure_delete**: what is deleted (used message keys, old ratchet states) is overwritten with zeros. Old
  pages can linger in the WAL; it is truncated when the store is closed and kept short in between.
- **BEGIN IMMEDIATE** for all that writes: two processes may share the file, and a read that turns into a
  write half-way would fail instead of waiting.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from client.errors import StoreDamagedError, StoreTooNewError
from client.schema import CURRENT_VERSION, MIGRATIONS

BUSY_TIMEOUT_MS = 10_000
"""How long a transaction waits for another process's. Theirs are milliseconds; ten seconds is a dead disk."""

WAL_CHECKPOINT_PAGES = 200
"""About 800 KB. SQLite's default is 1,000 pages; shorter leaves less of the past lying about."""

APPLICATION_ID = 0x524F4F53
"""``ROOS`` in SQLite's header: another program's database is refused instead of migrated."""

Value = int | float | str | bytes | None


class Database:
    """One open SQLite file. Not for two threads at the same moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._seen_version = self._data_version()

    @classmethod
    def open(cls, home: Path, file_name: str) -> "Database":
        """Open or create the file in ``home``, and migrate it to the current version.

        Raises:
            StoreTooNewError: a later version wrote it; it is left untouched.
            StoreDamagedError: it is not one of our files, or SQLite cannot read it.
        """
        path = _private_file(home, file_name)
        # One caller at a time may use it from any thread: the phone runs the store's calls in a thread.
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            # Looked at before the pragmas below, since switching to WAL writes to the file.
            _check_version(connection, path)
            _configure(connection)
            _migrate(connection)
            return cls(connection)
        except sqlite3.DatabaseError as error:
            connection.close()
            raise StoreDamagedError(path, str(error)) from error
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the file; the last one to leave empties the WAL. Harmless twice."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens, or nothing. Not nested: an inner one joins the outer one."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def execute(self, sql: str, *values: Value) -> sqlite3.Cursor:
        """Run one statement. Its own transaction unless one is open."""
        return self._connection.execute(sql, values)

    def execute_many(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run one statement for each row. Only inside a transaction."""
        self._connection.executemany(sql, rows)

    def row(self, sql: str, *values: Value) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def rows(self, sql: str, *values: Value) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._connection.execute(sql, values).fetchall()

    def value(self, sql: str, *values: Value) -> Any:
        """The first column of the first row, or None."""
        row = self.row(sql, *values)
        return None if row is None else row[0]

    def scrub(self) -> bool:
        """Empty the write-ahead log, where pages lie as they were before something was deleted.

        Returns:
            Whether it is empty; not while another process reads. Whoever wants it tries again later.
        """
        assert not self._connection.in_transaction
        self._connection.execute("PRAGMA busy_timeout = 0").fetchall()
        try:
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError:
            return False  # locked by somebody who writes
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}").fetchall()
        return not busy

    def changed_elsewhere(self) -> bool:
        """Whether another connection has committed since this was last asked."""
        before, self._seen_version = self._seen_version, self._data_version()
        return before != self._seen_version

    def _data_version(self) -> int:
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version


def _private_file(home: Path, file_name: str) -> Path:
    """Make sure that folder and file exist and are for their owner only."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = home / file_name
    # SQLite would create the file by the umask; its -wal and -shm files copy the mode of the main one.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)  # it may have been copied here with another mode
    finally:
        os.close(descriptor)
    return path


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > CURRENT_VERSION:
        raise StoreTooNewError(path, version, CURRENT_VERSION)
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION_ID and tables:
        raise StoreDamagedError(path, "it is a database of another program")


def _configure(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        f"wal_autocheckpoint = {WAL_CHECKPOINT_PAGES}",
        "secure_delete = ON",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _migrate(connection: sqlite3.Connection) -> None:
    """Apply what is missing, each step in its own transaction. Two processes may try at once: one waits."""
    while (version := _version(connection)) < CURRENT_VERSION:
        connection.execute("BEGIN IMMEDIATE")
        try:
            # The other process may have done this step while we waited for the lock.
            if _version(connection) == version:
                _apply(connection, version)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _apply(connection: sqlite3.Connection, version: int) -> None:
    # Not executescript: it commits what is open before it begins.
    for statement in _statements(MIGRATIONS[version]):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version + 1}")


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
