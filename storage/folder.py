"""The data folder: who may use it, and what lies where in it.

<data>/            0700
  lock             held with flock by the one process that runs a node here; holds its process id
  lock.0           held by the worker that writes environment 0; lock.1, lock.2 ... of the others
  layout           how many environments there are (layout.py)
  secrets          0600, the node's own keys (node.py)
  ballast          zeros: disk space held back for a full disk (ballast.py); ballast.1 ... of the others
  durable/         environment 0: the directory, and the users of its slots (environment.py, store.py)
  durable.1/       environment 1, of worker 1, and so on
  volatile/        the presence and routing table, thrown away at every start (routing.py)
  backups/         copies taken before a migration, and stores that a restore has replaced
  restoring/       what a restore makes ready; replacing/ when it is (restoration.py)
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event
from types import TracebackType

from protocol.slots import MAX_WORKERS
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


def durable_folder(data: Path, number: int = 0) -> Path:
    """Where the durable environment `number` lies."""
    return _numbered(data / "durable", number)


def environment_numbers(data: Path) -> list[int]:
    """The numbers of the environments that have a folder in `data`, in order; also of what is left of one."""
    return [number for number in range(MAX_WORKERS) if durable_folder(data, number).is_dir()]


def remove_environment(data: Path, number: int) -> None:
    """Remove all there is of an environment. Only whoever holds the folder's lock may."""
    ballast_file(data, number).unlink(missing_ok=True)
    environment_lock_file(data, number).unlink(missing_ok=True)
    # Last: what has no folder is not looked for again.
    shutil.rmtree(durable_folder(data, number))
    sync_folder(data)


def _numbered(path: Path, number: int) -> Path:
    # Number 0 has no suffix: a node with one worker looks as one did before there were several.
    return path.with_name(f"{path.name}.{number}") if number else path


def volatile_folder(data: Path) -> Path:
    """Where the volatile environment lies."""
    return data / "volatile"


def lock_file(data: Path) -> Path:
    """Where the right to run a node is held."""
    return data / "lock"


def environment_lock_file(data: Path, number: int) -> Path:
    """Where the right to write environment `number` is held."""
    return data / f"lock.{number}"


def layout_file(data: Path) -> Path:
    """Where the number of environments stands."""
    return data / "layout"


def ballast_file(data: Path, number: int = 0) -> Path:
    """Where disk space is held back for environment `number`."""
    return _numbered(data / "ballast", number)


def secrets_file(data: Path) -> Path:
    """Where the node's secrets lie."""
    return data / "secrets"


def staging_folder(data: Path) -> Path:
    """Where a restore makes ready what it will put in place; means nothing until it is renamed."""
    return data / "restoring"


def replacing_folder(data: Path) -> Path:
    """What a restore has decided to put in place: from the moment it is there, it is the store."""
    return data / "replacing"


def backups_folder(data: Path) -> Path:
    """Where copies taken before a migration lie."""
    return data / "backups"


LOCK_RETRY_SECONDS = 0.05


class FolderLock:
    """A right in a data folder, held by at most one process: to run a node there, or to write an environment.

    LMDB would let a second process in, and would let both write; but this program keeps state in memory that
    it believes to be alone with. flock and not a pid file: the kernel lets go of it when the process dies,
    however it dies.

    A node's parent process holds `lock` for as long as it lives, and each worker that of its environment: a
    worker may outlive a parent that was killed by some moments, and must not meet its own successor.
    """

    def __init__(self, data: Path, file: Path | None = None, *, patience: float = 0.0) -> None:
        """Take the lock, by default that of the whole folder `data`.

        Args:
            data: the data folder.
            file: which lock in it.
            patience: for how many seconds to wait for another holder to end; blocks meanwhile.

        Raises:
            DataFolderInUseError: another process holds it, and still did after that time.
        """
        self.path = file if file is not None else lock_file(data)
        # O_CLOEXEC is Python's default, so a child process does not keep the lock alive.
        self._fd: int | None = os.open(self.path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            self._take(patience)
        except OSError as error:
            pid = read_holder(self._fd)
            self.release()
            raise DataFolderInUseError(data, pid) from error
        _write_pid(self._fd)

    def _take(self, patience: float) -> None:
        assert self._fd is not None
        for _ in range(int(patience / LOCK_RETRY_SECONDS)):
            with suppress(OSError):
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            # Only a pause: flock itself cannot be told how long to wait.
            Event().wait(LOCK_RETRY_SECONDS)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

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


@contextmanager
def exclusive_folder(data: Path) -> Iterator[None]:
    """Hold every lock there is in the data folder `data` for the length of a block.

    Raises:
        DataFolderInUseError: a node runs there, or a worker that a killed one left behind.
    """
    with ExitStack() as locks:
        locks.enter_context(FolderLock(data))
        for number in environment_numbers(data):
            locks.enter_context(FolderLock(data, environment_lock_file(data, number)))
        yield


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
