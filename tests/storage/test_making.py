from pathlib import Path

import pytest

from storage import Environment, Put, open_environment
from storage.committer import Committer
from storage.errors import UnreadableStoreError
from storage.tables import QUEUE


def write_a_row(environment: Environment) -> None:
    assert Committer(environment).commit([[Put(QUEUE, b"k", b"v")]]) == [None]


def test_a_first_start_that_was_cut_short_by_a_power_loss_is_begun_anew(tmp_path: Path) -> None:
    making = tmp_path / "durable" / "making"
    making.mkdir(parents=True)
    (making / "data.mdb").write_bytes(bytes(4096))  # of two pages one, and nothing in it
    with open_environment(tmp_path) as environment:
        write_a_row(environment)
    assert sorted(path.name for path in (tmp_path / "durable").iterdir()) == ["data.mdb", "lock.mdb"]


def test_an_empty_file_is_no_new_store(tmp_path: Path) -> None:
    with open_environment(tmp_path) as environment:
        write_a_row(environment)
    (tmp_path / "durable" / "data.mdb").write_bytes(b"")
    with pytest.raises(UnreadableStoreError, match="its file is empty"):
        open_environment(tmp_path)
