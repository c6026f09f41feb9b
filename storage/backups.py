"""An online backup: consistent, compacted copies of all environments, with the node's secrets.

Each copy is one read transaction, so it shows one moment, however long it takes, and nobody waits for it. It
is taken by another process beside the node (`OutsideView`), and costs the node no time of its own.

Environment 0 comes first: whoever is in the directory was durable in another environment before, and so is in
the later copies of those. Of a message that went from one environment to another either end may be missing,
and clients settle that, as after every restore (docs/delivery.md).

    <backup>/          0700, laid out as a data folder
      backup.json      what makes it a backup: a node does not run in such a folder (restoration.py says why)
      layout           how many environments there are
      secrets          0600: whoever has the backup can be this node
      durable/         environment 0; durable.1/ and so on, of the others
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeAlias

import lmdb

from storage.checks import check_records
from storage.environment import verify
from storage.errors import BackupError, MissingEnvironmentError, NoStoreError, system_reason
from storage.folder import (
    FILE_MODE,
    durable_folder,
    prepare_folder,
    secrets_file,
    sync_folder,
    write_file_durably,
)
from storage.layout import Layout, read_layout, write_layout
from storage.outside import environment_files, open_outside

Report: TypeAlias = Callable[[str, int, int], None]
"""Told how long work goes: what is done, how much of it so far, and of how much."""

MARK_FORMAT = 1

PROGRESS_SECONDS = 0.5


class CopyableEnvironment(Protocol):
    """An environment as far as a backup is concerned."""

    number: int

    def copy(self, folder: Path) -> None:
        """Write a consistent, compacted copy into an empty folder."""

    def live_bytes(self) -> int:
        """About how long that copy will be."""


class Source(Protocol):
    """What a backup is taken of."""

    @property
    def data(self) -> Path:
        """The data folder."""

    @property
    def layout(self) -> Layout:
        """How it was divided when it was opened."""

    @property
    def environments(self) -> Sequence[CopyableEnvironment]:
        """All environments, in the order of their numbers."""


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
        BackupError: `target` exists, there is no room, the number of workers was changed meanwhile, or the
            copy did not pass the check.
    """
    partial = target.with_name(target.name + ".partial")
    try:
        if target.exists():
            raise BackupError(target, "it exists already")
        shutil.rmtree(partial, ignore_errors=True)
        _fill(source, partial, taken_at, report)
        partial.rename(target)
        sync_folder(target.parent)
    except (OSError, lmdb.Error, NoStoreError, MissingEnvironmentError) as error:
        raise BackupError(target, system_reason(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(source: Source, partial: Path, taken_at: float, report: Report) -> None:
    prepare_folder(partial)
    # Before anything else: a copy that was cut short is no data folder either.
    mark = {"roost_backup": MARK_FORMAT, "taken_at": taken_at}
    write_file_durably(mark_file(partial), json.dumps(mark).encode() + b"\n")
    _copy_environments(source, partial, report)
    if read_layout(source.data) != source.layout:
        # Users have moved from one environment to another, perhaps from one not yet copied to one that was.
        raise BackupError(partial, "the number of workers was changed meanwhile; take it again")
    write_layout(partial, source.layout)
    problem = first_problem(partial, report)
    if problem is not None:
        raise BackupError(partial, f"the copy is damaged: {problem}")
    secrets = secrets_file(source.data)
    if secrets.exists():
        write_file_durably(secrets_file(partial), secrets.read_bytes())
    sync_folder(partial)


def _copy_environments(source: Source, partial: Path, report: Report) -> None:
    expected = sum(environment.live_bytes() for environment in source.environments)
    with _watched_growth(partial, expected, report):
        for environment in source.environments:
            folder = prepare_folder(durable_folder(partial, environment.number))
            environment.copy(folder)
            (folder / "data.mdb").chmod(FILE_MODE)
            with (folder / "data.mdb").open("rb") as file:
                os.fsync(file.fileno())
            sync_folder(folder)


def first_problem(folder: Path, report: Report = no_report) -> str | None:
    """What is wrong with the store in a folder that nobody writes to; None if every page and row is whole.

    Structure comes first: the pages are read without LMDB, so that no damage can crash the process.

    Raises:
        NoStoreError, MissingEnvironmentError: there is none, or a part of it is missing.
        SchemaTooNewError, CorruptLayoutError: this program cannot read it.
    """
    files = environment_files(folder)
    for position, file in enumerate(files):
        report("checking pages", position, len(files))
        structure = verify(file.parent)
        if structure:
            return structure[0]
    report("checking pages", len(files), len(files))
    with open_outside(folder) as view:
        total = sum(view.rows().values())
        damaged = check_records(*view.environments, report=lambda done: report("checking rows", done, total))
    return str(damaged[0]) if damaged else None


@contextmanager
def _watched_growth(folder: Path, expected: int, report: Report) -> Iterator[None]:
    """Report how much long calls have written into the environments of `folder`."""
    done = threading.Event()

    def size() -> int:
        return sum(file.stat().st_size for file in folder.glob("durable*/data.mdb"))

    def watch() -> None:
        while not done.wait(PROGRESS_SECONDS):
            report("copying bytes", size(), max(size(), expected))

    watcher = threading.Thread(target=watch, name="roost-backup-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    report("copying bytes", size(), size())
