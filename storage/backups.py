"""An online backup: a consistent, compacted copy of the durable environment, with the node's secrets.

The copy is one read transaction, so it shows one moment, however long it takes, and nobody waits for it. It
is taken by the node itself (`Environment`) or, better, by another process beside it (`OutsideView`): then the
copying costs the node no time of its own.

    <backup>/          0700, laid out as a data folder
      backup.json      what makes it a backup: a node does not run in such a folder (restoration.py says why)
      secrets          0600: whoever has the backup can be this node
      durable/         the store
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeAlias

import lmdb

from storage.checks import check_records
from storage.environment import verify
from storage.errors import BackupError, NoStoreError
from storage.folder import (
    FILE_MODE,
    durable_folder,
    prepare_folder,
    secrets_file,
    sync_folder,
    write_file_durably,
)
from storage.outside import open_outside

Report: TypeAlias = Callable[[str, int, int], None]
"""Told how long work goes: what is done, how much of it so far, and of how much."""

MARK_FORMAT = 1

PROGRESS_SECONDS = 0.5


class Source(Protocol):
    """What a backup is taken of: an open environment, from inside or outside."""

    data: Path

    def copy(self, folder: Path) -> None:
        """Write a consistent, compacted copy into an empty folder."""

    def live_bytes(self) -> int:
        """About how long that copy will be."""


def mark_file(folder: Path) -> Path:
    """What says that a folder is a backup."""
    return folder / "backup.json"


def is_backup(folder: Path) -> bool:
    """Whether a folder is a backup, and not a data folder to run a node in."""
    return mark_file(folder).exists()


def no_report(_what: str, _done: int, _total: int) -> None:
    """The report of those who do not want to know."""


def backup(source: Source, target: Path, *, taken_at: float = 0.0, report: Report = no_report) -> None:
    """Write a backup of `source` to the new folder `target`, checked, and durable when this returns.

    It blocks for as long as the copying and the checking of every page and row takes (not the loop's work).
    Until it is complete it has the name `<target>.partial`, which is removed if it fails: what is called
    `target` is always whole.

    Args:
        source: what is copied.
        target: a folder that is not there yet.
        taken_at: unix seconds, for people who look at it later.
        report: told how it goes; from another thread while the copy is written.

    Raises:
        BackupError: `target` exists, there is no room, or the copy did not pass the check.
    """
    if target.exists():
        raise BackupError(target, "it exists already")
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _fill(source, partial, taken_at, report)
        partial.rename(target)
        sync_folder(target.parent)
    except (OSError, lmdb.Error, NoStoreError) as error:
        raise BackupError(target, str(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(source: Source, partial: Path, taken_at: float, report: Report) -> None:
    prepare_folder(partial)
    # Before anything else: a copy that was cut short is no data folder either.
    mark = {"roost_backup": MARK_FORMAT, "taken_at": taken_at}
    write_file_durably(mark_file(partial), json.dumps(mark).encode() + b"\n")
    copy = prepare_folder(durable_folder(partial))
    with _watched_growth(copy / "data.mdb", source.live_bytes(), report):
        source.copy(copy)
    (copy / "data.mdb").chmod(FILE_MODE)
    problem = first_problem(partial, report)
    if problem is not None:
        raise BackupError(partial, f"the copy is damaged: {problem}")
    with (copy / "data.mdb").open("rb") as file:
        os.fsync(file.fileno())
    sync_folder(copy)
    secrets = secrets_file(source.data)
    if secrets.exists():
        write_file_durably(secrets_file(partial), secrets.read_bytes())
    sync_folder(partial)


def first_problem(folder: Path, report: Report = no_report) -> str | None:
    """What is wrong with the store in a folder that nobody writes to; None if every page and row is whole.

    Structure comes first: the pages are read without LMDB, so that no damage can crash the process.

    Raises:
        NoStoreError, SchemaTooNewError: there is none, or this program does not know its layout.
    """
    durable = durable_folder(folder)
    if not (durable / "data.mdb").exists():
        raise NoStoreError(folder)
    report("checking pages", 0, 1)
    structure = verify(durable)
    report("checking pages", 1, 1)
    if structure:
        return structure[0]
    with open_outside(folder) as view:
        total = sum(view.rows().values())
        damaged = check_records(view, lambda done: report("checking rows", done, total))
    return str(damaged[0]) if damaged else None


@contextmanager
def _watched_growth(file: Path, expected: int, report: Report) -> Iterator[None]:
    """Report the length of a file that one long call writes."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(PROGRESS_SECONDS):
            if file.exists():
                size = file.stat().st_size
                report("copying bytes", size, max(size, expected))

    watcher = threading.Thread(target=watch, name="roost-backup-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    size = file.stat().st_size
    report("copying bytes", size, size)
