from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from protocol.ids import UserId
from protocol.slots import first_user_of
from storage import (
    DataFolderInUseError,
    Environment,
    NoStoreError,
    Reader,
    Store,
    accounts,
    open_environment,
    open_store,
    prepare_store,
)
from storage import store as module
from storage.accounts import UserRecord
from storage.errors import FolderUnusableError
from storage.folder import environment_lock_file
from storage.tables import USERS
from tests.storage.conftest import MIB
from tests.storage.test_accounts import store as commit

FIRST = UserId(7)
"""A user of slot 0."""

LAST = UserId(first_user_of(256) - 7)
"""A user of slot 255."""


def say_nothing(_line: str) -> None: ...


@pytest.fixture
def environments(tmp_path: Path) -> Iterator[list[Environment]]:
    """The environments of three workers, opened once for all of them, as in a simulation."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(open_environment(tmp_path, number, map_bytes=64 * MIB)) for number in range(3)
        ]


def phone_in(reader: Reader, user: UserId) -> str | None:
    with reader:
        record = accounts.load_user(reader, user)
    return record.phone if record is not None else None


def test_one_worker_owns_everybody_and_the_directory(environment: Environment) -> None:
    commit(environment, accounts.put_user(LAST, UserRecord("+491", 1)))
    store = Store(environment)
    assert (store.worker, store.workers, store.owner(FIRST), store.owner(LAST)) == (0, 1, 0, 0)
    assert store.owns(LAST)
    assert phone_in(store.read_of(LAST), LAST) == "+491"
    with store.read_directory() as reader:
        assert accounts.find_user_by_phone(reader, "+491") == LAST


def test_every_worker_reads_every_user_where_its_owner_writes_it(environments: list[Environment]) -> None:
    stores = [Store(each, environments) for each in environments]
    assert [store.worker for store in stores] == [0, 1, 2]
    for user, phone, owner in ((FIRST, "+491", 0), (LAST, "+492", 2)):
        commit(environments[owner], accounts.put_user(user, UserRecord(phone, 1)))
        for store in stores:
            assert store.owner(user) == owner
            assert store.owns(user) == (store.worker == owner)
            assert phone_in(store.read_of(user), user) == phone


def test_the_directory_is_the_first_workers(environments: list[Environment]) -> None:
    commit(environments[0], accounts.put_user(LAST, UserRecord("+491", 1)))
    with Store(environments[2], environments).read_directory() as reader:
        assert accounts.find_user_by_phone(reader, "+491") == LAST


def test_an_environment_at_another_workers_place_is_refused(environments: list[Environment]) -> None:
    with pytest.raises(ValueError, match="environment 1 of all"):
        Store(environments[1], [environments[0], environments[2], environments[1]])


def test_a_worker_opens_what_was_prepared_for_it(tmp_path: Path) -> None:
    with prepare_store(tmp_path, 2, say_nothing), open_store(tmp_path, 1) as store:
        assert (store.worker, store.workers, store.own.number) == (1, 2, 1)
        with store.read_directory() as reader:
            assert reader.count(USERS) == 0
        with store.read_of(FIRST) as reader:
            assert reader.count(USERS) == 0


def test_a_worker_that_nobody_prepared_for_is_refused(tmp_path: Path) -> None:
    with prepare_store(tmp_path, 2, say_nothing), pytest.raises(NoStoreError):
        open_store(tmp_path, 2)


def test_a_worker_in_a_folder_that_the_system_does_not_let_it_have_says_so(tmp_path: Path) -> None:
    prepare_store(tmp_path, 1, say_nothing).release()
    environment_lock_file(tmp_path, 0).unlink()
    environment_lock_file(tmp_path, 0).mkdir()
    with pytest.raises(FolderUnusableError, match="cannot be used"):
        open_store(tmp_path, 0)


def test_two_workers_never_write_the_same_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEFTOVER_PATIENCE_SECONDS", 0.0)
    with prepare_store(tmp_path, 2, say_nothing), open_store(tmp_path, 1):
        with pytest.raises(DataFolderInUseError):
            open_store(tmp_path, 1)
        open_store(tmp_path, 0).close()


def test_closing_twice_is_harmless_and_lets_another_open_it(tmp_path: Path) -> None:
    with prepare_store(tmp_path, 2, say_nothing):
        with open_store(tmp_path, 0) as store:
            with store.read_of(LAST) as reader:
                assert reader.count(USERS) == 0
            store.close()
        open_store(tmp_path, 0).close()


@pytest.mark.slow  # another process
def test_the_read_slot_of_a_killed_process_is_freed(tmp_path: Path) -> None:
    script = (
        "import os, sys, pathlib; from storage.peer import PeerEnvironment as Peer;"
        "reader = Peer(pathlib.Path(sys.argv[1]), 0).read().__enter__(); os._exit(9)"
    )
    with prepare_store(tmp_path, 1, say_nothing), open_store(tmp_path, 0) as store:
        killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
        assert killed.returncode == 9
        assert store.clear_stale_readers() == 1
        assert store.clear_stale_readers() == 0


def test_no_reader_is_stale_where_nobody_was_killed(environment: Environment) -> None:
    assert Store(environment).clear_stale_readers() == 0
