from __future__ import annotations

from protocol.ids import DeviceAddress, DeviceId, UserId
from storage import Environment, InlineJournal
from storage.accounts import (
    DeviceRecord,
    UserRecord,
    add_device,
    find_device_by_static_key,
    find_user_by_phone,
    forget_user,
    list_devices,
    load_device,
    load_user,
    put_device,
    put_user,
    remove_device,
)
from storage.tables import USERS, Op

ANNA = UserId(7)
PHONE = "+4915112345678"
NEW_ACCOUNT = UserRecord(PHONE, 1000)


def store(environment: Environment, ops: list[Op]) -> None:
    errors: list[object] = []
    InlineJournal(environment).submit(ops, errors.append)
    assert errors == [None]


def device(letter: bytes, name: str = "phone") -> DeviceRecord:
    return DeviceRecord(letter * 32, b"i" * 32, 1, b"p" * 32, b"g" * 64, 1000, name)


def test_a_stranger_has_nothing(environment: Environment) -> None:
    with environment.read() as reader:
        assert find_user_by_phone(reader, PHONE) is None
        assert find_device_by_static_key(reader, b"k" * 32) is None
        assert load_user(reader, ANNA) is None
        assert load_device(reader, DeviceAddress(ANNA, DeviceId(1))) is None
        assert list_devices(reader, ANNA) == []
        assert reader.count(USERS) == 0


def test_the_first_device_makes_the_account_and_is_found_by_number_and_by_key(
    environment: Environment,
) -> None:
    address, account, ops = add_device(ANNA, NEW_ACCOUNT, device(b"a"))
    store(environment, ops)
    assert address == DeviceAddress(ANNA, DeviceId(1))
    with environment.read() as reader:
        assert find_user_by_phone(reader, PHONE) == ANNA
        assert find_device_by_static_key(reader, b"a" * 32) == address
        assert load_user(reader, ANNA) == account == UserRecord(PHONE, 1000, DeviceId(1))
        assert load_device(reader, address) == device(b"a")
        assert reader.count(USERS) == 1


def test_a_number_of_a_removed_device_is_never_given_again(environment: Environment) -> None:
    first, account, ops = add_device(ANNA, NEW_ACCOUNT, device(b"a"))
    store(environment, [*ops, *remove_device(first, device(b"a"))])
    with environment.read() as reader:
        stored = load_user(reader, ANNA)
        assert stored == account
        assert list_devices(reader, ANNA) == []
    second, _, ops = add_device(ANNA, account, device(b"b"))
    store(environment, ops)
    assert second.device == 2


def test_the_key_of_a_removed_device_is_a_strangers(environment: Environment) -> None:
    address, _, ops = add_device(ANNA, NEW_ACCOUNT, device(b"a"))
    store(environment, ops)
    store(environment, remove_device(address, device(b"a")))
    with environment.read() as reader:
        assert find_device_by_static_key(reader, b"a" * 32) is None
        assert load_device(reader, address) is None


def test_devices_are_listed_in_the_order_of_their_numbers_and_by_user(environment: Environment) -> None:
    account = NEW_ACCOUNT
    for letter in (b"c", b"a", b"b"):
        _, account, ops = add_device(ANNA, account, device(letter, letter.decode()))
        store(environment, ops)
    _, _, ops = add_device(UserId(8), UserRecord("+4930123456", 1), device(b"z"))
    store(environment, ops)
    with environment.read() as reader:
        listed = list_devices(reader, ANNA)
    assert [(number, each.name) for number, each in listed] == [(1, "c"), (2, "a"), (3, "b")]


def test_a_device_may_change_its_signed_prekey(environment: Environment) -> None:
    address, _, ops = add_device(ANNA, NEW_ACCOUNT, device(b"a"))
    changed = DeviceRecord(b"a" * 32, b"i" * 32, 2, b"q" * 32, b"h" * 64, 1000, "phone")
    store(environment, [*ops, *put_device(address, changed)])
    with environment.read() as reader:
        assert load_device(reader, address) == changed


def test_flags_of_later_features_are_kept(environment: Environment) -> None:
    store(environment, put_user(ANNA, UserRecord(PHONE, 1, DeviceId(1), flags=2**40)))
    with environment.read() as reader:
        stored = load_user(reader, ANNA)
    assert stored is not None
    assert stored.flags == 2**40


def test_who_is_forgotten_leaves_no_row_and_takes_nobody_elses(environment: Environment) -> None:
    before, after = UserId(2**40 - 1), UserId(2**40 + 1)
    users = (before, UserId(2**40), after)
    record = device(b"a")
    for user in users:
        store(environment, add_device(user, UserRecord(f"+49{user}", 1), record)[2])
    store(environment, forget_user(users[1]))
    with environment.read() as reader:
        assert [load_user(reader, user) is not None for user in users] == [True, False, True]
        assert [len(list_devices(reader, user)) for user in users] == [1, 0, 1]
