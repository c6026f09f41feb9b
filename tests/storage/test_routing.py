from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest

from protocol.ids import DeviceAddress, DeviceId, UserId
from storage.routing import Route, RoutingTable, create_routing_table, open_routing_table

ANNA = DeviceAddress(UserId(7), DeviceId(1))
ANNAS_OTHER = DeviceAddress(UserId(7), DeviceId(2))
BERND = DeviceAddress(UserId(8), DeviceId(1))


@pytest.fixture
def table(tmp_path: Path) -> Iterator[RoutingTable]:
    with create_routing_table(tmp_path) as table:
        yield table


def test_a_connected_device_has_a_route_and_its_user_is_online(table: RoutingTable) -> None:
    assert table.connect(ANNA, Route(0, 5, 100)) is None
    table.connect(ANNAS_OTHER, Route(1, 6, 101))
    table.connect(BERND, Route(0, 7, 102))
    assert table.route(ANNA) == Route(0, 5, 100)
    assert table.routes(ANNA.user) == {1: Route(0, 5, 100), 2: Route(1, 6, 101)}
    assert table.count() == 3


def test_a_user_is_online_while_somebody_is_at_a_device_and_was_seen_when_it_was_left(
    table: RoutingTable,
) -> None:
    route = Route(0, 5, 100)
    table.connect(ANNA, route)
    assert not table.is_online(ANNA.user)
    assert table.set_available(ANNA, route, available=True, now=110)
    assert table.is_online(ANNA.user)
    assert table.last_seen(ANNA.user) is None
    assert table.set_available(ANNA, route, available=False, now=120.9)
    assert not table.is_online(ANNA.user)
    assert table.last_seen(ANNA.user) == 120


def test_a_connection_that_ends_while_somebody_is_there_was_left_at_that_moment(table: RoutingTable) -> None:
    route = Route(0, 5, 100)
    table.connect(ANNA, route)
    table.set_available(ANNA, route, available=True, now=110)
    assert table.disconnect(ANNA, route, now=200.9)
    assert table.route(ANNA) is None
    assert table.routes(ANNA.user) == {}
    assert table.last_seen(ANNA.user) == 200


def test_a_device_that_was_only_connected_was_not_seen(table: RoutingTable) -> None:
    table.connect(ANNA, Route(0, 5, 100))
    assert table.disconnect(ANNA, Route(0, 5, 100), now=200)
    assert table.last_seen(ANNA.user) is None


def test_what_an_old_connection_says_of_the_device_changes_nothing(table: RoutingTable) -> None:
    table.connect(ANNA, Route(0, 5, 100))
    table.connect(ANNA, Route(0, 9, 101))
    assert not table.set_available(ANNA, Route(0, 5, 100), available=True, now=110)
    assert not table.set_available(BERND, Route(0, 5, 100), available=True, now=110)
    assert not table.set_available(ANNA, Route(0, 9, 101), available=False, now=110)
    assert table.last_seen(ANNA.user) is None


def test_a_second_connection_replaces_the_first_and_says_which(table: RoutingTable) -> None:
    table.connect(ANNA, Route(0, 5, 100))
    assert table.connect(ANNA, Route(1, 9, 101)) == Route(0, 5, 100)
    assert table.route(ANNA) == Route(1, 9, 101)


def test_an_end_that_is_noticed_late_does_not_take_the_new_route(table: RoutingTable) -> None:
    table.connect(ANNA, Route(0, 5, 100))
    table.connect(ANNA, Route(1, 9, 101))
    assert not table.disconnect(ANNA, Route(0, 5, 100), now=200)
    assert table.route(ANNA) == Route(1, 9, 101)
    assert table.last_seen(ANNA.user) is None


def test_the_routes_of_a_dead_worker_go_with_it(table: RoutingTable) -> None:
    table.connect(ANNA, Route(0, 5, 100))
    table.connect(ANNAS_OTHER, Route(1, 6, 100))
    table.connect(BERND, Route(1, 7, 100, available=True))
    assert table.drop_worker(1, now=300) == [ANNAS_OTHER, BERND]
    assert table.count() == 1
    assert table.last_seen(BERND.user) == 300
    assert table.last_seen(ANNA.user) is None


