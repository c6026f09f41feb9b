"""Prekeys: each handed out once, also while its removal is on the way to the disk."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from protocol import DeviceAddress, DeviceId, KemPrekey, Prekey, SignedPrekey, UploadPrekeys, UserId
from relay.prekeys import MAX_STORED_KEM_PREKEYS, MAX_STORED_PREKEYS, PrekeyShelf, forget, keep_first, upload
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
        prekeys = tuple(Prekey(n, b"%032d" % n) for n in range(count))
        total, ops = upload(reader, DEVICE, UploadPrekeys(1, signed, prekeys))
    commit(environment, ops)
    return total.one_time


def kem_prekey(number: int) -> KemPrekey:
    return KemPrekey(number, b"%04d" % number * 296, b"s" * 64)


def add_kem(environment: Environment, ids: Iterable[int], last_resort: int | None) -> int:
    last = None if last_resort is None else kem_prekey(last_resort)
    with environment.read() as reader:
        prekeys = tuple(kem_prekey(n) for n in ids)
        total, ops = upload(reader, DEVICE, UploadPrekeys(1, None, (), last, prekeys))
    commit(environment, ops)
    return total.kem


def take_kem(environment: Environment, shelf: PrekeyShelf) -> KemPrekey | None:
    with environment.read() as reader:
        (bundle,), _ = shelf.take(reader, DEVICES)
    return bundle.kem_prekey


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
        assert len(prekeys.list_prekey_ids(reader, DEVICE)) == MAX_STORED_PREKEYS


def test_an_id_that_is_there_already_is_replaced_and_counts_once(environment: Environment) -> None:
    assert add(environment, 3) == 3
    with environment.read() as reader:
        again = (Prekey(2, b"N" * 32), Prekey(3, b"3" * 32), Prekey(3, b"4" * 32))
        total, ops = upload(reader, DEVICE, UploadPrekeys(1, None, again))
    commit(environment, ops)
    assert total.one_time == 4
    with environment.read() as reader:
        assert prekeys.list_prekey_ids(reader, DEVICE) == [0, 1, 2, 3]


def test_a_full_shelf_still_replaces_what_it_has(environment: Environment) -> None:
    add(environment, MAX_STORED_PREKEYS)
    with environment.read() as reader:
        again = (Prekey(MAX_STORED_PREKEYS, b"x" * 32), Prekey(0, b"N" * 32))
        total, ops = upload(reader, DEVICE, UploadPrekeys(1, None, again))
    commit(environment, ops)
    assert total.one_time == MAX_STORED_PREKEYS
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


def test_a_device_that_has_uploaded_no_kem_prekey_has_none_in_its_bundle(environment: Environment) -> None:
    add(environment, 1)
    assert take_kem(environment, PrekeyShelf(USER)) is None


def test_each_kem_prekey_is_promised_once_and_then_there_is_the_last_resort(environment: Environment) -> None:
    assert add_kem(environment, (1, 2), last_resort=9) == 2
    shelf = PrekeyShelf(USER)
    given = [take_kem(environment, shelf) for _ in range(4)]
    assert given == [kem_prekey(1), kem_prekey(2), kem_prekey(9), kem_prekey(9)]


def test_kem_prekeys_that_were_handed_out_are_gone_and_those_that_failed_are_not(
    environment: Environment,
) -> None:
    add_kem(environment, (1, 2), last_resort=9)
    shelf = PrekeyShelf(USER)
    with environment.read() as reader:
        first, ops = shelf.take(reader, DEVICES)
        second, _ = shelf.take(reader, DEVICES)
    commit(environment, ops)
    shelf.settled(first)
    shelf.settled(second)
    assert take_kem(environment, shelf) == kem_prekey(2)


def test_without_one_time_prekeys_a_bundle_has_the_last_resorts(environment: Environment) -> None:
    add(environment, 1)
    add_kem(environment, (1,), last_resort=9)
    with environment.read() as reader:
        (bundle,), ops = PrekeyShelf(USER).take(reader, DEVICES, one_time=False)
    assert (bundle.one_time_prekey, bundle.kem_prekey, ops) == (None, kem_prekey(9), [])


def test_a_device_cannot_fill_the_disk_with_kem_prekeys(environment: Environment) -> None:
    most = MAX_STORED_KEM_PREKEYS
    assert add_kem(environment, range(1, most + 10), last_resort=None) == most


def test_a_signed_prekey_and_a_last_resort_are_replaced_in_one_step(environment: Environment) -> None:
    signed = SignedPrekey(2, b"S" * 32, b"G" * 64)
    with environment.read() as reader:
        _, ops = upload(reader, DEVICE, UploadPrekeys(1, signed, (), kem_prekey(9)))
        (before,), _ = PrekeyShelf(USER).take(reader, DEVICES)
    commit(environment, ops)  # one submission: nobody sees one without the other
    with environment.read() as reader:
        (after,), _ = PrekeyShelf(USER).take(reader, DEVICES)
    assert (before.signed_prekey_id, before.kem_prekey) == (1, None)
    assert (after.signed_prekey_id, after.kem_prekey) == (2, kem_prekey(9))


def test_what_a_device_comes_with_is_kept_and_forgotten_with_it(environment: Environment) -> None:
    commit(environment, keep_first(DEVICE, [Prekey(1, b"p" * 32)], kem_prekey(9)))
    add_kem(environment, (1,), last_resort=None)
    commit(environment, forget(DEVICE))
    shelf = PrekeyShelf(USER)
    assert (take(environment, shelf), take_kem(environment, shelf)) == (None, None)
