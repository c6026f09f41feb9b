"""The schema version of a durable environment, and the steps from one version to the next.

    meta    schema         -> the version
            environment    -> the number of the environment

What is newer than this program is refused before anything is touched. What is older is copied to `backups/`
first, then taken up step by step: each step and the version it leads to are one transaction, so an
interrupted migration goes on where it stood. Each environment has its own version, and is taken up by itself.

A step is needed when keys or tables change their meaning. A new layout of a row's value is not a step: it is
a new record version (records.py), which is read beside the old one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import lmdb

from storage.errors import MisplacedEnvironmentError, SchemaTooNewError
from storage.folder import (
    backups_folder,
    durable_folder,
    layout_file,
    prepare_folder,
    secrets_file,
    sync_folder,
    write_file_durably,
)
from storage.records import RecordCodec, cbor_codec
from storage.tables import META

log = logging.getLogger("roost.storage")

SCHEMA_KEY = b"schema"
NUMBER_KEY = b"environment"

META_CODEC: RecordCodec[int] = cbor_codec(META, 1, lambda number: [number], int)


@dataclass(frozen=True, slots=True)
class Step:
    """One step up: what it does, in a sentence, and the function that does it in a given transaction."""

    title: str
    apply: Callable[[lmdb.Environment, lmdb.Transaction[bytes]], None]


def _number_the_only_environment(env: lmdb.Environment, txn: lmdb.Transaction[bytes]) -> None:
    # Up to version 1 a store had one. Its number is written nowhere; and a program that knows version 1 only
    # would find the users of one environment and take them for all.
    _write_meta(env, txn, NUMBER_KEY, 0)


def _nothing_to_change(_env: lmdb.Environment, _txn: lmdb.Transaction[bytes]) -> None:
    # The step is for older programs: they know no fan-out rows, and would give the seqs in them away again.
    pass


# STEPS[0] leads from version 1 to version 2, and so on. Steps are never changed or removed once released.
STEPS: tuple[Step, ...] = (
    Step("a store may have several environments, and each knows its number", _number_the_only_environment),
    Step("what a cursor counts may go on in fan-out rows (fanouts.py)", _nothing_to_change),
)

FIRST_VERSION = 1


def migrate(env: lmdb.Environment, data: Path, number: int = 0, steps: Sequence[Step] = STEPS) -> int:
    """Bring `env` to the newest schema version this program knows; returns that version.

    Args:
        env: environment `number` of the data folder.
        data: the data folder.
        number: which environment it is, or becomes if it is new.
        steps: those there are.

    Raises:
        SchemaTooNewError: a later version of Roost wrote it; nothing was touched.
        MisplacedEnvironmentError: it is another one than its folder says; nothing was touched.
    """
    supported = FIRST_VERSION + len(steps)
    found = read_version(env)
    if found is None:
        # A new folder starts at the top: there is nothing to be migrated.
        with env.begin(write=True) as txn:
            _write_meta(env, txn, NUMBER_KEY, number)
            _write_meta(env, txn, SCHEMA_KEY, supported)
        return supported
    if found > supported:
        raise SchemaTooNewError(data, found, supported)
    check_number(env, data, number)
    if found < supported:
        copy = _copy_before(env, data, number, found)
        log.info(
            "migration_started", extra={"from_version": found, "to_version": supported, "copy": str(copy)}
        )
    for version in range(found, supported):
        step = steps[version - FIRST_VERSION]
        with env.begin(write=True) as txn:
            step.apply(env, txn)
            _write_meta(env, txn, SCHEMA_KEY, version + 1)
        log.info("migration_step_done", extra={"version": version + 1, "step": step.title})
    return supported


def read_version(env: lmdb.Environment) -> int | None:
    """The schema version that `env` has, or None if it is new.

    Raises:
        CorruptRecordError: the version cannot be trusted, so nothing else can.
    """
    return _read_meta(env, SCHEMA_KEY)


def check_number(env: lmdb.Environment, data: Path, number: int) -> None:
    """Make sure that `env` is environment `number`: folders may have been mixed up when they were copied.

    Raises:
        MisplacedEnvironmentError: it is another one.
        CorruptRecordError: what it says cannot be trusted.
    """
    # Version 1 says nothing, and was always number 0.
    found = _read_meta(env, NUMBER_KEY) or 0
    if found != number:
        raise MisplacedEnvironmentError(durable_folder(data, number), found)


def _read_meta(env: lmdb.Environment, key: bytes) -> int | None:
    with env.begin() as txn:
        try:
            database = env.open_db(META.encode(), txn=txn, create=False)
        except lmdb.NotFoundError:
            return None
        data = txn.get(key, db=database)
    return None if data is None else META_CODEC.unpack(key, data)


def _write_meta(env: lmdb.Environment, txn: lmdb.Transaction[bytes], key: bytes, value: int) -> None:
    database = env.open_db(META.encode(), txn=txn)
    txn.put(key, META_CODEC.pack(key, value), db=database)


def _copy_before(env: lmdb.Environment, data: Path, number: int, version: int) -> Path:
    """A compacted copy of everything as it was; a migration without one does not start.

    All environments of a store go into one folder, which is laid out as a data folder: the program that wrote
    it can go on from there.
    """
    folder = _folder_for_copy(prepare_folder(backups_folder(data)), number, version)
    copy = prepare_folder(durable_folder(prepare_folder(folder), number))
    env.copy(str(copy), compact=True)
    sync_folder(copy)
    for find in (secrets_file, layout_file):
        if find(data).exists():
            write_file_durably(find(folder), find(data).read_bytes())
    sync_folder(folder)
    sync_folder(folder.parent)
    return folder


def _folder_for_copy(backups: Path, number: int, version: int) -> Path:
    """The first of schema-1, schema-1-2, schema-1-3 ... that has no copy of this environment yet."""
    attempt = 1
    while True:
        folder = backups / (f"schema-{version}" if attempt == 1 else f"schema-{version}-{attempt}")
        if not durable_folder(folder, number).exists():
            return folder
        attempt += 1
