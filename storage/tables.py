"""The tables of the durable environment, and the operations that change them.

A table is an LMDB named database. Operations are what the journal takes: several of them in one submission
become durable together or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType, TypeAlias

# A plain string and not an Enum: tables are dictionary keys on the hot path, and an Enum member hashes in
# Python.
Table = NewType("Table", str)

META = Table("meta")
USERS = Table("users")
PHONES = Table("phones")
DEVICES = Table("devices")
STATIC_KEYS = Table("static_keys")
PREKEYS = Table("prekeys")
QUEUE = Table("queue")
CURSORS = Table("cursors")
PROGRESS = Table("progress")
CODES = Table("codes")

DURABLE_TABLES = (META, USERS, PHONES, DEVICES, STATIC_KEYS, PREKEYS, QUEUE, CURSORS, PROGRESS, CODES)

# What a message or a registration adds to. The others change rows that are there, or add few bytes: receipts
# and codes go on while new messages are refused because storage is nearly full.
GROWING_TABLES = frozenset((USERS, PHONES, DEVICES, STATIC_KEYS, PREKEYS, QUEUE))

# LMDB's own limit for a key (mdb_env_get_maxkeysize of the usual build).
MAX_KEY_BYTES = 511


# Operations are slotted but not frozen: they are built for every message, and a frozen dataclass
# costs three times as much to build (720 against 207 ns). Nobody changes one after submitting it.
@dataclass(slots=True)
class Put:
    """Set one row, whether or not it was there."""

    table: Table
    key: bytes
    value: bytes


@dataclass(slots=True)
class Delete:
    """Remove one row; no error if it is not there."""

    table: Table
    key: bytes


@dataclass(slots=True)
class DeleteRange:
    """Remove all rows with `first <= key <= last`; no error if there is none."""

    table: Table
    first: bytes
    last: bytes


Op: TypeAlias = Put | Delete | DeleteRange


def only_grows(ops: Sequence[Op]) -> bool:
    """Whether `ops` are a new message or registration: they add rows for good and delete none."""
    return all(isinstance(op, Put) for op in ops) and any(op.table in GROWING_TABLES for op in ops)
