from __future__ import annotations

from protocol.ids import DeviceAddress, DeviceId, UserId
from storage import Environment
from storage.prekeys import (
    OneTimePrekey,
    add_prekeys,
    list_prekey_ids,
    remove_prekeys,
    take_prekey,
)
from tests.storage.test_accounts import store

ANNA = DeviceAddress(UserId(7), DeviceId(1))
NEIGHBOUR = DeviceAddress(UserId(7), DeviceId(2))


def prekey(number: int) -> OneTimePrekey:
    return OneTimePrekey(number, bytes([number % 256]) * 32)


def take(environment: Environment, device: DeviceAddress, *promised: int) -> OneTimePrekey | None:
    with environment.read() as reader:
        taken = take_prekey(reader, device, promised)
    if taken is None:
        return None
    store(environment, taken[1])
    return taken[0]


def count(environment: Environment, device: DeviceAddress) -> int:
    with environment.read() as reader:
        return len(list_prekey_ids(reader, device))


def test_each_is_handed_out_once_the_oldest_first(environment: Environment) -> None:
    # 300 comes after 2 only if ids are big-endian.
    store(environment, add_prekeys(ANNA, [prekey(300), prekey(2), prekey(1)]))
    assert [take(environment, ANNA) for _ in range(4)] == [prekey(1), prekey(2), prekey(300), None]
    assert count(environment, ANNA) == 0


def test_one_whose_removal_is_on_its_way_is_not_handed_out_again(environment: Environment) -> None:
    store(environment, add_prekeys(ANNA, [prekey(1), prekey(2)]))
    with environment.read() as reader:
        first = take_prekey(reader, ANNA)
        assert first is not None
        second = take_prekey(reader, ANNA, [first[0].id])
        assert second is not None
        assert take_prekey(reader, ANNA, [first[0].id, second[0].id]) is None
    assert (first[0], second[0]) == (prekey(1), prekey(2))


def test_devices_do_not_take_each_others(environment: Environment) -> None:
    store(environment, [*add_prekeys(ANNA, [prekey(1)]), *add_prekeys(NEIGHBOUR, [prekey(2), prekey(3)])])
    assert (count(environment, ANNA), count(environment, NEIGHBOUR)) == (1, 2)
    assert take(environment, ANNA) == prekey(1)
    assert take(environment, ANNA) is None
    store(environment, remove_prekeys(ANNA))
    assert count(environment, NEIGHBOUR) == 2


def test_an_id_that_is_uploaded_again_is_replaced(environment: Environment) -> None:
    store(environment, add_prekeys(ANNA, [prekey(1)]))
    store(environment, add_prekeys(ANNA, [OneTimePrekey(1, b"n" * 32)]))
    assert count(environment, ANNA) == 1
    assert take(environment, ANNA) == OneTimePrekey(1, b"n" * 32)


def test_the_largest_id_there_is_can_be_stored_and_removed(environment: Environment) -> None:
    store(environment, add_prekeys(ANNA, [prekey(2**32 - 1)]))
    assert count(environment, ANNA) == 1
    store(environment, remove_prekeys(ANNA))
    assert count(environment, ANNA) == 0


def test_ids_are_listed_in_their_order_and_for_one_device(environment: Environment) -> None:
    store(environment, [*add_prekeys(ANNA, [prekey(300), prekey(2)]), *add_prekeys(NEIGHBOUR, [prekey(1)])])
    with environment.read() as reader:
        assert list_prekey_ids(reader, ANNA) == [2, 300]
