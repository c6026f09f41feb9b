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
from storage import InlineJournal, Op, accounts, open_environment
from storage.accounts import DeviceRecord, UserRecord

# Accounts made in one commit: each commit waits for the disk.
ACCOUNTS_A_COMMIT = 500

# Numbers that the German regulator keeps free for films and books begin like this; nobody is ever called.
PHONE_PREFIX = "+4917139"

MAX_ACCOUNTS = 1_000_000
"""As many as there are numbers behind the prefix."""


@dataclass(frozen=True, slots=True)
class Account:
    """One device that the store knows."""

    keys: KeyPair
    address: DeviceAddress


def make_accounts(data: Path, count: int) -> list[Account]:
    """Put `count` accounts into the data folder of a node that is not running.

    Raises:
        StorageError: the folder is in use, damaged or too new.
        BenchError: more than there are telephone numbers for.
    """
    if count > MAX_ACCOUNTS:
        raise BenchError(f"{count} accounts are more than {MAX_ACCOUNTS}")
    made: list[Account] = []
    with open_environment(data) as environment:
        journal = InlineJournal(environment)
        ops: list[Op] = []
        for index in range(count):
            account, more = _new_account(index)
            made.append(account)
            ops += more
            if len(made) % ACCOUNTS_A_COMMIT == 0 or len(made) == count:
                journal.submit(ops, _must_succeed)
                ops = []
    return made


def _new_account(index: int) -> tuple[Account, list[Op]]:
    keys = KeyPair.generate(os.urandom)
    device = DeviceRecord(keys.public, b"i" * 32, 1, b"s" * 32, b"g" * 64, 0)
    user = UserRecord(f"{PHONE_PREFIX}{index:06d}", 0)
    address, _, ops = accounts.add_device(new_user_id(os.urandom), user, device)
    return Account(keys, address), ops


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
