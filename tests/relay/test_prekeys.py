"""Prekeys: each handed out once, also while its removal is on the way to the disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol import DeviceAddress, DeviceId, Prekey, SignedPrekey, UserId
from relay.prekeys import MAX_STORED_PREKEYS, PrekeyShelf, upload
from storage import Environment, InlineJournal, Op, accounts, open_environment, prekeys
from storage.accounts import DeviceRecord, UserRecord

USER = UserId(7)
DEVICES = (DeviceId(1),)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as opened:
        device = DeviceRecord(b"k" * 32, b"i" * 32, 1, b"s" * 32, b"g" * 64, 0)
        _, _, ops = accounts.add_device(USER, UserRecord("+491713920001", 0), device)
        commit(opened, ops)
        yield opened


DEVICE = DeviceAddress(USER, DeviceId(1))


def commit(environment: Environment, ops: list[Op]) -> None:
    InlineJournal(environment).submit(ops, lambda error: None)


def add(environment: Environment, count: int, signed: SignedPrekey | None = None) -> int:
    with environment.read() as reader:
        total, ops = upload(reader, DEVICE, signed, [Prekey(n, b"%032d" % n) for n in range(count)])
    commit(environment, ops)
    return total


def take(environment: Environment, shelf: PrekeyShelf) -> int | None:
    with environment.read() as reader:
        (bundle,), _ = shelf.take(reader, DEVICES)
    return bundle.one_time_prekey.id if bundle.one_time_prekey is not None else None


def test_a_promised_prekey_is_not_promised_again(environment: Environment) -> None:
    add(environment, 2)
    shelf = PrekeyShelf(USER)
    assert [take(environment, shelf) for _ in range(3)] == [0, 1, None]


def test_after_a_failed_removal_it_may_be_given_to_somebody_else(environment: Environment) -> None:
    add(environment, 1)
    shelf = PrekeyShelf(USER)
    with environment.read() as reader:
        bundles, _ = shelf.take(reader, DEVICES)
    shelf.settled(bundles)
    assert take(environment, shelf) == 0


def test_after_its_removal_it_is_gone(environment: Environment) -> None:
    add(environment, 1)
    shelf = PrekeyShelf(USER)
    with environment.read() as reader:
        bundles, ops = shelf.take(reader, DEVICES)
    commit(environment, ops)
    shelf.settled(bundles)
    assert take(environment, shelf) is None


def test_a_device_cannot_fill_the_disk_with_prekeys(environment: Environment) -> None:
    assert add(environment, MAX_STORED_PREKEYS + 10) == MAX_STORED_PREKEYS
    with environment.read() as reader:
        assert prekeys.count_prekeys(reader, DEVICE) == MAX_STORED_PREKEYS


def test_an_id_that_is_there_already_is_replaced_and_counts_once(environment: Environment) -> None:
    assert add(environment, 3) == 3
    with environment.read() as reader:
        total, ops = upload(
            reader, DEVICE, None, [Prekey(2, b"N" * 32), Prekey(3, b"3" * 32), Prekey(3, b"4" * 32)]
        )
    commit(environment, ops)
    assert total == 4
    with environment.read() as reader:
        assert prekeys.list_prekey_ids(reader, DEVICE) == [0, 1, 2, 3]


def test_a_full_shelf_still_replaces_what_it_has(environment: Environment) -> None:
    add(environment, MAX_STORED_PREKEYS)
    with environment.read() as reader:
        total, ops = upload(
            reader, DEVICE, None, [Prekey(MAX_STORED_PREKEYS, b"x" * 32), Prekey(0, b"N" * 32)]
        )
    commit(environment, ops)
    assert total == MAX_STORED_PREKEYS
    with environment.read() as reader:
        taken = prekeys.take_prekey(reader, DEVICE)
    assert taken is not None
    assert taken[0] == prekeys.OneTimePrekey(0, b"N" * 32)


def test_a_new_signed_prekey_replaces_the_old_one(environment: Environment) -> None:
    add(environment, 0, SignedPrekey(2, b"S" * 32, b"G" * 64))
    with environment.read() as reader:
        (bundle,), _ = PrekeyShelf(USER).take(reader, DEVICES)
    assert (bundle.signed_prekey_id, bundle.signed_prekey, bundle.signature) == (2, b"S" * 32, b"G" * 64)
    assert bundle.identity_key == b"i" * 32
