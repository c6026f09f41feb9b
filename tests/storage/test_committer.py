from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest

from storage import (
    Environment,
    InvalidOperationError,
    JournalFailedError,
    Put,
    StorageFullError,
    open_environment,
)
from storage.committer import Committer
from storage.tables import QUEUE, Op, Table
from tests.storage.conftest import MIB

GOOD: list[Op] = [Put(QUEUE, b"good", b"v")]


def stored(environment: Environment) -> list[bytes]:
    with environment.read() as reader:
        return [key for key, _ in reader.scan(QUEUE, b"\0", b"\xff" * 16)]


def lmdb_error(what: str, code: int) -> lmdb.Error:
    """As LMDB raises it: from Python the code has to be set by hand."""
    error = lmdb.Error(what, code)
    vars(error)["code"] = code
    return error


class BrokenDisk:
    """Stands where a write transaction stands; its commit fails as it is told."""

    def __init__(
        self, environment: Environment, error: Exception, after: Callable[[], None] | None = None
    ) -> None:
        self._txn = environment.begin_write()
        self._error = error
        self._after = after

    def id(self) -> int:
        return self._txn.id()

    def cursor(self, database: lmdb._Database) -> lmdb.Cursor[bytes]:
        return self._txn.cursor(database)

    def abort(self) -> None:
        self._txn.abort()

    def commit(self) -> None:
        if self._after is not None:
            self._txn.commit()
            self._after()
        else:
            self._txn.abort()
        raise self._error


def break_next_commit(
    monkeypatch: pytest.MonkeyPatch,
    environment: Environment,
    error: Exception,
    after: Callable[[], None] | None = None,
) -> None:
    broken = BrokenDisk(environment, error, after)
    whole = environment.begin_write

    def begin_write() -> object:
        monkeypatch.setattr(environment, "begin_write", whole)
        return broken

    monkeypatch.setattr(environment, "begin_write", begin_write)


def test_a_batch_is_stored_whole(environment: Environment) -> None:
    assert Committer(environment).commit([GOOD, [Put(QUEUE, b"too", b"v")]]) == [None, None]
    assert stored(environment) == [b"good", b"too"]


def test_nothing_to_do_is_done_without_a_transaction(environment: Environment) -> None:
    before = environment.last_transaction()
    assert Committer(environment).commit([[], []]) == [None, None]
    assert environment.last_transaction() == before


@pytest.mark.parametrize(
    "bad",
    [
        [Put(QUEUE, b"k" * 600, b"v")],
        [Put(QUEUE, b"", b"v")],
        [Put(QUEUE, b"half", b"v"), Put(Table("nowhere"), b"k", b"v")],
        [Put(QUEUE, "text", b"v")],  # type: ignore[arg-type]  # that is the test
        [Put(QUEUE, b"k", None)],  # type: ignore[arg-type]  # that is the test
        [Put(QUEUE, b"k", "text")],  # type: ignore[arg-type]  # that is the test
        ["put"],
    ],
)
def test_bad_input_fails_alone(environment: Environment, bad: list[Op]) -> None:
    first, second, third = Committer(environment).commit([GOOD, bad, [Put(QUEUE, b"too", b"v")]])
    assert (first, third) == (None, None)
    assert isinstance(second, InvalidOperationError)
    assert stored(environment) == [b"good", b"too"]


def test_a_batch_larger_than_the_map_makes_it_grow(tmp_path: Path) -> None:
    with open_environment(tmp_path, map_bytes=MIB // 2, reserve_bytes=0) as environment:
        ops: list[Op] = [Put(QUEUE, b"%04d" % n, b"v" * 60_000) for n in range(40)]
        assert Committer(environment).commit([ops]) == [None]
        assert len(stored(environment)) == 40
        assert environment.statistics().map_bytes >= 4 * MIB


def test_a_map_that_may_not_grow_is_full_and_stays_usable(tmp_path: Path) -> None:
    with open_environment(
        tmp_path, map_bytes=MIB // 2, max_map_bytes=MIB // 2, reserve_bytes=0
    ) as environment:
        committer = Committer(environment)
        assert committer.commit([GOOD]) == [None]
        (error,) = committer.commit([[Put(QUEUE, b"large", b"v" * MIB)]])
        assert isinstance(error, StorageFullError)
        assert committer.commit([[Put(QUEUE, b"small", b"v")]]) == [None]
        assert stored(environment) == [b"good", b"small"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_reported_and_the_next_batch_may_succeed(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    committer = Committer(environment)
    break_next_commit(monkeypatch, environment, lmdb_error("no room", code))
    errors = committer.commit([GOOD, GOOD])
    assert [type(error) for error in errors] == [StorageFullError, StorageFullError]
    assert stored(environment) == []
    assert committer.commit([GOOD]) == [None]


def test_an_io_error_is_a_full_disk_only_on_a_full_disk(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    committer = Committer(environment)
    monkeypatch.setattr("storage.committer.disk_free_bytes", lambda folder: 4096)
    break_next_commit(monkeypatch, environment, lmdb_error("short write", errno.EIO))
    assert isinstance(committer.commit([GOOD])[0], StorageFullError)
    monkeypatch.undo()
    break_next_commit(monkeypatch, environment, lmdb_error("fdatasync", errno.EIO))
    with pytest.raises(JournalFailedError):
        committer.commit([GOOD])


@pytest.mark.parametrize(
    "error", [lmdb.CorruptedError("page"), lmdb.PanicError("meta"), OSError(errno.EIO, "io")]
)
def test_any_other_failure_is_final(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    break_next_commit(monkeypatch, environment, error)
    with pytest.raises(JournalFailedError) as raised:
        Committer(environment).commit([GOOD])
    assert raised.value.__cause__ is error


def panic_until_reopened(monkeypatch: pytest.MonkeyPatch, environment: Environment) -> None:
    """What LMDB does after a meta page could not be written: all raises until it is opened anew."""
    reopen, read = environment.reopen, environment.read

    def panic() -> object:
        raise lmdb.PanicError("MDB_PANIC")

    def reopened() -> None:
        monkeypatch.setattr(environment, "read", read)
        reopen()

    monkeypatch.setattr(environment, "read", panic)
    monkeypatch.setattr(environment, "reopen", reopened)


def test_an_environment_that_panicked_on_a_full_disk_is_opened_anew(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    committer = Committer(environment)
    break_next_commit(monkeypatch, environment, lmdb_error("meta page", errno.ENOSPC))
    panic_until_reopened(monkeypatch, environment)
    assert isinstance(committer.commit([GOOD])[0], StorageFullError)
    assert committer.commit([GOOD]) == [None]
    assert stored(environment) == [b"good"]


def test_a_failed_commit_that_is_there_after_reopening_is_not_called_refused(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = lmdb_error("meta page", errno.ENOSPC)
    break_next_commit(
        monkeypatch, environment, error, after=lambda: panic_until_reopened(monkeypatch, environment)
    )
    with pytest.raises(JournalFailedError, match="left its mark"):
        Committer(environment).commit([GOOD])


def test_room_is_what_is_left_above_the_reserve(tmp_path: Path) -> None:
    with open_environment(
        tmp_path, map_bytes=4 * MIB, max_map_bytes=4 * MIB, reserve_bytes=2 * MIB
    ) as environment:
        committer = Committer(environment)
        assert committer.spare_bytes() >= 0
        committer.commit([[Put(QUEUE, b"large", b"v" * (2 * MIB))]])
        assert committer.spare_bytes() < 0
