"""What can go wrong in storage, and whose fault it is.

- `StorageError`
    - `DataFolderInUseError`: another process has the data folder open
    - `FolderUnusableError`: the data folder cannot be made, read or written
    - `SchemaTooNewError`: the data was written by a later version of Roost
    - `CorruptRecordError`: a row does not match its checksum
    - `CorruptSecretsError`: the node's secrets file is damaged
    - `CorruptLayoutError`: the file that says how many environments there are is damaged
    - `BackupError`: no backup was written
    - `RestoreError`: a backup was not put in place
    - `NoRoomToMoveError`: the disk has no room for moving users to other environments
    - `MissingEnvironmentError`: one of a store's environments is not there
    - `MisplacedEnvironmentError`: an environment lies in the folder of another
    - `RestoreUnfinishedError`: a restore was interrupted when it was decided, and has to be finished
    - `NoStoreError`: there is no store where one was looked for
    - `UnreadableStoreError`: there is one, and LMDB cannot open it
    - `MapTooSmallError`: the map could not be grown while readers were in it
    - `JournalError`: a submission did not become durable
        - `JournalFullError`: too much is waiting already; nothing was taken
        - `JournalClosedError`: submitted after `close()`; nothing was taken
        - `InvalidOperationError`: this one submission is malformed (the submitter's bug)
        - `StorageFullError`: disk or map is full; the journal goes on
        - `JournalFailedError`: a commit failed; the journal has ended for good
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import lmdb


def system_reason(error: Exception) -> str:
    """What the operating system, or LMDB, says was wrong; in a person's words, without the error's number."""
    if not isinstance(error, OSError):
        return str(error)
    if isinstance(error, FileExistsError | NotADirectoryError) and isinstance(error.filename, str):
        return f"{_first_file(Path(error.filename))} is no folder"
    reason = (error.strerror or str(error)).lower()
    return f"{error.filename}: {reason}" if isinstance(error.filename, str) else reason


def _first_file(path: Path) -> Path:
    """What stands where a folder was looked for: `path`, or the first of the folders above that is none."""
    above = [part for part in reversed(path.parents) if os.path.lexists(part) and not os.path.isdir(part)]
    return next(iter(above), path)


class StorageError(Exception):
    """Base of everything this package raises on purpose."""


class DataFolderInUseError(StorageError):
    """Another process has the data folder open, and only one may."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"the data folder {folder} is in use by {who}")
        self.folder = folder
        self.pid = pid


class FolderUnusableError(StorageError):
    """The operating system does not let us have the data folder; its words are the reason."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(f"the data folder {folder} cannot be used: {system_reason(error)}")
        self.folder = folder


class SchemaTooNewError(StorageError):
    """The data was written by a later version of Roost; opening it could destroy what we do not know."""

    def __init__(self, folder: Path, found: int, supported: int) -> None:
        super().__init__(
            f"the data in {folder} has schema version {found}, and this program knows versions up to "
            f"{supported}: run the Roost version that wrote it, or a later one"
        )
        self.folder = folder
        self.found = found
        self.supported = supported


class CorruptRecordError(StorageError):
    """A row does not match its checksum, or its version is unknown. It names the row, never its content."""

    def __init__(self, table: str, key: bytes, reason: str) -> None:
        super().__init__(f"corrupt record in table {table!r}, key {key.hex()}: {reason}")
        self.table = table
        self.key = key
        self.reason = reason


class CorruptSecretsError(StorageError):
    """The file with the node's secrets is damaged. A new one would be another node, so none is made."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"the node's secrets in {path} cannot be used: {reason}; restore them from a backup")
        self.path = path
        self.reason = reason


class CorruptLayoutError(StorageError):
    """The file with the store's layout is damaged. A guess would hide the rows of users, so none is made."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"the store's layout in {path} cannot be used: {reason}; restore it from a backup")
        self.path = path
        self.reason = reason


class BackupError(StorageError):
    """No backup was written; nothing is left of it."""

    def __init__(self, target: Path, reason: str) -> None:
        super().__init__(f"no backup was written to {target}: {reason}")
        self.target = target
        self.reason = reason


class RestoreError(StorageError):
    """A backup was not put in place; what was there is as it was."""

    def __init__(self, source: Path, reason: str) -> None:
        super().__init__(f"{source} was not restored: {reason}")
        self.source = source
        self.reason = reason


class NoRoomToMoveError(StorageError):
    """Users cannot be moved to other environments, because their copies do not fit; nothing was changed."""

    def __init__(self, folder: Path, before: int, after: int, needed: int, free: int) -> None:
        super().__init__(
            f"going from {before} to {after} workers needs about {needed:,} bytes of disk for a while, and "
            f"{free:,} are free in {folder}: make room, or stay with {before}"
        )
        self.needed = needed
        self.free = free


class MissingEnvironmentError(StorageError):
    """A part of the store is not there. An empty one in its place would be the loss of its users, unseen."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"a part of the store is missing: {folder}; restore a backup, or put it back")
        self.folder = folder


class MisplacedEnvironmentError(StorageError):
    """An environment lies in the folder of another one: users would be looked for where they are not."""

    def __init__(self, folder: Path, found: int) -> None:
        super().__init__(f"{folder} holds environment {found}: folders of the store were mixed up")
        self.folder = folder
        self.found = found


class RestoreUnfinishedError(StorageError):
    """A restore was interrupted while it put its files in place: some are there, and some are not yet."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"a restore in {folder} was interrupted: start the node, which finishes it, or repeat the restore"
        )
        self.folder = folder


class NoStoreError(StorageError):
    """There is no store in a folder: a wrong folder, or a node that has never run there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"there is no store in {folder}: is it the folder that roost serve --data names?")
        self.folder = folder


class UnreadableStoreError(StorageError):
    """LMDB cannot open a store: damaged, cut short, or not ours to read."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"the store in {folder} cannot be opened: {reason}")
        self.folder = folder
        self.reason = reason


class MapTooSmallError(StorageError):
    """The map could not be grown: the limit is reached, the disk has no room, or a reader did not leave."""

    def __init__(self, map_bytes: int, reason: str) -> None:
        super().__init__(f"the map of {map_bytes} bytes cannot be grown: {reason}")
        self.map_bytes = map_bytes
        self.reason = reason


class JournalError(StorageError):
    """A submission did not become durable. The subclass says whether it is worth trying again."""


class JournalFullError(JournalError):
    """So much is waiting for the disk that nothing more is taken. Nothing of this submission was."""

    def __init__(self, backlog: int, limit: int) -> None:
        super().__init__(f"{backlog} submissions are waiting for the disk, the limit is {limit}")
        self.backlog = backlog
        self.limit = limit


class JournalClosedError(JournalError):
    """The journal was closed before. Nothing of this submission was taken."""

    def __init__(self) -> None:
        super().__init__("the journal is closed")


class InvalidOperationError(JournalError):
    """The submission can never succeed (unknown table, key too long, not bytes). Others are not affected."""


class StorageFullError(JournalError):
    """Disk or map is full. Nothing of this submission was stored; it may succeed when room was made."""


class JournalFailedError(JournalError):
    """A commit failed in a way that leaves its outcome unknown; the journal has ended for good.

    Whether the submission is durable is found out by opening the environment anew, in a new process:
    after a failed fsync the kernel may have dropped what it could not write, so asking the same file again
    proves nothing.
    """


READ_ERRORS: Final = (CorruptRecordError, lmdb.Error)
"""What a look at a row may raise if the disk has not kept it, or LMDB has given up on the environment for the
moment: for whoever must live all the same."""
