from __future__ import annotations

from protocol.ids import DeviceAddress, DeviceId, UserId
from storage import Environment
from storage.kem_prekeys import (
    KemPrekeyRecord,
    add_kem_prekeys,
    list_kem_prekey_ids,
    load_last_resort,
    put_last_resort,
    remove_kem_prekeys,
    take_kem_prekey,
)
from tests.storage.test_accounts import store

ANNA = DeviceAddress(UserId(7), DeviceId(1))
NEIGHBOUR = DeviceAddress(UserId(7), DeviceId(2))


def prekey(number: int) -> KemPrekeyRecord:
    return KemPrekeyRecord(number, bytes([number % 256]) * 1_184, bytes([number % 255]) * 64)


def take(environment: Environment, device: DeviceAddress, *promised: int) -> KemPrekeyRecord | None:
    with environment.read() as reader:
        taken = take_kem_prekey(reader, device, promised)
    if taken is None:
        return None
    store(environment, taken[1])
    return taken[0]


def ids(environment: Environment, device: DeviceAddress) -> list[int]:
    with environment.read() as reader:
        return list_kem_prekey_ids(reader, device)


def last_resort(environment: Environment, device: DeviceAddress) -> KemPrekeyRecord | None:
    with environment.read() as reader:
        return load_last_resort(reader, device)


def test_each_is_handed_out_once_the_oldest_first(environment: Environment) -> None:
    store(environment, add_kem_prekeys(ANNA, [prekey(300), prekey(2), prekey(1)]))
    assert ids(environment, ANNA) == [1, 2, 300]
    assert [take(environment, ANNA) for _ in range(4)] == [prekey(1), prekey(2), prekey(300), None]
    assert ids(environment, ANNA) == []


def test_one_whose_removal_is_on_its_way_is_not_handed_out_again(environment: Environment) -> None:
    store(environment, add_kem_prekeys(ANNA, [prekey(1), prekey(2)]))
    assert take(environment, ANNA, 1) == prekey(2)
    assert take(environment, ANNA, 1) is None


def test_a_last_resort_stays_until_another_takes_its_place(environment: Environment) -> None:
    assert last_resort(environment, ANNA) is None
    for number in (7, 8):
        store(environment, [put_last_resort(ANNA, prekey(number))])
        assert [last_resort(environment, ANNA) for _ in range(2)] == [prekey(number)] * 2
    assert ids(environment, ANNA) == []


def test_a_device_that_goes_takes_its_own_along_and_no_others(environment: Environment) -> None:
    for device in (ANNA, NEIGHBOUR):
        store(environment, [*add_kem_prekeys(device, [prekey(1)]), put_last_resort(device, prekey(2))])
    store(environment, remove_kem_prekeys(ANNA))
    assert (ids(environment, ANNA), last_resort(environment, ANNA)) == ([], None)
    assert (ids(environment, NEIGHBOUR), last_resort(environment, NEIGHBOUR)) == ([1], prekey(2))
