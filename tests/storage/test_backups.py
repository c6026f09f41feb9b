from __future__ import annotations

import shutil
import stat
from pathlib import Path
from random import Random

import pytest

from storage import (
    BackupError,
    Environment,
    MissingEnvironmentError,
    backup,
    check_records,
    load_or_create_secrets,
    open_environment,
    open_outside,
    read_layout,
    read_secrets,
    verify,
)
from storage.layout import write_layout
from storage.outside import OutsideEnvironment
from storage.tables import QUEUE
from tests.helpers.inside_view import InsideView
from tests.storage.conftest import MIB
from tests.storage.test_accounts import store
from tests.storage.test_checks import some_messages
from tests.storage.whole_store import Rows, everything, prepare, put, random_rows


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
    with pytest.raises(BackupError, match="no space left"):
        backup(InsideView(environment), tmp_path / "copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_what_a_killed_backup_left_is_cleared_away(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "copy.partial").mkdir()
    (tmp_path / "copy.partial" / "half").write_bytes(b"")
    backup(InsideView(environment), tmp_path / "copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "data"]


@pytest.fixture
def divided(tmp_path: Path) -> tuple[Path, Rows]:
    """A store of three workers that nobody has open, and its rows."""
    data = tmp_path / "data"
    prepare(data, 3)
    load_or_create_secrets(data, Random(1).randbytes)
    rows = random_rows(Random(1), 20)
    put(data, rows)
    return data, rows


def save(data: Path, target: Path) -> None:
    """As backup, of rows that are no records: whether they are whole is not looked at."""
    with pytest.MonkeyPatch.context() as patch, open_outside(data) as view:
        patch.setattr("storage.backups.check_records", lambda *_environments, report: [])
        backup(view, target)


def test_every_environment_is_saved_with_the_layout(divided: tuple[Path, Rows], tmp_path: Path) -> None:
    data, rows = divided
    save(data, tmp_path / "saved")
    assert everything(tmp_path / "saved") == rows
    assert read_layout(tmp_path / "saved") == read_layout(data)
    assert read_secrets(tmp_path / "saved") == read_secrets(data)


def test_the_directory_is_copied_first(
    divided: tuple[Path, Rows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is in the directory was durable elsewhere before: so it must not be newer than the others."""
    copied: list[int] = []
    copy = OutsideEnvironment.copy

    def note(environment: OutsideEnvironment, folder: Path) -> None:
        copied.append(environment.number)
        copy(environment, folder)

    monkeypatch.setattr(OutsideEnvironment, "copy", note)
    save(divided[0], tmp_path / "saved")
    assert copied == [0, 1, 2]


def test_a_backup_during_which_users_moved_is_refused(
    divided: tuple[Path, Rows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There and back again is a change too: rows were in neither copy when each was made."""
    data, _ = divided
    copy = OutsideEnvironment.copy

    def move_meanwhile(environment: OutsideEnvironment, folder: Path) -> None:
        copy(environment, folder)
        layout = read_layout(data)
        write_layout(data, layout.changed_to(2).changed_to(layout.environments))

    monkeypatch.setattr(OutsideEnvironment, "copy", move_meanwhile)
    with pytest.raises(BackupError, match="number of workers was changed meanwhile"):
        save(data, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_a_store_with_a_part_missing_is_not_saved(divided: tuple[Path, Rows], tmp_path: Path) -> None:
    data, _ = divided
    shutil.rmtree(data / "durable.2")
    with pytest.raises(MissingEnvironmentError):
        save(data, tmp_path / "saved")


def test_a_damaged_row_is_found_in_whichever_environment_it_lies(
    divided: tuple[Path, Rows], tmp_path: Path
) -> None:
    with open_outside(divided[0]) as view, pytest.raises(BackupError, match="the copy is damaged"):
        backup(view, tmp_path / "saved")
