from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from protocol.ids import DeviceAddress, DeviceId, UserId
from protocol.slots import first_user_of
from storage import Put, accounts, open_outside
from storage.accounts import DeviceRecord, UserRecord, add_device
from storage.directory import DirectoryFigures, compare_directory
from storage.tables import DEVICES, PHONES, STATIC_KEYS, USERS
from tests.storage.whole_store import prepare, put, remove

EAST, WEST = UserId(7), UserId(first_user_of(256) - 7)
DEVICE = DeviceRecord(b"s" * 32, b"i" * 32, 1, b"p" * 32, b"g" * 64, 1)
FINE = DirectoryFigures(0, 0, 0)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A store of two workers, with an account in each."""
    prepare(tmp_path, 2)
    for user, phone, key in ((EAST, "+491", b"e"), (WEST, "+492", b"w")):
        _, _, ops = add_device(user, UserRecord(phone, 1), replace(DEVICE, static_key=key * 32))
        put(tmp_path, {(op.table, op.key): op.value for op in ops if isinstance(op, Put)})
    return tmp_path


def compared(data: Path) -> DirectoryFigures:
    with open_outside(data) as view:
        return compare_directory(view)


def test_a_directory_that_leads_to_every_account_is_fine(data: Path) -> None:
    assert compared(data) == FINE


def _forget_number(data: Path) -> None:
    remove(data, [(PHONES, b"+492")])


def _give_number_away(data: Path) -> None:
    put(data, {(PHONES, b"+492"): accounts.PHONE_CODEC.pack(b"+492", EAST)})


def _remove_device(data: Path) -> None:
    remove(data, [(DEVICES, WEST.to_bytes(8, "big") + b"\0\1")])


def _change_key(data: Path) -> None:
    new = replace(DEVICE, static_key=b"n" * 32)
    put(data, {(op.table, op.key): op.value for op in _put_device(new)})


def _put_device(record: DeviceRecord) -> list[Put]:
    ops = accounts.put_device(DeviceAddress(WEST, DeviceId(1)), record)
    return [op for op in ops if isinstance(op, Put) and op.table != STATIC_KEYS]


def _remove_account(data: Path) -> None:
    remove(data, [(USERS, WEST.to_bytes(8, "big"))])


@pytest.mark.parametrize(
    ("damage", "figures"),
    [
        (_forget_number, DirectoryFigures(1, 0, 0)),
        (_give_number_away, DirectoryFigures(1, 0, 0)),
        (_remove_device, DirectoryFigures(0, 1, 0)),
        (_change_key, DirectoryFigures(0, 1, 0)),
        (_remove_account, DirectoryFigures(0, 0, 1)),
    ],
)
def test_whatever_leads_nowhere_is_counted(
    data: Path, damage: Callable[[Path], None], figures: DirectoryFigures
) -> None:
    damage(data)
    assert compared(data) == figures


def test_many_rows_are_read_in_slices(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.directory.SLICE_ROWS", 1)
    assert compared(data) == FINE
    rows = {}
    for number in range(5):
        key = b"+49%d" % (3 + number)
        rows[PHONES, key] = accounts.PHONE_CODEC.pack(key, UserId(99))
    put(data, rows)
    assert compared(data).numbers_to_nowhere == 5
