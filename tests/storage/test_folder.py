from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from storage.errors import DataFolderInUseError
from storage.folder import (
    FolderLock,
    ballast_file,
    durable_folder,
    environment_lock_file,
    environment_numbers,
    exclusive_folder,
    prepare_folder,
    remove_environment,
    write_file_durably,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_look_into_a_prepared_folder(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    assert mode(prepare_folder(tmp_path / "open")) == 0o700
    assert mode(prepare_folder(tmp_path / "a" / "new")) == 0o700


def test_a_lock_that_is_held_names_its_holder(tmp_path: Path) -> None:
    with FolderLock(tmp_path), pytest.raises(DataFolderInUseError) as raised:
        FolderLock(tmp_path)
    assert raised.value.pid == os.getpid()
    assert f"process {os.getpid()}" in str(raised.value)


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    lock.release()
    lock.release()
    FolderLock(tmp_path).release()


def test_locks_of_a_folder_are_held_apart(tmp_path: Path) -> None:
    with (
        FolderLock(tmp_path),
        FolderLock(tmp_path, environment_lock_file(tmp_path, 0)),
        FolderLock(tmp_path, environment_lock_file(tmp_path, 1)),
        pytest.raises(DataFolderInUseError),
    ):
        FolderLock(tmp_path, environment_lock_file(tmp_path, 1))


def test_whoever_is_patient_gets_the_lock_when_its_holder_has_ended(tmp_path: Path) -> None:
    held = FolderLock(tmp_path)
    waiting = threading.Timer(0.001, held.release)
    waiting.start()
    FolderLock(tmp_path, patience=60.0).release()
    waiting.join()


def test_patience_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.folder.LOCK_RETRY_SECONDS", 0.001)
    with FolderLock(tmp_path), pytest.raises(DataFolderInUseError):
        FolderLock(tmp_path, patience=0.003)


def test_a_folder_is_exclusive_only_if_nobody_holds_any_part_of_it(tmp_path: Path) -> None:
    for number in (0, 1):
        durable_folder(tmp_path, number).mkdir()
    with FolderLock(tmp_path, environment_lock_file(tmp_path, 1)):
        with pytest.raises(DataFolderInUseError), exclusive_folder(tmp_path):
            pass
        FolderLock(tmp_path).release()
    with exclusive_folder(tmp_path), pytest.raises(DataFolderInUseError):
        FolderLock(tmp_path, environment_lock_file(tmp_path, 0))


def test_environments_are_known_by_their_folders_and_nothing_else_is_taken_for_one(tmp_path: Path) -> None:
    for name in ("durable", "durable.2", "durable.old", "durable.99", "volatile"):
        (tmp_path / name).mkdir()
    (tmp_path / "durable.3").write_text("a file")
    assert environment_numbers(tmp_path) == [0, 2]


def test_nothing_is_left_of_a_removed_environment(tmp_path: Path) -> None:
    for number in (0, 2):
        (durable_folder(tmp_path, number)).mkdir()
        (durable_folder(tmp_path, number) / "data.mdb").write_text("rows")
        ballast_file(tmp_path, number).write_text("ballast")
        environment_lock_file(tmp_path, number).write_text("1")
    remove_environment(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ballast", "durable", "lock.0"]


def test_everything_of_environment_0_has_the_name_that_it_had_when_there_was_one(tmp_path: Path) -> None:
    assert (durable_folder(tmp_path).name, ballast_file(tmp_path).name) == ("durable", "ballast")
    assert (durable_folder(tmp_path, 1).name, ballast_file(tmp_path, 1).name) == ("durable.1", "ballast.1")


@pytest.mark.slow
def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    script = (
        "import os, sys, pathlib, storage.folder as f; f.FolderLock(pathlib.Path(sys.argv[1])); os._exit(9)"
    )
    other = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert other.returncode == 9
    FolderLock(tmp_path).release()


def test_a_file_is_replaced_whole_and_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    write_file_durably(path, b"first and longer")
    write_file_durably(path, b"second")
    assert path.read_bytes() == b"second"
    assert mode(path) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secrets"]
