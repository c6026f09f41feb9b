"""Another worker's environment, for reading: what lets any worker answer about any user.

Reading is a look into shared memory: the owner notices nothing, and need not be alive. It may be killed,
started again, open its file anew (after MDB_PANIC) or let it grow meanwhile; the file and LMDB's lock file
stay the same ones, so this handle stays good.
Rule 1: as in environment.py, a read transaction is short. It keeps the owner's pages from being used again.
Rule 2: not for an environment that this process has open already: LMDB forbids it.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import lmdb

from storage.environment import (
    DEFAULT_MAP_BYTES,
    GROW_PATIENCE_SECONDS,
    MAX_READERS,
    MAX_TABLES,
    Reader,
)
from storage.errors import MapTooSmallError, UnreadableStoreError
from storage.folder import durable_folder
from storage.gate import ReadGate
from storage.tables import DURABLE_TABLES, Table


class PeerEnvironment:
    """Environment `number` of a data folder, which another process writes. Opened when it is first read."""

    def __init__(self, data: Path, number: int, *, map_bytes: int = DEFAULT_MAP_BYTES) -> None:
        self.data = data
        self.number = number
        self._map_bytes = map_bytes
        self._gate = ReadGate()
        self._opening = Lock()
        self._lmdb: lmdb.Environment | None = None
        self._databases: dict[Table, lmdb._Database] = {}

    def read(self) -> Reader:
        """A read transaction, to be entered with `with`. Never await inside it; keep it for microseconds.

        Entering raises UnreadableStoreError if the file cannot be opened.
        """
        return Reader(self)

    def close(self) -> None:
        """Let go of the file; harmless when already done. No read transaction may be open."""
        if self._lmdb is not None:
            self._lmdb.close()
            self._lmdb = None

    # For Reader ---------------------------------------------------------------------------------------------

    def _begin_read(self) -> lmdb.Transaction[bytes]:
        env = self._lmdb if self._lmdb is not None else self._open()
        while True:
            self._gate.enter()
            try:
                return env.begin()
            except lmdb.MapResizedError:
                self._gate.leave()
            except BaseException:
                self._gate.leave()
                raise
            self._follow_growth(env)

    def _end_read(self, txn: lmdb.Transaction[bytes]) -> None:
        try:
            txn.abort()
        finally:
            self._gate.leave()

    def _database(self, table: Table) -> lmdb._Database:
        return self._databases[table]

    # Private ------------------------------------------------------------------------------------------------

    def _open(self) -> lmdb.Environment:
        with self._opening:
            if self._lmdb is not None:
                return self._lmdb
            folder = durable_folder(self.data, self.number)
            try:
                env = lmdb.Environment(
                    str(folder),
                    map_size=self._map_bytes,
                    readonly=True,
                    create=False,
                    max_dbs=MAX_TABLES,
                    max_readers=MAX_READERS,
                    max_spare_txns=4,
                    readahead=False,
                )
                self._databases = {
                    table: env.open_db(table.encode(), create=False) for table in DURABLE_TABLES
                }
            except lmdb.Error as error:
                raise UnreadableStoreError(folder, str(error)) from error
            self._lmdb = env
            return env

    def _follow_growth(self, env: lmdb.Environment) -> None:
        """Take over the size to which the owner has grown the map.

        Raises:
            MapTooSmallError: other read transactions of this process did not end.
        """
        with self._gate.shut(GROW_PATIENCE_SECONDS) as nobody_reads:
            if not nobody_reads:
                size = env.info()["map_size"]
                raise MapTooSmallError(size, f"{self._gate.readers} read transactions are open")
            env.set_mapsize(0)