@pytest.mark.slow
def test_another_process_sees_and_changes_the_same_table(table: RoutingTable, tmp_path: Path) -> None:
    table.connect(ANNA, Route(0, 5, 100))
    script = """
import pathlib, sys
from protocol.ids import DeviceAddress
from storage.routing import Route, open_routing_table
with open_routing_table(pathlib.Path(sys.argv[1])) as table:
    assert table.route(DeviceAddress(7, 1)) == Route(0, 5, 100)
    table.connect(DeviceAddress(8, 1), Route(1, 1, 1))
"""
    other = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, capture_output=True)
    assert (other.returncode, other.stderr) == (0, b"")
    assert table.route(BERND) == Route(1, 1, 1)


def test_a_new_run_of_the_node_starts_with_an_empty_table(tmp_path: Path) -> None:
    with create_routing_table(tmp_path) as table:
        table.connect(ANNA, Route(0, 5, 100))
    with open_routing_table(tmp_path) as table:
        assert table.count() == 1
    with create_routing_table(tmp_path) as table:
        assert table.count() == 0


def test_a_damaged_table_of_an_earlier_run_does_not_stop_the_node(tmp_path: Path) -> None:
    create_routing_table(tmp_path).close()
    (tmp_path / "volatile" / "data.mdb").write_bytes(b"\xff" * 8192)
    with create_routing_table(tmp_path) as table:
        assert table.count() == 0


def test_a_worker_does_not_create_the_table(tmp_path: Path) -> None:
    with pytest.raises(lmdb.Error):
        open_routing_table(tmp_path)


class FailingDisk:
    """Stands in the place of LMDB on a disk that takes no writes; `panics`: and no reads after that."""

    def __init__(self, real: lmdb.Environment, *, panics: bool = False) -> None:
        self._real = real
        self._panics = panics

    def begin(self, *, write: bool = False) -> lmdb.Transaction[bytes]:
        if write:
            raise lmdb.DiskError("mdb_txn_begin: Read-only file system")
        if self._panics:
            raise lmdb.PanicError("mdb_txn_begin: MDB_PANIC")
        return self._real.begin()

    def close(self) -> None:
        self._real.close()


@pytest.mark.parametrize("panics", [False, True], ids=["the file is as it was", "LMDB has given up on it"])
def test_what_cannot_be_written_is_left_out_and_ends_nobody(
    table: RoutingTable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, panics: bool
) -> None:
    route = Route(0, 5, 100)
    table.connect(ANNA, route)
    monkeypatch.setattr(table, "_lmdb", FailingDisk(table._lmdb, panics=panics))
    assert table.connect(BERND, Route(0, 6, 100)) is None
    assert "route_not_written" in caplog.messages
    if not panics:
        assert table.drop_worker(0, 110) == []
        assert not table.set_available(ANNA, route, available=True, now=110)
        assert not table.disconnect(ANNA, route, 110)
    assert table.routes(ANNA.user) == {1: route}
    assert table.routes(BERND.user) == {}


def test_a_table_that_had_to_be_opened_anew_is_written_again(
    table: RoutingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "_lmdb", FailingDisk(table._lmdb, panics=True))
    table.connect(ANNA, Route(0, 5, 100))
    table.connect(ANNA, Route(0, 6, 100))
    assert table.route(ANNA) == Route(0, 6, 100)


def test_a_table_that_cannot_be_opened_anew_ends_nobody_who_writes_and_is_tried_again_by_the_next(
    table: RoutingTable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a disk that has become read-only: LMDB gives up, and its lock file cannot be opened either."""
    route = Route(0, 5, 100)

    def refuse(*args: object, **settings: object) -> None:
        raise lmdb.ReadonlyError("lock.mdb: Read-only file system")

    with monkeypatch.context() as read_only:
        read_only.setattr(table, "_lmdb", FailingDisk(table._lmdb, panics=True))
        read_only.setattr(lmdb, "Environment", refuse)
        assert table.connect(ANNA, route) is None
        assert not table.disconnect(ANNA, route, 110)
        assert "routing_table_closed" in caplog.messages
        read_only.undo()
    table.connect(ANNA, route)
    table.connect(ANNA, route)
    assert table.route(ANNA) == route
