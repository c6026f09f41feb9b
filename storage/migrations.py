"""The schema version of the durable environment, and the steps from one version to the next.

The version stands in the table `meta`. What is newer than this program is refused before anything is touched.
What is older is copied to `backups/` first, then taken up step by step: each step and the version it leads to
are one transaction, so an interrupted migration goes on where it stood.

A step is needed when keys or tables change their meaning. A new layout of a row's value is not a step: it is
a new record version (records.py), which is read beside the old one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import lmdb

from storage.errors import SchemaTooNewError
from storage.folder import backups_folder, prepare_folder, sync_folder
from storage.records import cbor_codec
from storage.tables import META

log = logging.getLogger("roost.storage")

SCHEMA_KEY = b"schema"


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """What the row `schema` of the table `meta` holds."""

    version: int


SCHEMA_CODEC = cbor_codec(META, 1, lambda schema: [schema.version], SchemaVersion)


@dataclass(frozen=True, slots=True)
class Step:
    """One step up: what it does, in a sentence, and the function that does it in a given transaction."""

    title: str
    apply: Callable[[lmdb.Environment, lmdb.Transaction[bytes]], None]


# STEPS[0] leads from version 1 to version 2, and so on. Steps are never changed or removed once released.
STEPS: tuple[Step, ...] = ()

FIRST_VERSION = 1


def migrate(env: lmdb.Environment, data: Path, steps: Sequence[Step] = STEPS) -> int:
    """Bring `env` to the newest schema version this program knows; returns that version.

    Raises:
        SchemaTooNewError: a later version of Roost wrote it; nothing was touched.
    """
    supported = FIRST_VERSION + len(steps)
    found = read_version(env)
    if found is None:
        # A new folder starts at the top: there is nothing to be migrated.
        with env.begin(write=True) as txn:
            _write_version(env, txn, supported)
        return supported
    if found > supported:
        raise SchemaTooNewError(data, found, supported)
    if found < supported:
        copy = _copy_before(env, data, found)
        log.info(
            "migration_started", extra={"from_version": found, "to_version": supported, "copy": str(copy)}
        )
    for version in range(found, supported):
        step = steps[version - FIRST_VERSION]
        with env.begin(write=True) as txn:
            step.apply(env, txn)
            _write_version(env, txn, version + 1)
        log.info("migration_step_done", extra={"version": version + 1, "step": step.title})
    return supported


def read_version(env: lmdb.Environment) -> int | None:
    """The schema version that `env` has, or None if it is new.

    Raises:
        CorruptRecordError: the version cannot be trusted, so nothing else can.
    """
    with env.begin() as txn:
        try:
            database = env.open_db(META.encode(), txn=txn, create=False)
        except lmdb.NotFoundError:
            return None
        data = txn.get(SCHEMA_KEY, db=database)
    return None if data is None else SCHEMA_CODEC.unpack(SCHEMA_KEY, data).version


def _write_version(env: lmdb.Environment, txn: lmdb.Transaction[bytes], version: int) -> None:
    database = env.open_db(META.encode(), txn=txn)
    txn.put(SCHEMA_KEY, SCHEMA_CODEC.pack(SCHEMA_KEY, SchemaVersion(version)), db=database)


def _copy_before(env: lmdb.Environment, data: Path, version: int) -> Path:
    """A compacted copy of everything as it was; a migration without one does not start."""
    folder = prepare_folder(backups_folder(data))
    taken = len(list(folder.glob(f"schema-{version}*")))
    copy = prepare_folder(folder / (f"schema-{version}" if not taken else f"schema-{version}-{taken + 1}"))
    env.copy(str(copy), compact=True)
    sync_folder(copy)
    sync_folder(folder)
    return copy
