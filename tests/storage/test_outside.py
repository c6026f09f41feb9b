from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import lmdb
import pytest

from storage import (
    MisplacedEnvironmentError,
    MissingEnvironmentError,
    NoStoreError,
    SchemaTooNewError,
    UnreadableStoreError,
    backup,
    check_records,
    holder_of,
    mailboxes,
    open_environment,
    open_outside,
)
from storage.backups import first_problem
from storage.migrations import META_CODEC, SCHEMA_KEY, migrate
from storage.outside import environment_files
from storage.tables import DURABLE_TABLES, META, QUEUE
from tests.storage.conftest import MIB
from tests.storage.killed_writer import RECIPIENT, ciphertext
from tests.storage.test_accounts import store
from tests.storage.test_checks import some_messages
from tests.storage.whole_store import prepare, put, random_rows

ENOUGH_MESSAGES = 500


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with ten messages that nobody has open."""
    with open_environment(tmp_path / "data", map_bytes=64 * MIB) as environment:
        store(environment, some_messages(10))
    return tmp_path / "data"


def test_rows_can_be_counted_and_checked_from_outside(data: Path) -> None:
    with open_outside(data) as view:
        assert view.rows()[QUEUE] == 10
        assert check_records(*view.environments) == []


def test_nothing_is_created_where_there_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(NoStoreError), open_outside(tmp_path / "nowhere"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_store_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "durable").mkdir()
    (tmp_path / "durable" / "data.mdb").write_bytes(b"no store" * 4096)
    with pytest.raises(UnreadableStoreError, match=str(tmp_path)), open_outside(tmp_path):
        pass


def test_a_store_of_a_later_version_is_refused(data: Path) -> None:
    with open_environment(data, map_bytes=64 * MIB) as environment:
        store(environment, [META_CODEC.put(SCHEMA_KEY, 99)])
    with pytest.raises(SchemaTooNewError), open_outside(data):
        pass


def test_whoever_holds_the_folder_is_named_and_nobody_otherwise(data: Path, tmp_path: Path) -> None:
    assert holder_of(tmp_path / "nowhere") is None
    assert holder_of(data) is None
    with _running_writer(data) as writer:
        assert holder_of(data) == writer.pid
    assert holder_of(data) is None


def test_all_environments_are_seen_together(tmp_path: Path) -> None:
    prepare(tmp_path, 3)
    rows = random_rows(Random(1), 20)
    put(tmp_path, rows)
    with open_outside(tmp_path) as view:
        assert [environment.number for environment in view.environments] == [0, 1, 2]
        assert view.directory is view.environments[0]
        assert sum(count for table, count in view.rows().items() if table != META) == len(rows)
        assert view.layout.environments == 3
        assert view.live_bytes() == sum(each.live_bytes() for each in view.environments)


def test_a_table_that_an_older_store_does_not_have_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "durable").mkdir()
    with lmdb.Environment(str(tmp_path / "durable"), max_dbs=2, map_size=MIB) as env:
        migrate(env, tmp_path)
    with open_outside(tmp_path) as view:
        assert view.rows() == dict.fromkeys(DURABLE_TABLES, 0) | {META: 2}
        assert check_records(*view.environments) == []
        with view.directory.read() as reader:
            assert reader.get(QUEUE, b"k") is None
            assert reader.last(QUEUE, b"a", b"z") is None
            assert list(reader.scan(QUEUE, b"a", b"z")) == []


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    prepare(tmp_path, 2)
    (tmp_path / "durable.1" / "data.mdb").unlink()
    with pytest.raises(MissingEnvironmentError, match=r"durable\.1"), open_outside(tmp_path):
        pass
    with pytest.raises(MissingEnvironmentError):
        environment_files(tmp_path)


def test_parts_that_were_mixed_up_are_noticed(tmp_path: Path) -> None:
    prepare(tmp_path, 2)
    (tmp_path / "durable").rename(tmp_path / "aside")
    (tmp_path / "durable.1").rename(tmp_path / "durable")
    (tmp_path / "aside").rename(tmp_path / "durable.1")
    with pytest.raises(MisplacedEnvironmentError), open_outside(tmp_path):
        pass


def test_a_worker_that_has_outlived_its_node_is_the_holder(tmp_path: Path) -> None:
    prepare(tmp_path, 2)
    with open_environment(tmp_path, 1):
        assert holder_of(tmp_path) == os.getpid()
    assert holder_of(tmp_path) is None


@contextmanager
def _running_writer(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that accepts messages as fast as it can, and has accepted some."""
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.killed_writer", str(data)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    with writer:
        assert writer.stdout is not None
        _read_accepted(writer, ENOUGH_MESSAGES)
        yield writer
        writer.kill()


def _read_accepted(writer: subprocess.Popen[bytes], upto: int) -> None:
    """Read what the writer says until it has accepted so many."""
    assert writer.stdout is not None
    while int(writer.stdout.readline()) < upto:
        pass


@pytest.mark.slow  # another process fills the store meanwhile
def test_a_backup_beside_a_running_writer_has_all_that_was_durable_when_it_began(tmp_path: Path) -> None:
    data, saved = tmp_path / "data", tmp_path / "saved"
    with _running_writer(data) as writer:
        with open_outside(data) as view:
            backup(view, saved)
        # And the writer goes on as before.
        _read_accepted(writer, ENOUGH_MESSAGES * 2)
    assert first_problem(saved) is None
    with open_outside(saved) as view, view.directory.read() as reader:
        messages = mailboxes.read_range(reader, RECIPIENT, 0, 1_000_000)
        cursor = mailboxes.load_device_queue_state(reader, RECIPIENT)
    assert len(messages) >= ENOUGH_MESSAGES
    assert [seq for seq, _ in messages] == list(range(1, cursor.next_seq))
    assert all(message.ciphertext == ciphertext(seq) for seq, message in messages)


def test_nobody_holds_what_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert holder_of(file) is None
