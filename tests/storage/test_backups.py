from __future__ import annotations

import stat
from pathlib import Path
from random import Random

import pytest

from storage import (
    BackupError,
    Environment,
    backup,
    check_records,
    load_or_create_secrets,
    open_environment,
    verify,
)
from storage.tables import QUEUE
from tests.helpers.inside_view import InsideView
from tests.storage.conftest import MIB
from tests.storage.test_accounts import store
from tests.storage.test_checks import some_messages


def test_a_backup_is_a_data_folder_with_the_same_content(environment: Environment, tmp_path: Path) -> None:
    secrets = load_or_create_secrets(environment.data, Random(1).randbytes)
    store(environment, some_messages(100))
    backup(InsideView(environment), tmp_path / "copy")
    assert verify(tmp_path / "copy" / "durable") == []
    with open_environment(tmp_path / "copy", map_bytes=64 * MIB) as restored:
        assert restored.statistics().rows == environment.statistics().rows
        assert check_records(restored) == []
    assert load_or_create_secrets(tmp_path / "copy", Random(2).randbytes) == secrets


def test_only_the_owner_may_look_into_a_backup(environment: Environment, tmp_path: Path) -> None:
    load_or_create_secrets(environment.data, Random(1).randbytes)
    backup(InsideView(environment), tmp_path / "copy")
    names = (".", "durable", "durable/data.mdb", "secrets")
    modes = [stat.S_IMODE((tmp_path / "copy" / name).stat().st_mode) for name in names]
    assert modes == [0o700, 0o700, 0o600, 0o600]


def test_a_backup_shows_the_moment_of_its_beginning(environment: Environment, tmp_path: Path) -> None:
    store(environment, some_messages(3))
    backup(InsideView(environment), tmp_path / "copy")
    store(environment, some_messages(5))
    with open_environment(tmp_path / "copy", map_bytes=64 * MIB) as restored:
        assert restored.statistics().rows[QUEUE] == 3


def test_nothing_is_overwritten(environment: Environment, tmp_path: Path) -> None:
    backup(InsideView(environment), tmp_path / "copy")
    with pytest.raises(BackupError, match="exists already"):
        backup(InsideView(environment), tmp_path / "copy")


def test_a_backup_that_fails_leaves_nothing_behind(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out_of_room(folder: Path) -> None:
        (folder / "data.mdb").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(environment, "copy", run_out_of_room)
    with pytest.raises(BackupError, match="No space left"):
        backup(InsideView(environment), tmp_path / "copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_what_a_killed_backup_left_is_cleared_away(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "copy.partial").mkdir()
    (tmp_path / "copy.partial" / "half").write_bytes(b"")
    backup(InsideView(environment), tmp_path / "copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "data"]
