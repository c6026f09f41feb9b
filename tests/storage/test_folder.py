from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from storage.errors import DataFolderInUseError
from storage.folder import FolderLock, prepare_folder, write_file_durably


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
