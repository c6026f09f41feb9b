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
from collections.abc import Callable, Sequence
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
from protocol.limits import KEY_BYTES
from storage import InlineJournal, Layout, Op, accounts, open_environment, prepare_store, read_layout
from storage.accounts import DeviceRecord, UserRecord
from storage.store import DIRECTORY_ENVIRONMENT
from storage.tables import FAMILY_OF, Family

# Accounts made in one commit: each commit waits for the disk.
ACCOUNTS_A_COMMIT = 20_000

# Numbers that the German regulator keeps free for films and books begin like this; nobody is ever called.
PHONE_PREFIX = "+4917139"

PHONE_DIGITS = 7
"""Behind the prefix: one more than such a number really has, for runs with a million of them."""

MAX_ACCOUNTS = 10**PHONE_DIGITS
"""As many as there are numbers behind the prefix."""


@dataclass(frozen=True, slots=True)
class Account:
    """One device that the store knows.

    A million of them are in memory at a time, in the bench and, as far as they are used, in the load: so what
    is kept of the static key is its 32 bytes, and not the half kilobyte that is a key which can be used.
    """

    private: bytes
    address: DeviceAddress

    @property
    def keys(self) -> KeyPair:
        """The static key, made anew each time: for a handshake."""
        return KeyPair.from_private_bytes(self.private)


def make_accounts(
    data: Path, count: int, workers: int | None = None, say: Callable[[str], None] = lambda _: None
) -> list[Account]:
    """Put `count` accounts into the data folder of a node that is not running.

    Args:
        data: the folder; made if it is not there.
        count: how many.
        workers: for a node with so many workers; None for as many as it had.
        say: told how far it has come: a million take minutes.

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
            say(f"{len(made)} of {count} accounts are made")
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
    private = os.urandom(KEY_BYTES)
    public = KeyPair.from_private_bytes(private).public
    device = DeviceRecord(public, b"i" * 32, 1, b"s" * 32, b"g" * 64, 0)
    user = UserRecord(f"{PHONE_PREFIX}{index:0{PHONE_DIGITS}d}", 0)
    address, _, ops = accounts.add_device(new_user_id(os.urandom), user, device)
    return Account(private, address), ops


def _nobody(text: str) -> None:
    """Whom preparing a store tells what takes long."""


def _must_succeed(error: Exception | None) -> None:
    if error is not None:
        raise error


def save_accounts(file: Path, made: Sequence[Account]) -> None:
    """Write accounts, one JSON array `[address, private key]` a line, readable by their owner only."""
    lines = (json.dumps([address_to_text(each.address), each.private.hex()]) for each in made)
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
    key = bytes.fromhex(private)
    if len(key) != KEY_BYTES:
        raise ValueError(private)
    return Account(key, parse_device_address(address))
