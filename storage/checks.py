"""Reads every row there is and checks its checksum: a doctor's first look, and a restored backup's.

Not here: the structure of the pages (`storage.environment.verify`), which is checked on a file that nobody
writes to.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from storage.accounts import DEVICE_CODEC, PHONE_CODEC, STATIC_KEY_CODEC, USER_CODEC
from storage.bans import BAN_CODEC
from storage.codes import CODE_CODEC
from storage.device_lists import DEVICE_LIST_CODEC
from storage.environment import Readable, Reader
from storage.errors import CorruptRecordError
from storage.fanouts import FANOUT_CODEC
from storage.groups import (
    ENTRY_CODEC,
    GROUP_CODEC,
    GROUP_CURSOR_CODEC,
    ITEM_CODEC,
    JOIN_CODEC,
    MARK_CODEC,
    MEMBER_CODEC,
    NUMBER_CODEC,
)
from storage.kem_prekeys import KEM_PREKEY_CODEC, LAST_RESORT_CODEC
from storage.mailboxes import CURSOR_CODEC, MESSAGE_CODEC
from storage.migrations import META_CODEC
from storage.payloads import ARRIVED_CODEC, PAYLOAD_CODEC
from storage.pins import PIN_CODEC
from storage.prekeys import PREKEY_CODEC
from storage.profiles import PIECE_CODEC
from storage.progress import PROGRESS_CODEC
from storage.records import RecordCodec
from storage.settings import BLOCK_CODEC, CONTACT_CODEC, PRIVACY_CODEC, SHUNNED_CODEC

# One for each table: a test compares this with the list of tables.
CODECS: tuple[RecordCodec[Any], ...] = (
    META_CODEC,
    USER_CODEC,
    PHONE_CODEC,
    DEVICE_CODEC,
    STATIC_KEY_CODEC,
    PREKEY_CODEC,
    KEM_PREKEY_CODEC,
    LAST_RESORT_CODEC,
    MESSAGE_CODEC,
    CURSOR_CODEC,
    PROGRESS_CODEC,
    CODE_CODEC,
    PRIVACY_CODEC,
    BLOCK_CODEC,
    CONTACT_CODEC,
    SHUNNED_CODEC,
    PIECE_CODEC,
    PIN_CODEC,
    DEVICE_LIST_CODEC,
    BAN_CODEC,
    GROUP_CODEC,
    GROUP_CURSOR_CODEC,
    ENTRY_CODEC,
    ITEM_CODEC,
    MEMBER_CODEC,
    NUMBER_CODEC,
    JOIN_CODEC,
    MARK_CODEC,
    PAYLOAD_CODEC,
    ARRIVED_CODEC,
    FANOUT_CODEC,
)

# Rows a read transaction looks at: some milliseconds, so that pages freed meanwhile are soon used again.
SLICE_ROWS = 4096


def check_records(
    *environments: Readable, report: Callable[[int], None] | None = None
) -> list[CorruptRecordError]:
    """Read every row of every table; returns what is damaged, at best nothing.

    Blocks for some seconds for each million rows: not for the thread of the loop. Rows that are written or
    deleted meanwhile may be seen or not.

    Args:
        environments: what to read.
        report: told after every slice how many rows were looked at so far.
    """
    problems: list[CorruptRecordError] = []
    seen = 0
    for environment, codec in product(environments, CODECS):
        after: bytes | None = b"\0"
        while after is not None:
            with environment.read() as reader:
                after, count = _check_slice(reader, codec, after, problems)
            seen += count
            if report is not None:
                report(seen)
    return problems


def _check_slice(
    reader: Reader, codec: RecordCodec[Any], first: bytes, problems: list[CorruptRecordError]
) -> tuple[bytes | None, int]:
    """Check the next rows from `first`; returns where to go on (None: nowhere) and how many they were."""
    number = 0
    for number, (key, data) in enumerate(reader.scan(codec.table, first, b"\xff" * 64), start=1):
        try:
            codec.unpack(key, data)
        except CorruptRecordError as error:
            problems.append(error)
        if number >= SLICE_ROWS:
            return key + b"\0", number
    return None, number
