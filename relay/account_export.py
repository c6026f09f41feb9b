"""Everything that the relay keeps of an account, a page at a time, for its owner.

Functions and no actor: they read what is durable, in whichever worker's part of the store it lies. A page is
what is durable when it is asked for; rows that change meanwhile are as they are then.

Where a page begins is told by the asker, in bytes that an earlier page has ended with. They are believed as
far as this: whatever they say, only rows of the asker's own account are found.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from protocol import ErrorCode, ExportedRow, UserId
from protocol.slots import SLOTS, first_user_of
from relay.describers import DESCRIBERS, Describer, Where
from relay.errors import RefusalError
from relay.worker import Worker
from storage import Reader, accounts
from storage.checks import CODECS
from storage.tables import MAX_KEY_BYTES, Table

MAX_PAGE_BYTES = 48_000
"""Of described rows: a frame, less some room for what else is in it. The largest single row, a piece of a
picture, has 44,000."""

ROW_OVERHEAD_BYTES = 32
"""What stands around a row: the table's name, and CBOR."""

MAX_LOOKS = 10_000
"""Rows that are looked at for one page: some ten milliseconds of the loop."""

_CODEC_OF = {codec.table: codec for codec in CODECS}
_TABLES = tuple(DESCRIBERS)
_SEPARATOR = b"\0"
_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class _Range:
    """Keys that may be of the account, and where they are read."""

    read: Callable[[], Reader]
    first: bytes
    last: bytes


@dataclass(slots=True)
class _Page:
    """What has been put together of a page."""

    rows: list[ExportedRow] = field(default_factory=list)
    size: int = 0
    looks: int = 0
    behind: bytes = b""
    """The key of the last row that was dealt with; empty: of this table none was."""

    is_full: bool = False

    def add(self, table: Table, text: str) -> None:
        """Add a row, unless the page is full without it."""
        size = len(text) + ROW_OVERHEAD_BYTES
        if self.rows and self.size + size > MAX_PAGE_BYTES:
            self.is_full = True
            return
        self.rows.append(ExportedRow(table, text))
        self.size += size

    def looked_at(self, key: bytes) -> None:
        """A row was dealt with."""
        self.behind = key
        self.looks += 1
        self.is_full = self.is_full or self.looks >= MAX_LOOKS


def export_page(worker: Worker, user: UserId, begin: bytes) -> tuple[tuple[ExportedRow, ...], bytes]:
    """The rows behind `begin` (empty: the first ones), and where the next page begins; empty: nowhere.

    Raises:
        RefusalError: `no-such-request`: no page ends like this.
        CorruptRecordError: a row is damaged.
    """
    place, key = _where(begin)
    page = _Page()
    for table in _TABLES[place:]:
        page.behind = key  # of this table: a page may end before its first row
        for each in _ranges(worker, user, DESCRIBERS[table].where):
            if key >= each.last:
                continue
            _read(page, table, user, each, max(each.first, key + b"\0") if key else each.first)
            if page.is_full:
                return tuple(page.rows), table.encode() + _SEPARATOR + page.behind
        key = b""
    return tuple(page.rows), b""


def _where(begin: bytes) -> tuple[int, bytes]:
    """The table with which a page begins, and behind which key of it."""
    if not begin:
        return 0, b""
    name, _, key = begin.partition(_SEPARATOR)
    for place, table in enumerate(_TABLES):
        if table.encode() == name:
            return place, key
    raise RefusalError(ErrorCode.NO_SUCH_REQUEST)


def _ranges(worker: Worker, user: UserId, where: Where) -> Iterator[_Range]:
    """Where rows of the account may lie in a table, in the order of their keys."""
    store, prefix = worker.store, user.to_bytes(_ID_BYTES)
    match where:
        case Where.USER:
            yield _Range(lambda: store.read_of(user), prefix, _last_with(prefix))
        case Where.NUMBER:
            phone = (worker.phone_of(user) or "").encode()
            if phone:
                yield _Range(store.read_directory, phone, phone + b"\0")
        case Where.STATIC_KEYS:
            with store.read_of(user) as reader:
                keys = sorted(device.static_key for _, device in accounts.list_devices(reader, user))
            for key in keys:
                yield _Range(store.read_directory, key, key + b"\0")
        case Where.GROUPS:
            for slot in range(SLOTS):
                yield _of_slot(worker, slot)
        case Where.NOWHERE:
            return


def _of_slot(worker: Worker, slot: int) -> _Range:
    begin = first_user_of(slot)
    last = _last_with((first_user_of(slot + 1) - 1).to_bytes(_ID_BYTES))
    return _Range(lambda: worker.store.read_of(UserId(begin)), max(begin, 1).to_bytes(_ID_BYTES), last)


def _last_with(prefix: bytes) -> bytes:
    return prefix + b"\xff" * (MAX_KEY_BYTES - len(prefix))


def _read(page: _Page, table: Table, user: UserId, where: _Range, first: bytes) -> None:
    """Add the rows of a range from `first` on, for as long as there is room."""
    describer, codec = DESCRIBERS[table], _CODEC_OF[table]
    with where.read() as reader:
        for key, data in reader.scan(table, first, where.last):
            if _is_own(describer, key, user):
                page.add(table, json.dumps(describer.describe(key, codec.unpack(key, data))))
            if not page.is_full:
                page.looked_at(key)
            if page.is_full:
                return


def _is_own(describer: Describer, key: bytes, user: UserId) -> bool:
    if describer.where is not Where.GROUPS:
        return True
    return key[_ID_BYTES : 2 * _ID_BYTES] == user.to_bytes(_ID_BYTES)
