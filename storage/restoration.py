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
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import lmdb

from protocol.ids import DeviceAddress
from storage import accounts, mailboxes
from storage.backups import Report, first_problem, mark_file, no_report
from storage.environment import Environment, Reader, open_environment
from storage.errors import JournalError, RestoreError
from storage.folder import (
    FILE_MODE,
    backups_folder,
    durable_folder,
    exclusive_folder,
    prepare_folder,
    secrets_file,
    sync_folder,
    write_file_durably,
)
from storage.journal import InlineJournal
from storage.mailboxes import DeviceCursor
from storage.node import read_secrets
from storage.tables import CODES, PREKEYS, DeleteRange, Op

SEQ_JUMP = 1 << 24
"""How far a queue's next seq is raised: no device is delivered 16 million messages between a backup and the
restore of it. On the wire a seq takes five bytes from then on instead of one to three."""

DEVICE_JUMP = 16
"""How far an account's last device number is raised: nobody registers a number anew that often in between.
There are 65,535 device numbers."""

BATCH_OPS = 10_000
"""Operations in one transaction: some megabytes of dirty pages."""

LAST_KEY = b"\xff" * 64


def restore(source: Path, data: Path, *, force: bool = False, report: Report = no_report) -> Path | None:
    """Put the backup `source` in place as the data folder `data`; durable when this returns.

    The store is replaced by renaming one file, so a crash leaves the old one or the new one. The old one is
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
        NoStoreError, SchemaTooNewError, CorruptSecretsError: `source` cannot be used.
    """
    read_secrets(source)
    problem = first_problem(source, report)
    if problem is not None:
        raise RestoreError(source, f"it is damaged: {problem}")
    try:
        prepare_folder(data)
        with exclusive_folder(data):
            return _replace(source, data, force, report)
    except (OSError, lmdb.Error, JournalError) as error:
        raise RestoreError(source, str(error)) from error


def _replace(source: Path, data: Path, force: bool, report: Report) -> Path | None:
    store = durable_folder(data) / "data.mdb"
    if store.exists() and not force:
        raise RestoreError(source, f"there is a store in {data} already; --force replaces it, and keeps it")
    staged = data / "restoring"
    shutil.rmtree(staged, ignore_errors=True)
    try:
        _stage(source, staged, report)
        kept = _keep_present(data) if store.exists() else None
        _put_in_place(staged, data)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return kept


def _stage(source: Path, staged: Path, report: Report) -> None:
    """A copy of the backup, made safe, and checked once more as it will be used."""
    prepare_folder(prepare_folder(staged) / "durable")
    report("copying store", 0, 1)
    shutil.copyfile(durable_folder(source) / "data.mdb", durable_folder(staged) / "data.mdb")
    (durable_folder(staged) / "data.mdb").chmod(FILE_MODE)
    report("copying store", 1, 1)
    with open_environment(staged, reserve_bytes=0) as environment:
        make_safe(environment)
    (durable_folder(staged) / "lock.mdb").unlink()
    problem = first_problem(staged, report)
    if problem is not None:
        raise RestoreError(source, f"the copy of it is damaged: {problem}")
    with (durable_folder(staged) / "data.mdb").open("rb") as file:
        os.fsync(file.fileno())
    write_file_durably(secrets_file(staged), secrets_file(source).read_bytes())


def _keep_present(data: Path) -> Path:
    """Give the present store and secrets a second name, by which they can be restored in turn."""
    folder = prepare_folder(backups_folder(data))
    number = sum(1 for _ in folder.glob("replaced-*")) + 1
    kept = prepare_folder(folder / f"replaced-{number}")
    # Links: no room is needed, and until the rename there is no moment without a store.
    os.link(durable_folder(data) / "data.mdb", prepare_folder(durable_folder(kept)) / "data.mdb")
    if secrets_file(data).exists():
        os.link(secrets_file(data), secrets_file(kept))
    for each in (durable_folder(kept), kept, folder):
        sync_folder(each)
    return kept


def _put_in_place(staged: Path, data: Path) -> None:
    durable = prepare_folder(durable_folder(data))
    # The secrets first: they are the same unless another node's backup is restored over this one, and then
    # a store with the wrong secrets lasts until the command is repeated.
    os.replace(secrets_file(staged), secrets_file(data))
    # LMDB's readers of the old store; with the new one they would mean nothing.
    (durable / "lock.mdb").unlink(missing_ok=True)
    os.replace(durable_folder(staged) / "data.mdb", durable / "data.mdb")
    mark_file(data).unlink(missing_ok=True)
    for each in (durable, data):
        sync_folder(each)
    if os.geteuid() == 0:
        _give_to_owner(data)


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
    journal = InlineJournal(environment)
    try:
        _submit(journal, [DeleteRange(PREKEYS, b"\0", LAST_KEY), DeleteRange(CODES, b"\0", LAST_KEY)])
        with environment.read() as reader:
            # All of one snapshot; the writes go to a transaction of their own, which LMDB allows.
            changes = _changes(reader)
            while batch := list(islice(changes, BATCH_OPS)):
                _submit(journal, batch)
    finally:
        journal.close()


def _changes(reader: Reader) -> Iterator[Op]:
    for user, record in accounts.all_users(reader):
        yield accounts.raise_last_device(user, record, DEVICE_JUMP)
        for device, _ in accounts.list_devices(reader, user):
            address = DeviceAddress(user, device)
            cursor = mailboxes.load_device_queue_state(reader, address)
            yield mailboxes.put_cursor(address, _raised(cursor))


def _raised(cursor: DeviceCursor) -> DeviceCursor:
    return mailboxes.count_on_from(cursor, cursor.next_seq + SEQ_JUMP - 1)


def _submit(journal: InlineJournal, ops: Sequence[Op]) -> None:
    answers: list[JournalError | None] = []
    journal.submit(ops, answers.append)
    for error in answers:
        if error is not None:
            raise error
