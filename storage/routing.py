"""The presence and routing table: which connection a device has at the moment, and when a user was last seen.

    routes      user, device    -> Route
    last_seen   user            -> unix seconds

A user is **online** while somebody is at one of the user's devices (`available`); a device that is only
connected, as a phone in a pocket is, makes nobody online. Last seen is when the last one was left.

Owns: the volatile LMDB environment, which stands where Mnesia's memory tables stand in an Erlang node. All
worker processes of a node map the same file; reading is a look into shared memory and never waits.
Rule 1: nothing here is a promise. There is no fsync, and the node that starts throws away what was left:
    after a power loss the file may be damaged, and after any crash its connections are gone. So when somebody
    was last seen is known only since the node's start: it would cost a durable write for every look at a
    phone, and nothing is safer about people than what is not kept.
    So what cannot be written, on a disk that is full or has failed, is left out: nobody is kept from coming
    or going by it.
Rule 2: writes are small and rare (a device comes or goes); two processes that write wait for each other for
    microseconds.
"""

from __future__ import annotations

import logging
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import lmdb

from protocol.ids import DeviceAddress, DeviceId, UserId
from storage.folder import prepare_folder, volatile_folder

log = logging.getLogger("roost.storage")

_T = TypeVar("_T")

_DEVICE_KEY = struct.Struct(">QH")
_USER_KEY = struct.Struct(">Q")
# worker, connection, since, available
_ROUTE = struct.Struct(">HQQ?")
_SECONDS = struct.Struct(">Q")

# Address space: room for some ten million devices. Every process opens it with the same size, so nobody has
# to follow a growth.
ROUTING_MAP_BYTES = 2 << 30

# Read transactions that may be open at a time, over all worker processes.
MAX_READERS = 510


@dataclass(frozen=True, slots=True)
class Route:
    """Where a device is connected."""

    worker: int
    # Unique within the worker.
    connection: int
    # Unix seconds.
    since: int
    # Whether somebody is at the device.
    available: bool = False

    def is_of(self, other: Route) -> bool:
        """Whether both are the same connection, however available it is."""
        return (self.worker, self.connection) == (other.worker, other.connection)


