"""Accounts for a run: thousands of devices that a relay knows, made in seconds and without a phone's codes.

Registering is not what the bench measures, so its accounts go straight into the store, through storage's own
API, before the node starts. A run that starts its own node does that by itself. For a node that runs on:

    roost bench accounts --data DIR --count 2000 --accounts FILE     while the node is stopped
    roost serve --data DIR ...
    roost bench pairs --relay roost://HOST:PORT#KEY --accounts FILE

The file has private keys of devices that belong to nobody: give such a data folder to no real users.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from protocol import (
    DeviceAddress,
    InvalidAddressError,
    KeyPair,
    address_to_text,
    new_user_id,
    parse_device_address,
)
from storage import InlineJournal, Layout, Op, accounts, open_environment, prepare_store, read_layout
from storage.accounts import DeviceRecord, UserRecord
from storage.store import DIRECTORY_ENVIRONMENT
from storage.tables import FAMILY_OF, Family

# Accounts made in one commit: each commit waits for the disk.
ACCOUNTS_A_COMMIT = 5_000

# Numbers that the German regulator keeps free for films and books begin like this; nobody is ever called.
PHONE_PREFIX = "+4917139"

MAX_ACCOUNTS = 1_000_000
"""As many as there are numbers behind the prefix."""


@dataclass(frozen=True, slots=True)
class Account:
    """One device that the store knows."""

    keys: KeyPair
    address: DeviceAddress


def make_accounts(data: Path, count: int, workers: int | None = None) -> list[Account]:
    """Put `count` accounts into the data folder of a node that is not running.

    Args:
        data: the folder; made if it is not there.
        count: how many.
        workers: for a node with so many workers; None for as many as it had.

    Raises:
        StorageError: the folder is in use, damaged or too new.
        BenchError: more than there are telephone numbers for.
    """
    if count > MAX_ACCOUNTS:
        raise BenchError(f"{count} accounts are more than {MAX_ACCOUNTS}")
    made: list[Account] = []
    with prepare_store(data, workers or read_layout(data).environments, _nobody), ExitStack() as stack:
        layout = read_layout(data)
        environments = [stack.enter_context(open_environment(data, at)) for at in range(layout.environments)]
        for first in range(0, count, ACCOUNTS_A_COMMIT):
            batch = [_new_account(index) for index in range(first, min(count, first + ACCOUNTS_A_COMMIT))]
            for at, ops in _by_environment(layout, batch).items():
                InlineJournal(environments[at]).submit(ops, _must_succeed)
            made += [account for account, _ in batch]
    return made


def _by_environment(layout: Layout, batch: Sequence[tuple[Account, list[Op]]]) -> dict[int, list[Op]]:
    """{environment: its rows}: a user's with the user's owner, those of the directory in the first."""
    rows: dict[int, list[Op]] = {}
    for account, ops in batch:
        owner = layout.owner(account.address.user)
        for op in ops:
            at = DIRECTORY_ENVIRONMENT if FAMILY_OF[op.table] is Family.DIRECTORY else owner
            rows.setdefault(at, []).append(op)
    return rows


def _new_account(index: int) -> tuple[Account, list[Op]]:
    keys = KeyPair.generate(os.urandom)
    device = DeviceRecord(keys.public, b"i" * 32, 1, b"s" * 32, b"g" * 64, 0)
    user = UserRecord(f"{PHONE_PREFIX}{index:06d}", 0)
    address, _, ops = accounts.add_device(new_user_id(os.urandom), user, device)
    return Account(keys, address), ops


def _nobody(text: str) -> None:
    """Whom preparing a store tells what takes long."""


def _must_succeed(error: Exception | None) -> None:
    if error is not None:
        raise error


def save_accounts(file: Path, made: Sequence[Account]) -> None:
    """Write accounts, one JSON array `[address, private key]` a line, readable by their owner only."""
    lines = (json.dumps([address_to_text(each.address), _private_hex(each.keys)]) for each in made)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
        out.writelines(line + "\n" for line in lines)


def load_accounts(file: Path) -> list[Account]:
    """Read what `save_accounts` has written.

    Raises:
        BenchError: it cannot be read, or is something else.
    """
    try:
        lines = file.read_text(encoding="ascii").splitlines()
        return [_account(*json.loads(line)) for line in lines]
    except OSError as error:
        raise BenchError(f"{file}: {error.strerror}") from None
    except (ValueError, TypeError, InvalidAddressError):
        raise BenchError(f"{file} is no file of accounts ('roost bench accounts' makes one)") from None


def _account(address: str, private: str) -> Account:
    return Account(KeyPair.from_private_bytes(bytes.fromhex(private)), parse_device_address(address))


def _private_hex(keys: KeyPair) -> str:
    return keys.private.private_bytes_raw().hex()
