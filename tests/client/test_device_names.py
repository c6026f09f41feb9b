"""The devices of an account are called the same on all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.records import Served
from client.store import Store
from protocol.e2e.siblings import DeviceName, Names, encode_sibling
from protocol.ids import DeviceId
from tests.client.household import Household

PHONE, PAD = DeviceId(1), DeviceId(2)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Household]:
    household = Household(tmp_path)
    yield household
    household.close()


def names(store: Store) -> list[str | None]:
    return [device.name for device in store.devices.all()]


def test_a_device_that_was_linked_is_called_the_same_everywhere(home: Household) -> None:
    home.bob.store.devices.linked(PAD, "Kitchen")
    home.run()
    assert names(home.bob.store) == names(home.pad.store) == [None, "Kitchen"]
    there = home.pad.store.devices.all()[1]
    assert there.linked_at is not None


@pytest.mark.parametrize("where", ["bob", "pad"])
def test_a_name_given_on_one_device_is_told_to_the_other(home: Household, where: str) -> None:
    store = home.bob.store if where == "bob" else home.pad.store
    word = store.devices.rename(PHONE, "Pocket")
    assert word is not None
    assert not store.devices.are_told(word)
    home.run()
    assert store.devices.are_told(word)
    assert names(home.bob.store) == names(home.pad.store) == ["Pocket", None]


def test_of_two_names_given_at_once_all_end_with_the_same(home: Household) -> None:
    home.bob.store.devices.rename(PAD, "Kitchen")
    home.pad.store.devices.rename(PAD, "Cellar")
    home.run()
    assert names(home.bob.store) == names(home.pad.store)
    assert names(home.pad.store)[1] in ("Kitchen", "Cellar")


def test_nobody_sees_a_line_about_it(home: Household) -> None:
    home.bob.store.devices.rename(PAD, "Kitchen")
    home.run()
    assert home.pad.store.history() == []
    assert [type(each) for each in home.got[home.pad.account.address]] == [Served]


def test_whoever_has_no_other_device_tells_nobody(home: Household) -> None:
    assert home.alice.store.devices.rename(PHONE, "Pocket") is None
    assert not home.alice.store.has_unsent()
    assert names(home.alice.store) == ["Pocket"]


def test_what_others_say_of_our_devices_means_nothing(home: Household) -> None:
    lie = Names(b"12345678", 5, (DeviceName(PHONE, "Mine", None),))
    with home.alice.store._database.transaction():
        home.alice.store._queue.queue_encoded(home.bob.user, lie.id, encode_sibling(lie))
    home.run()
    assert names(home.bob.store) == names(home.pad.store) == [None, None]
