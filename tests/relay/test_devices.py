"""What a device list may change at the relay, and who may come and go."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol import DeviceAddress, DeviceId, ErrorCode, Prekey, SignedDeviceList, UserId
from relay import devices
from relay.devices import DeviceChange, Newcomer
from relay.errors import RefusalError
from storage import Environment, InlineJournal, Op, accounts, device_lists, open_environment
from storage.accounts import DeviceRecord, UserRecord
from storage.prekeys import list_prekey_ids
from tests.helpers.families import PRIMARY_KEY, key_of, signed_list

USER = UserId(7)
PRIMARY, COMPANION = DeviceAddress(USER, DeviceId(1)), DeviceAddress(USER, DeviceId(2))


def commit(environment: Environment, ops: list[Op]) -> None:
    InlineJournal(environment).submit(ops, lambda error: None)


def record_of(letter: str) -> DeviceRecord:
    return DeviceRecord(letter.upper().encode() * 32, key_of(letter), 1, b"s" * 32, b"g" * 64, 0)


def newcomer(letter: str, device_list: SignedDeviceList) -> Newcomer:
    return Newcomer(USER, record_of(letter), (Prekey(1, b"p" * 32),), None, device_list)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    """A user with one device and no list."""
    with open_environment(tmp_path) as opened:
        _, _, ops = accounts.add_device(USER, UserRecord("+491713920001", 0), record_of("i"))
        commit(opened, ops)
        yield opened


def add(environment: Environment, letter: str, device_list: SignedDeviceList) -> DeviceChange:
    with environment.read() as reader:
        change = devices.add(reader, newcomer(letter, device_list))
    commit(environment, change.ops)
    return change


def publish(environment: Environment, asker: DeviceAddress, device_list: SignedDeviceList) -> DeviceChange:
    with environment.read() as reader:
        change = devices.publish(reader, asker, device_list)
    commit(environment, change.ops)
    return change


def refusal_of(environment: Environment, asker: DeviceAddress, device_list: SignedDeviceList) -> ErrorCode:
    with pytest.raises(RefusalError) as caught:
        publish(environment, asker, device_list)
    return caught.value.code


ALONE = signed_list(USER, 1, (1, PRIMARY_KEY))
BOTH = signed_list(USER, 2, (1, PRIMARY_KEY), (2, key_of("j")))


def test_the_only_device_is_the_primary_and_so_is_the_first_of_a_list(environment: Environment) -> None:
    with environment.read() as reader:
        assert devices.primary_of(reader, USER) == 1
        assert devices.primary_of(reader, UserId(8)) is None
    add(environment, "j", BOTH)
    with environment.read() as reader:
        assert devices.primary_of(reader, USER) == 1
        devices.insist_on_primary(reader, PRIMARY)
        with pytest.raises(RefusalError) as caught:
            devices.insist_on_primary(reader, COMPANION)
    assert caught.value.code is ErrorCode.NOT_PRIMARY


def test_a_first_list_is_kept_as_it_came(environment: Environment) -> None:
    publish(environment, PRIMARY, ALONE)
    with environment.read() as reader:
        assert device_lists.load_device_list(reader, USER) == ALONE


def test_a_device_is_added_with_the_list_that_names_it_and_all_others_stay(environment: Environment) -> None:
    change = add(environment, "j", BOTH)
    assert (change.added, change.removed) == (2, ())
    with environment.read() as reader:
        assert [number for number, _ in accounts.list_devices(reader, USER)] == [1, 2]
        assert device_lists.load_device_list(reader, USER) == BOTH
        assert len(list_prekey_ids(reader, COMPANION)) == 1
        record = accounts.load_user(reader, USER)
        assert record is not None
        assert record.last_device == 2


def test_the_same_device_once_more_changes_nothing(environment: Environment) -> None:
    add(environment, "j", BOTH)
    again = add(environment, "j", BOTH)
    assert (again.added, again.ops) == (2, [])


def test_a_device_with_another_key_than_the_list_says_is_not_added(environment: Environment) -> None:
    with environment.read() as reader, pytest.raises(RefusalError) as caught:
        devices.add(reader, newcomer("k", BOTH))
    assert caught.value.code is ErrorCode.LINK_MISMATCH


@pytest.mark.parametrize(
    "device_list",
    [
        signed_list(USER, 2, (1, PRIMARY_KEY)),
        signed_list(USER, 2, (2, key_of("j"))),
        signed_list(USER, 2, (2, key_of("j")), (1, PRIMARY_KEY)),
        signed_list(USER, 2, (1, PRIMARY_KEY), (3, key_of("j"))),
        signed_list(USER, 2, (1, key_of("x")), (2, key_of("j"))),
        signed_list(USER, 2, (1, PRIMARY_KEY), (2, key_of("j")), (3, key_of("k"))),
        signed_list(UserId(8), 2, (1, PRIMARY_KEY), (2, key_of("j"))),
        SignedDeviceList(b"no list", b"g" * 64),
    ],
    ids=["not in it", "alone", "as primary", "another number", "another key", "one more", "whose", "none"],
)
def test_a_list_that_does_not_add_exactly_one_device_adds_none(
    environment: Environment, device_list: SignedDeviceList
) -> None:
    with environment.read() as reader, pytest.raises(RefusalError) as caught:
        devices.add(reader, newcomer("j", device_list))
    assert caught.value.code is ErrorCode.BAD_DEVICE_LIST


def test_what_a_list_does_not_name_is_removed(environment: Environment) -> None:
    add(environment, "j", BOTH)
    change = publish(environment, PRIMARY, signed_list(USER, 3, (1, PRIMARY_KEY)))
    assert (change.removed, change.static_keys) == ((2,), (b"J" * 32,))
    with environment.read() as reader:
        assert [number for number, _ in accounts.list_devices(reader, USER)] == [1]
        assert len(list_prekey_ids(reader, COMPANION)) == 0


def test_a_list_must_be_newer_but_the_same_once_more_is_fine(environment: Environment) -> None:
    add(environment, "j", BOTH)
    publish(environment, PRIMARY, BOTH)
    other = signed_list(USER, 2, (1, PRIMARY_KEY))
    assert refusal_of(environment, PRIMARY, other) is ErrorCode.OLD_DEVICE_LIST
    assert refusal_of(environment, PRIMARY, ALONE) is ErrorCode.OLD_DEVICE_LIST


def test_only_the_primary_publishes_and_only_lists_of_what_is_there(environment: Environment) -> None:
    add(environment, "j", BOTH)
    third = signed_list(USER, 3, (1, PRIMARY_KEY), (3, key_of("k")))
    swapped = signed_list(USER, 3, (1, PRIMARY_KEY), (2, key_of("k")))
    deposed = signed_list(USER, 3, (2, key_of("j")), (1, PRIMARY_KEY))
    assert refusal_of(environment, COMPANION, deposed) is ErrorCode.NOT_PRIMARY
    for device_list in (third, swapped, deposed, signed_list(UserId(8), 3, (1, PRIMARY_KEY))):
        assert refusal_of(environment, PRIMARY, device_list) is ErrorCode.BAD_DEVICE_LIST


def test_a_companion_takes_itself_out_and_the_primary_cannot(environment: Environment) -> None:
    add(environment, "j", BOTH)
    with environment.read() as reader:
        change = devices.leave(reader, COMPANION)
        with pytest.raises(RefusalError) as caught:
            devices.leave(reader, PRIMARY)
    assert caught.value.code is ErrorCode.BAD_DEVICE_LIST
    commit(environment, change.ops)
    with environment.read() as reader:
        assert devices.leave(reader, COMPANION) == DeviceChange([])
        assert device_lists.load_device_list(reader, USER) == BOTH  # as it is signed
    # The next list leaves it out, and there is room again.
    publish(environment, PRIMARY, signed_list(USER, 3, (1, PRIMARY_KEY)))
    add(environment, "k", signed_list(USER, 4, (1, PRIMARY_KEY), (3, key_of("k"))))


def test_an_account_has_at_most_five_devices(environment: Environment) -> None:
    named = [(1, PRIMARY_KEY)]
    for number, letter in enumerate("jklm", start=2):
        named.append((number, key_of(letter)))
        add(environment, letter, signed_list(USER, number, *named))
    with environment.read() as reader, pytest.raises(RefusalError) as caught:
        devices.next_device(reader, PRIMARY)
    assert caught.value.code is ErrorCode.TOO_MANY_DEVICES


def test_numbers_are_never_used_again(environment: Environment) -> None:
    add(environment, "j", BOTH)
    publish(environment, PRIMARY, signed_list(USER, 3, (1, PRIMARY_KEY)))
    with environment.read() as reader:
        assert devices.next_device(reader, PRIMARY) == 3