class RoutingTable:
    """One process's view of the table.

    Use `create_routing_table` once a node, `open_routing_table` in the others. Not for use across a
    fork: open it in the child.
    """

    def __init__(self, folder: Path, *, create: bool) -> None:
        self._folder = folder
        self._open(create=create)

    def _open(self, *, create: bool) -> None:
        # Without sync a commit is a write into the page cache: microseconds, and shared with the other
        # processes at once.
        self._lmdb = lmdb.Environment(
            str(self._folder),
            map_size=ROUTING_MAP_BYTES,
            max_dbs=2,
            max_readers=MAX_READERS,
            mode=0o600,
            create=create,
            sync=False,
            metasync=False,
        )
        # A worker that was killed leaves its slot, and its slot keeps pages from being used again.
        self._lmdb.reader_check()
        self._routes = self._lmdb.open_db(b"routes")
        self._last_seen = self._lmdb.open_db(b"last_seen")

    def connect(self, device: DeviceAddress, route: Route, now: float = 0.0) -> Route | None:
        """Note that `device` is connected, since `now`; returns the route that this replaces.

        Whoever gets one has its connection closed: a device has one connection at a time.
        """

        def note(txn: lmdb.Transaction[bytes]) -> Route | None:
            data = txn.replace(_DEVICE_KEY.pack(*device), _route_row(route), db=self._routes)
            old = None if data is None else _route(data)
            if old is not None and old.available:
                self._saw(txn, device.user, now)
            return old

        return self._write(note, None)

    def set_available(self, device: DeviceAddress, route: Route, *, available: bool, now: float) -> bool:
        """Note whether somebody is at `device`; whoever leaves it was seen now.

        Returns False, and changes nothing, if that is known already or the device has another connection.
        """
        key = _DEVICE_KEY.pack(*device)

        def note(txn: lmdb.Transaction[bytes]) -> bool:
            data = txn.get(key, db=self._routes)
            if data is None:
                return False
            present = _route(data)
            if not present.is_of(route) or present.available == available:
                return False
            txn.put(key, _route_row(replace(present, available=available)), db=self._routes)
            if not available:
                self._saw(txn, device.user, now)
            return True

        return self._write(note, False)

    def disconnect(self, device: DeviceAddress, route: Route, now: float) -> bool:
        """Note that the connection of `route` has ended; if somebody was at the device, they were seen now.

        Returns False, and changes nothing, if the device has another connection already: an end that is
        noticed late must not take away the route of the one that came after it.
        """
        key = _DEVICE_KEY.pack(*device)

        def note(txn: lmdb.Transaction[bytes]) -> bool:
            data = txn.get(key, db=self._routes)
            if data is None:
                return False
            present = _route(data)
            if not present.is_of(route):
                return False
            txn.delete(key, db=self._routes)
            if present.available:
                self._saw(txn, device.user, now)
            return True

        return self._write(note, False)

    def route(self, device: DeviceAddress) -> Route | None:
        """Where `device` is connected, or None."""
        with self._lmdb.begin() as txn:
            data = txn.get(_DEVICE_KEY.pack(*device), db=self._routes)
        return None if data is None else _route(data)

    def routes(self, user: UserId) -> dict[DeviceId, Route]:
        """The devices of `user` that are connected; empty: nobody can reach the user at this moment."""
        with self._lmdb.begin() as txn:
            first, last = _DEVICE_KEY.pack(user, 0), _DEVICE_KEY.pack(user, 0xFFFF)
            return {address.device: route for address, route in self._scan(txn, first, last)}

    def is_online(self, user: UserId) -> bool:
        """Whether somebody is at a device of `user`."""
        return any(route.available for route in self.routes(user).values())

    def last_seen(self, user: UserId) -> int | None:
        """When a device of `user` was last left, as far as this run of the node knows."""
        with self._lmdb.begin() as txn:
            data = txn.get(_USER_KEY.pack(user), db=self._last_seen)
        return None if data is None else int(_SECONDS.unpack(data)[0])

    def drop_worker(self, worker: int, now: float) -> list[DeviceAddress]:
        """Remove all routes to a worker process that has died; returns whose they were.

        Reads the whole table.
        """

        def drop(txn: lmdb.Transaction[bytes]) -> list[DeviceAddress]:
            everything = self._scan(txn, b"\0", b"\xff" * _DEVICE_KEY.size)
            gone = {address: route for address, route in everything if route.worker == worker}
            for address, route in gone.items():
                txn.delete(_DEVICE_KEY.pack(*address), db=self._routes)
                if route.available:
                    self._saw(txn, address.user, now)
            return list(gone)

        return self._write(drop, [])

    def count(self) -> int:
        """How many devices are connected to this node."""
        with self._lmdb.begin() as txn:
            return txn.stat(self._routes)["entries"]

    def _write(self, change: Callable[[lmdb.Transaction[bytes]], _T], unchanged: _T) -> _T:
        """Make a change, or none if the disk does not take it (rule 1); its result, or `unchanged`."""
        try:
            with self._lmdb.begin(write=True) as txn:
                return change(txn)
        except lmdb.Error as error:
            log.warning("route_not_written", extra={"reason": str(error)})
        self._recover_from_panic()
        return unchanged

    def _recover_from_panic(self) -> None:
        """Open the file anew if its meta page could not be written: until then even reads fail.

        A disk that takes no writes at all refuses that, too: then the next write tries it again.
        """
        try:
            with self._lmdb.begin():
                return
        except lmdb.Error:
            self._lmdb.close()
        try:
            self._open(create=False)
        except lmdb.Error as error:
            log.warning("routing_table_closed", extra={"reason": str(error)})

    def _saw(self, txn: lmdb.Transaction[bytes], user: UserId, now: float) -> None:
        txn.put(_USER_KEY.pack(user), _SECONDS.pack(int(now)), db=self._last_seen)

    def _scan(
        self, txn: lmdb.Transaction[bytes], first: bytes, last: bytes
    ) -> Iterator[tuple[DeviceAddress, Route]]:
        with txn.cursor(self._routes) as cursor:
            found = cursor.set_range(first)
            while found and cursor.key() <= last:
                yield DeviceAddress(*_DEVICE_KEY.unpack(cursor.key())), _route(cursor.value())
                found = cursor.next()

    def close(self) -> None:
        """Let go of the file; what was written stays for the other processes."""
        self._lmdb.close()

    def __enter__(self) -> RoutingTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def create_routing_table(data: Path) -> RoutingTable:
    """Throw away what an earlier run left in the data folder `data`, and begin an empty table.

    Only for the process that holds the data folder's lock, before its workers open the table.
    """
    folder = volatile_folder(data)
    shutil.rmtree(folder, ignore_errors=True)
    return RoutingTable(prepare_folder(folder), create=True)


def open_routing_table(data: Path) -> RoutingTable:
    """Open the table that the node's first process has created.

    Raises:
        lmdb.Error: there is none.
    """
    return RoutingTable(volatile_folder(data), create=False)


def _route_row(route: Route) -> bytes:
    return _ROUTE.pack(route.worker, route.connection, route.since, route.available)


def _route(data: bytes) -> Route:
    return Route(*_ROUTE.unpack(data))
