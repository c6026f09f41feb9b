from __future__ import annotations

import pytest

from protocol.ids import DeviceAddress, DeviceId, MessageNumber, UserId
from storage import Environment, Put, check_records
from storage.accounts import DeviceRecord, UserRecord, add_device
from storage.mailboxes import DeviceCursor, QueuedMessage, append
from storage.tables import QUEUE, USERS, Op
from tests.storage.test_accounts import store

ANNA = DeviceAddress(UserId(7), DeviceId(1))


def some_messages(number: int) -> list[Op]:
    cursor, ops = DeviceCursor(), []
    for each in range(1, number + 1):
        cursor, more = append(ANNA, cursor, QueuedMessage(ANNA, MessageNumber(each), 1, 2, b"c" * 10))
        ops += more
    return ops


def test_a_healthy_store_has_no_problems(environment: Environment) -> None:
    device = DeviceRecord(b"s" * 32, b"i" * 32, 1, b"p" * 32, b"g" * 64, 1)
    _, _, ops = add_device(ANNA.user, UserRecord("+491", 1), device)
    store(environment, [*ops, *some_messages(10)])
    assert check_records(environment) == []


def test_every_damaged_row_is_named_in_whatever_slice_it_lies(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.checks.SLICE_ROWS", 3)
    store(environment, some_messages(10))
    with environment.read() as reader:
        stored = list(reader.scan(QUEUE, b"\0", b"\xff" * 18))
    damaged = [stored[position][0] for position in (0, 2, 3, 9)]
    store(environment, [Put(QUEUE, key, b"\1 not a record") for key in damaged])
    store(environment, [Put(USERS, b"\0" * 8, b"")])
    problems = check_records(environment)
    assert [(problem.table, problem.key) for problem in problems] == [
        (USERS, b"\0" * 8),
        *[(QUEUE, key) for key in damaged],
    ]
