"""The tables of a durable environment, their families, and the operations that change them.

A table is an LMDB named database. Its family says which environment a row belongs into when a node has
several (store.py), so that no table can be forgotten when users move from one to another. Operations are what
the journal takes: several of them in one submission become durable together or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NewType, TypeAlias

# A plain string and not an Enum: tables are dictionary keys on the hot path, and an Enum member hashes in
# Python.
Table = NewType("Table", str)


class Family(Enum):
    """Which environment the rows of a table lie in."""

    META = "meta"
    """Each environment has its own: what it is, not what it holds."""

    USER = "user"
    """That of the user's slot. Keys begin with the user's id, 8 bytes, big-endian: a slot is one range."""

    ENVIRONMENT = "environment"
    """The environment of the worker that wrote it: what other rows there refer to."""

    DIRECTORY = "directory"
    """Environment 0: what leads to a user from something else than its id."""


FAMILY_OF: dict[Table, Family] = {}
"""{table: its family}, filled by the definitions below and complete with them."""


def _table(name: str, family: Family) -> Table:
    """Define a table. There is no other way to make one that environments open."""
    table = Table(name)
    FAMILY_OF[table] = family
    return table


META = _table("meta", Family.META)
USERS = _table("users", Family.USER)
PHONES = _table("phones", Family.DIRECTORY)
DEVICES = _table("devices", Family.USER)
STATIC_KEYS = _table("static_keys", Family.DIRECTORY)
PREKEYS = _table("prekeys", Family.USER)
KEM_PREKEYS = _table("kem_prekeys", Family.USER)
LAST_RESORTS = _table("last_resorts", Family.USER)
QUEUE = _table("queue", Family.USER)
CURSORS = _table("cursors", Family.USER)
PROGRESS = _table("progress", Family.USER)
CODES = _table("codes", Family.DIRECTORY)
SETTINGS = _table("settings", Family.USER)
BLOCKS = _table("blocks", Family.USER)
CONTACTS = _table("contacts", Family.USER)
SHUNNED = _table("shunned", Family.USER)
PROFILES = _table("profiles", Family.USER)
PINS = _table("pins", Family.USER)
DEVICE_LISTS = _table("device_lists", Family.USER)
BANS = _table("bans", Family.DIRECTORY)

# Groups have ids as users have, and slots: a group's rows lie in the environment of its slot's owner.
GROUPS = _table("groups", Family.USER)
GROUP_CURSORS = _table("group_cursors", Family.USER)
GROUP_ENTRIES = _table("group_entries", Family.USER)
GROUP_ITEMS = _table("group_items", Family.USER)
GROUP_MEMBERS = _table("group_members", Family.USER)
GROUP_NUMBERS = _table("group_numbers", Family.USER)
GROUP_JOINS = _table("group_joins", Family.USER)
GROUP_MARKS = _table("group_marks", Family.USER)
PAYLOADS = _table("payloads", Family.ENVIRONMENT)
ARRIVED = _table("arrived", Family.ENVIRONMENT)
FANOUTS = _table("fanouts", Family.ENVIRONMENT)

DURABLE_TABLES = tuple(FAMILY_OF)

# What a message, a registration or a profile adds to. The others change rows that are there, or add few
# bytes: receipts and codes go on while new messages are refused because storage is nearly full.
GROWING_TABLES = frozenset(
    (
        USERS,
        PHONES,
        DEVICES,
        STATIC_KEYS,
        PREKEYS,
        KEM_PREKEYS,
        QUEUE,
        CONTACTS,
        PROFILES,
        GROUP_ENTRIES,
        GROUP_ITEMS,
        GROUP_JOINS,
        PAYLOADS,
        FANOUTS,
    )
)

# Rows of a few bytes that go when others come, so that there are not too many: that makes no room.
SMALL_CHANGE_TABLES = frozenset((GROUP_NUMBERS, GROUP_JOINS))

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


def tables_of(family: Family) -> tuple[Table, ...]:
    """The tables of a family, in the order of their definition."""
    return tuple(table for table, its_family in FAMILY_OF.items() if its_family is family)


def of_family(ops: Sequence[Op], family: Family) -> list[Op]:
    """Those of the operations that change rows of a family: what one submission to one environment takes."""
    return [op for op in ops if FAMILY_OF[op.table] is family]


def only_grows(ops: Sequence[Op]) -> bool:
    """Whether `ops` are a new message or registration: they add rows for good and delete none that count."""
    return all(isinstance(op, Put) or op.table in SMALL_CHANGE_TABLES for op in ops) and any(
        isinstance(op, Put) and op.table in GROWING_TABLES for op in ops
    )
