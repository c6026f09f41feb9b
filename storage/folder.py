"""The data folder: who may use it, and what lies where in it.

<data>/            0700
  lock             held with flock by the one process that writes; holds its process id
  secrets          0600, the node's own keys (node.py)
  ballast          zeros: disk space held back for a full disk (ballast.py)
  durable/         the durable LMDB environment (environment.py)
  volatile/        the presence and routing table, thrown away at every start (routing.py)
  backups/         copies taken before a migration
"""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path
from types import TracebackType

from storage.errors import DataFolderInUseError

log = logging.getLogger("roost.storage")

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def prepare_folder(folder: Path) -> Path:
    """Make sure that `folder` exists and that only its owner may look into it; returns it."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    # mkdir's mode is cut by the umask and does not touch a folder that was there before.
    folder.chmod(FOLDER_MODE)
    return folder


def durable_folder(data: Path) -> Path:
    """Where the durable environment lies."""
    return data / "durable"


def volatile_folder(data: Path) -> Path:
    """Where the volatile environment lies."""
    return data / "volatile"


def lock_file(data: Path) -> Path:
    """Where the right to write is held."""
    return data / "lock"


def ballast_file(data: Path) -> Path:
    """Where disk space is held back."""
    return data / "ballast"


def secrets_file(data: Path) -> Path:
    """Where the node's secrets lie."""
    return data / "secrets"


def backups_folder(data: Path) -> Path:
    """Where copies taken before a migration lie."""
    return data / "backups"


class FolderLock:
    """The right to write in a data folder, held by at most one process.

    LMDB would let a second process in, and would let both write; but this program keeps state in memory that
    it believes to be alone with. flock and not a pid file: the kernel lets go of it when the process dies,
    however it dies.
    """

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises:
            DataFolderInUseError: another process holds it.
        """
        self.path = lock_file(folder)
        # O_CLOEXEC is Python's default, so a child process does not keep the lock alive.
        self._fd: int | None = os.open(self.path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = read_holder(self._fd)
            self.release()
            raise DataFolderInUseError(folder, pid) from error
        _write_pid(self._fd)

    def release(self) -> None:
        """Let go; harmless when already done. The file stays: removing it would race with the next holder."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _write_pid(fd: int) -> None:
    try:
        os.ftruncate(fd, os.pwrite(fd, f"{os.getpid()}\n".encode(), 0))
    except OSError:
        # The disk is full. The number is there for people; the lock holds without it, and a node has to start
        # on a full disk, or it could never be emptied.
        log.warning("lock_without_pid", exc_info=True)


def read_holder(fd: int) -> int | None:
    """The process id that the holder of an open lock file wrote, or None in the moment before it has."""
    text = os.pread(fd, 32, 0).strip()
    return int(text) if text.isdigit() else None


def write_file_durably(path: Path, data: bytes) -> None:
    """Replace `path` by `data`: after a crash there is the old content or the new one, never half."""
    partial = path.with_name(path.name + ".partial")
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make what was created or renamed in `folder` survive a power loss."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
