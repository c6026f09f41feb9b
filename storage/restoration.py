"""Puts a backup in the place of a data folder, and makes it safe to go on from there.

A restored node has forgotten what happened after the backup, but the world has not. What must never be given
away twice may have been given away since, so before the copy is put in place

- every device's queue counts on from far above: a device ignores a seq at or below what it has stored, and
  says so when it connects, which would delete messages that it never saw;
- every account's next device number is raised, for what was meant for one device must not reach another;
- one-time prekeys are dropped: a device that has seen one used has thrown its private half away. Devices
  bring new ones when they connect; until then others write to them without;
- verification codes are dropped: one that was used would be good again.

Message numbers need nothing: the senders own them, and settle with the relay (docs/delivery.md).
Rule 1: nothing is in place before every page and every row of it was checked; what was there is kept.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import lmdb

from protocol.ids import DeviceAddress, GroupSeq
from storage import accounts, fanouts, groups, mailboxes
from storage.backups import Report, first_problem, mark_file, no_report
from storage.environment import Environment, Reader, open_environment
from storage.errors import CorruptLayoutError, JournalError, RestoreError, system_reason
from storage.folder import (
    FILE_MODE,
    backups_folder,
    durable_folder,
    environment_numbers,
    exclusive_folder,
    layout_file,
    prepare_folder,
    remove_environment,
    replacing_folder,
    secrets_file,
    staging_folder,
    sync_folder,
    write_file_durably,
)
from storage.layout import Layout, read_layout, write_layout
from storage.mailboxes import DeviceCursor
from storage.node import read_secrets
from storage.offline import open_writer
from storage.outside import environment_files
from storage.tables import CODES, KEM_PREKEYS, PREKEYS, DeleteRange, Op

SEQ_JUMP = 1 << 24
"""How far a queue's next seq is raised: no device is delivered 16 million messages between a backup and the
restore of it. On the wire a seq takes five bytes from then on instead of one to three."""

DEVICE_JUMP = 16
"""How far an account's last device number is raised: nobody registers a number anew that often in between.
There are 65,535 device numbers."""

BATCH_OPS = 10_000
"""Operations in one transaction: some megabytes of dirty pages."""

LAST_KEY = b"\xff" * 64

KEPT = "kept"
"""The folder in which a restore takes what it replaces along, until it is moved to the backups."""


def restore(source: Path, data: Path, *, force: bool = False, report: Report = no_report) -> Path | None:
    """Put the backup `source` in place as the data folder `data`; durable when this returns.

    A crash leaves the old store, or the new one, or one that the next start makes the new one. The old one is
    kept in `data`/backups. It blocks for as long as copying and checking take.

    Args:
        source: a folder that `backup` wrote; only read.
        data: the data folder; made if it is not there.
        force: replace a store that is there.
        report: told how it goes.

    Returns:
        Where the replaced store is kept; None if there was none.

    Raises:
        RestoreError: `source` is damaged, `data` has a store and `force` was not said, or there is no room.
        DataFolderInUseError: a node runs in `data`.
        NoStoreError, MissingEnvironmentError, SchemaTooNewError, CorruptSecretsError, CorruptLayoutError:
            `source` cannot be used.
    """
    try:
        read_secrets(source)
        problem = first_problem(source, report)
        if problem is not None:
            raise RestoreError(source, f"it is damaged: {problem}")
        prepare_folder(data)
        with exclusive_folder(data):
            finish_restore(data)
            return _replace(source, data, force, report)
    except (OSError, lmdb.Error, JournalError) as error:
        raise RestoreError(source, system_reason(error)) from error


def _replace(source: Path, data: Path, force: bool, report: Report) -> Path | None:
    is_there = layout_file(data).exists() or bool(environment_numbers(data))
    if is_there and not force:
        raise RestoreError(source, f"there is a store in {data} already; --force replaces it, and keeps it")
    staged = staging_folder(data)
    try:
        _stage(source, staged, report)
        write_layout(staged, _next_layout(source, data))
        if is_there:
            _keep_present(data, prepare_folder(staged / KEPT))
        staged.rename(replacing_folder(data))
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return finish_restore(data)


def _next_layout(source: Path, data: Path) -> Layout:
    """The division of the backup, under a number that neither folder has had: a backup under way notices."""
    theirs = read_layout(source)
    try:
        generation = max(theirs.generation, read_layout(data).generation)
    except CorruptLayoutError:
        # A reason to restore a backup, and no reason not to.
        generation = theirs.generation
    return Layout(theirs.environments, generation + 1)


def _stage(source: Path, staged: Path, report: Report) -> None:
    """A copy of the backup, made safe, and checked once more as it will be used."""
    prepare_folder(staged)
    files = environment_files(source)
    for number, file in enumerate(files):
        report("copying store", number, len(files))
        _stage_environment(file, staged, number)
    report("copying store", len(files), len(files))
    write_layout(staged, read_layout(source))
    problem = first_problem(staged, report)
    if problem is not None:
        raise RestoreError(source, f"the copy of it is damaged: {problem}")
    write_file_durably(secrets_file(staged), secrets_file(source).read_bytes())


def _stage_environment(file: Path, staged: Path, number: int) -> None:
    folder = prepare_folder(durable_folder(staged, number))
    shutil.copyfile(file, folder / "data.mdb")
    (folder / "data.mdb").chmod(FILE_MODE)
    with open_environment(staged, number, reserve_bytes=0) as environment:
        make_safe(environment)
    (folder / "lock.mdb").unlink()
    with (folder / "data.mdb").open("rb") as copy:
        os.fsync(copy.fileno())
    sync_folder(folder)


def _keep_present(data: Path, kept: Path) -> None:
    """Give the present store and secrets a second name, by which they can be restored in turn."""
    # Links: no room is needed, and until the last file is replaced there is no moment without a store.
    for number in environment_numbers(data):
        file = durable_folder(data, number) / "data.mdb"
        if file.exists():
            os.link(file, prepare_folder(durable_folder(kept, number)) / "data.mdb")
            sync_folder(durable_folder(kept, number))
    for find in (secrets_file, layout_file):
        if find(data).exists():
            os.link(find(data), find(kept))
    sync_folder(kept)


def finish_restore(data: Path) -> Path | None:
    """Put in place what a restore has decided to; nothing to do if there is no such restore.

    Every step may have been done before. Call it holding the folder's lock, with no environment open.

    Returns:
        Where the replaced store is kept; None if there was none.
    """
    # Of a restore that was killed before it had decided.
    shutil.rmtree(staging_folder(data), ignore_errors=True)
    replacing = replacing_folder(data)
    if not replacing.exists():
        return None
    # The decision must outlast a power loss before anything is done by its word.
    sync_folder(replacing)
    sync_folder(data)
    for number in environment_numbers(replacing):
        _put_in_place(replacing, data, number)
    for find in (secrets_file, layout_file):
        if find(replacing).exists():
            find(replacing).replace(find(data))
    for number in environment_numbers(data)[read_layout(data).environments :]:
        remove_environment(data, number)
    mark_file(data).unlink(missing_ok=True)
    sync_folder(data)
    kept = _keep(replacing / KEPT, data)
    shutil.rmtree(replacing)
    sync_folder(data)
    if os.geteuid() == 0:
        _give_to_owner(data)
    return kept


def _put_in_place(replacing: Path, data: Path, number: int) -> None:
    file = durable_folder(replacing, number) / "data.mdb"
    if not file.exists():
        return
    folder = prepare_folder(durable_folder(data, number))
    # LMDB's readers of the old store; with the new one they would mean nothing.
    (folder / "lock.mdb").unlink(missing_ok=True)
    file.replace(folder / "data.mdb")
    sync_folder(folder)


def _keep(kept: Path, data: Path) -> Path | None:
    """Move what was replaced to where it stays."""
    if not kept.exists():
        return None
    folder = prepare_folder(backups_folder(data))
    number = 1
    while (folder / f"replaced-{number}").exists():
        number += 1
    place = kept.rename(folder / f"replaced-{number}")
    sync_folder(folder)
    return place


def _give_to_owner(data: Path) -> None:
    """Root restores for the user whose folder it is: that one must be able to open what root has made."""
    owner = data.stat()
    for path in data.rglob("*"):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def make_safe(environment: Environment) -> None:
    """Make sure that nothing is given away a second time; see the top of this file. Before a node runs on it.

    Raises:
        JournalError: it could not be written.
        CorruptRecordError: a row is damaged.
    """
    fanouts.expand(environment)  # what they say counts from the cursors on, which are about to be raised
    with open_writer(environment) as write:
        write([DeleteRange(table, b"\0", LAST_KEY) for table in (PREKEYS, KEM_PREKEYS, CODES)])
        with environment.read() as reader:
            # All of one snapshot; the writes go to a transaction of their own, which LMDB allows.
            changes = _changes(reader)
            while batch := list(islice(changes, BATCH_OPS)):
                write(batch)


def _changes(reader: Reader) -> Iterator[Op]:
    for user, record in accounts.all_users(reader):
        yield accounts.raise_last_device(user, record, DEVICE_JUMP)
        for device, _ in accounts.list_devices(reader, user):
            address = DeviceAddress(user, device)
            cursor = mailboxes.load_device_queue_state(reader, address)
            yield mailboxes.put_cursor(address, _raised(cursor))
    # A group's environment may be older than those in which its messages have arrived.
    for group, gseq in groups.all_cursors(reader):
        yield groups.put_next_gseq(group, GroupSeq(gseq + SEQ_JUMP))


def _raised(cursor: DeviceCursor) -> DeviceCursor:
    return mailboxes.count_on_from(cursor, cursor.next_seq + SEQ_JUMP - 1)
