import subprocess
import sys
from pathlib import Path

import pytest

from client.errors import HomeInUseError
from client.home_lock import LOCK_FILE_NAME, HomeLock

HOLD_UNTIL_KILLED = """
import sys
from pathlib import Path
from client.home_lock import HomeLock
lock = HomeLock.acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_only_one_holds_a_home(tmp_path: Path) -> None:
    with HomeLock.acquire(tmp_path):
        assert HomeLock.try_acquire(tmp_path) is None
        with pytest.raises(HomeInUseError):
            HomeLock.acquire(tmp_path)


def test_a_released_home_can_be_taken_again(tmp_path: Path) -> None:
    first = HomeLock.acquire(tmp_path)
    first.release()
    first.release()
    with HomeLock.acquire(tmp_path):
        pass


def test_two_homes_are_two_locks(tmp_path: Path) -> None:
    with HomeLock.acquire(tmp_path / "a"), HomeLock.acquire(tmp_path / "b"):
        pass


def test_folder_and_lock_file_are_for_their_owner_only(tmp_path: Path) -> None:
    with HomeLock.acquire(tmp_path / "home"):
        assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "home" / LOCK_FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_a_killed_process_leaves_no_lock_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_UNTIL_KILLED, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert HomeLock.try_acquire(tmp_path) is None
        holder.kill()
    assert holder.returncode == -9
    HomeLock.acquire(tmp_path).release()
