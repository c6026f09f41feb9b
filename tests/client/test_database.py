import sqlite3
import threading
from pathlib import Path

import pytest

from client.database import Database
from client.errors import StoreDamagedError, StoreTooNewError
from client.schema import CURRENT_VERSION

FILE = "phone.sqlite"


def peers(database: Database) -> list[int]:
    return [row["user"] for row in database.rows("SELECT user FROM peers ORDER BY user")]


def add_peer(database: Database, user: int) -> None:
    database.execute("INSERT INTO peers (user) VALUES (?)", user)


def add_peers(database: Database, users: list[int]) -> None:
    for user in users:
        add_peer(database, user)


def add_peers_each_in_a_transaction(database: Database, users: list[int]) -> None:
    for user in users:
        with database.transaction():
            add_peer(database, user)


def test_home_and_files_are_for_their_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    database = Database.open(home, FILE)
    add_peer(database, 1)
    assert home.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()}
    assert modes == {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}
    database.close()


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    Database.open(tmp_path, FILE).close()
    (tmp_path / FILE).chmod(0o644)
    Database.open(tmp_path, FILE).close()
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_commits_wait_for_the_disk_and_what_is_deleted_is_overwritten(tmp_path: Path) -> None:
    database = Database.open(tmp_path, FILE)
    full = 2
    assert database.value("PRAGMA synchronous") == full
    assert database.value("PRAGMA journal_mode") == "wal"
    assert database.value("PRAGMA secure_delete") == 1
    assert database.value("PRAGMA foreign_keys") == 1
    assert database.value("PRAGMA user_version") == CURRENT_VERSION
    database.close()


def test_a_deleted_key_is_not_left_in_the_files(tmp_path: Path) -> None:
    database = Database.open(tmp_path, FILE)
    secret = b"a private key of thirty-two byte"
    database.execute("INSERT INTO sessions (user, device, record) VALUES (1, 1, ?)", secret)
    database.execute("DELETE FROM sessions")
    database.close()
    assert [path.name for path in tmp_path.iterdir() if secret in path.read_bytes()] == []


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    database = Database.open(tmp_path, FILE)
    with database.transaction():
        add_peer(database, 1)
    database.close()
    database = Database.open(tmp_path, FILE)
    assert peers(database) == [1]
    database.close()


def test_a_transaction_that_raises_leaves_nothing(tmp_path: Path) -> None:
    database = Database.open(tmp_path, FILE)
    with pytest.raises(sqlite3.IntegrityError), database.transaction():
        add_peers(database, [1, 1])
    add_peer(database, 2)
    assert peers(database) == [2]
    database.close()


def test_an_inner_transaction_joins_the_outer_one(tmp_path: Path) -> None:
    database = Database.open(tmp_path, FILE)
    with pytest.raises(sqlite3.IntegrityError), database.transaction():
        add_peers_each_in_a_transaction(database, [1, 1])
    assert peers(database) == []
    database.close()


def test_a_store_of_a_later_version_is_refused_and_left_untouched(tmp_path: Path) -> None:
    Database.open(tmp_path, FILE).close()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute(f"PRAGMA user_version = {CURRENT_VERSION + 1}")
    connection.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StoreTooNewError) as caught:
        Database.open(tmp_path, FILE)
    assert (caught.value.version, caught.value.understood) == (CURRENT_VERSION + 1, CURRENT_VERSION)
    assert "newer Roost" in str(caught.value)
    assert (tmp_path / FILE).read_bytes() == before


def test_what_is_no_database_is_refused_and_left_untouched(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"a diary, not a database" * 100)
    with pytest.raises(StoreDamagedError):
        Database.open(tmp_path, FILE)
    assert (tmp_path / FILE).read_bytes() == b"a diary, not a database" * 100


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    with pytest.raises(StoreDamagedError, match="another program"):
        Database.open(tmp_path, FILE)


def test_two_that_open_a_new_home_at_once_both_succeed(tmp_path: Path) -> None:
    barrier = threading.Barrier(4)
    opened: list[Database] = []

    def open_it() -> None:
        barrier.wait()
        opened.append(Database.open(tmp_path, FILE))

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    for database in opened:
        database.close()


def test_changes_of_others_are_noticed_once_and_own_ones_never(tmp_path: Path) -> None:
    ours, theirs = Database.open(tmp_path, FILE), Database.open(tmp_path, FILE)
    ours.changed_elsewhere()
    add_peer(ours, 1)
    assert not ours.changed_elsewhere()
    add_peer(theirs, 2)
    assert ours.changed_elsewhere()
    assert not ours.changed_elsewhere()
    ours.close()
    theirs.close()


def test_a_reader_is_not_held_up_by_a_writer(tmp_path: Path) -> None:
    writer, reader = Database.open(tmp_path, FILE), Database.open(tmp_path, FILE)
    with writer.transaction():
        add_peer(writer, 1)
        assert peers(reader) == []
    assert peers(reader) == [1]
    writer.close()
    reader.close()
