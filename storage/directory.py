"""Looks whether the directory and the accounts agree: they lie in different environments.

A registration writes the account first and the directory second, each durable by itself. So what a crash
leaves between them is an account that nobody can find, or a static key that leads to a device that is gone:
both harmless, and put right when the person registers again. A number that leads to no account is what no
crash leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from protocol.ids import DeviceAddress, UserId
from storage import accounts
from storage.accounts import PHONE_CODEC, STATIC_KEY_CODEC, USER_CODEC
from storage.outside import OutsideEnvironment, OutsideView
from storage.records import RecordCodec

T = TypeVar("T")

# Rows looked at in one read transaction: some milliseconds, so that freed pages are soon used again.
SLICE_ROWS = 1024

LAST_KEY = b"\xff" * 64


@dataclass(frozen=True, slots=True)
class DirectoryFigures:
    """How far directory and accounts agree."""

    # Accounts whose number leads to nobody or to another account.
    unfindable_accounts: int
    # Static keys of devices that are gone: whoever has one is told that it is logged out.
    keys_to_nowhere: int
    # Numbers that lead to no account.
    numbers_to_nowhere: int


def compare_directory(view: OutsideView) -> DirectoryFigures:
    """Follow every row of the directory to its account, and every account back.

    Blocks for some ten seconds for each million accounts. Of a running node, whoever is registering at the
    moment may be counted.

    Raises:
        CorruptRecordError: a row is damaged.
    """
    return DirectoryFigures(
        sum(_unfindable(view, environment) for environment in view.environments),
        sum(not _has_device(view, key, address) for key, address in _rows(view.directory, STATIC_KEY_CODEC)),
        sum(not _has_account(view, user) for _, user in _rows(view.directory, PHONE_CODEC)),
    )


def _unfindable(view: OutsideView, environment: OutsideEnvironment) -> int:
    return sum(
        _user_of(view, record.phone) != int.from_bytes(key, "big")
        for key, record in _rows(environment, USER_CODEC)
    )


def _user_of(view: OutsideView, phone: str) -> UserId | None:
    with view.directory.read() as reader:
        return accounts.find_user_by_phone(reader, phone)


def _has_account(view: OutsideView, user: UserId) -> bool:
    with view.environment_of(user).read() as reader:
        return accounts.load_user(reader, user) is not None


def _has_device(view: OutsideView, static_key: bytes, address: DeviceAddress) -> bool:
    with view.environment_of(address.user).read() as reader:
        device = accounts.load_device(reader, address)
    return device is not None and device.static_key == static_key


def _rows(environment: OutsideEnvironment, codec: RecordCodec[T]) -> Iterator[tuple[bytes, T]]:
    """All rows of a table, read in slices."""
    first = b"\0"
    while True:
        with environment.read() as reader:
            scan = reader.scan(codec.table, first, LAST_KEY)
            rows = [row for row, _ in zip(scan, range(SLICE_ROWS), strict=False)]
        if not rows:
            return
        for key, data in rows:
            yield key, codec.unpack(key, data)
        first = rows[-1][0] + b"\0"
