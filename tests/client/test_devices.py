"""The devices of an account as the store knows them: lists signed once, names, a grant that is adopted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.devices import AGED_SECONDS
from client.records import Bundle, IncomingDelivery, ReceivedMessage
from client.store import Store
from protocol.device_list import ListedDevice
from protocol.e2e import IdentityKeyPair, UntrustedDevicesError, verify_device_list
from protocol.ids import DeviceId, MessageNumber, Seq, UserId
from tests.client.phones import RELAY_URL, SettableClock, TestPhone, list_of, seeded_entropy

COMPANION = IdentityKeyPair.generate(seeded_entropy(99))
LISTED = ListedDevice(DeviceId(2), COMPANION.public)


@pytest.fixture
def ann(tmp_path: Path) -> Iterator[TestPhone]:
    phone = TestPhone(tmp_path / "ann", 7, "+491713920001")
    yield phone
    phone.store.close()


def test_who_has_no_list_is_alone_and_the_primary(ann: TestPhone) -> None:
    devices = ann.store.devices
    assert devices.listed() is None
    assert devices.is_primary()
    assert devices.is_aged()
    (only,) = devices.all()
    assert (only.device, only.is_primary, only.is_this, only.name) == (1, True, True, None)


def test_a_signed_list_verifies_and_counts_once_it_is_kept(ann: TestPhone) -> None:
    devices = ann.store.devices
    signed = devices.sign([LISTED])
    assert verify_device_list(signed, ann.user).devices[1] == LISTED
    assert devices.listed() is None
    devices.keep(signed)
    assert [each.device for each in devices.all()] == [1, 2]
    assert not devices.is_aged()


def test_no_two_lists_have_one_number_whatever_became_of_them(ann: TestPhone) -> None:
    devices = ann.store.devices
    numbers = [verify_device_list(devices.sign([]), ann.user).number for _ in range(3)]
    assert numbers == [1, 2, 3]
    first = devices.sign([])
    devices.keep(first)
    assert not devices.has_unused()
    devices.sign([LISTED])
    assert devices.has_unused()
    ann.reopen()
    assert verify_device_list(ann.store.devices.sign([]), ann.user).number == 6


def test_a_list_is_old_after_a_week(ann: TestPhone) -> None:
    devices = ann.store.devices
    devices.keep(devices.sign([]))
    ann.clock.time += AGED_SECONDS - 1
    assert not devices.is_aged()
    ann.clock.time += 1
    assert devices.is_aged()


def test_names_are_given_and_changed(ann: TestPhone) -> None:
    devices = ann.store.devices
    devices.keep(devices.sign([LISTED]))
    devices.linked(DeviceId(2), "kitchen")
    assert (devices.all()[1].name, devices.all()[1].linked_at) == ("kitchen", ann.clock.time)
    devices.rename(DeviceId(2), "office")
    devices.rename(DeviceId(1), "phone")
    assert [each.name for each in devices.all()] == ["phone", "office"]


def test_a_grant_makes_a_folder_a_device_that_knows_whom_the_primary_knows(
    ann: TestPhone, tmp_path: Path
) -> None:
    ann.store.learn_phone("+491713920002", UserId(8))
    entropy, clock = seeded_entropy(5), SettableClock()
    with Store.open(tmp_path / "kitchen", entropy, clock) as store:
        keys = store.begin_registration("", "roost://relay.example")
        signed = ann.store.devices.sign([ListedDevice(DeviceId(2), keys.identity_key)])
        grant = ann.store.devices.grant(DeviceId(2), signed)
        store.devices.keep_grant(grant)
        assert store.devices.kept_grant() == grant
        account = store.devices.adopt(grant)
        assert (account.user, account.device, account.phone) == (7, 2, "+491713920001")
        assert store.devices.kept_grant() is None
        assert store.devices.signed_list() == signed
        assert not store.devices.is_primary()
        assert store.user_of("+491713920002") == 8


class Kitchen:
    """A companion of Ann's, linked a moment ago; she knows Ben by a list, and Ben knows the two of them."""

    def __init__(self, folder: Path, ann: TestPhone) -> None:
        self.ben = TestPhone(folder / "ben", 8, "+491713920002")
        ann.store.learn_phone(self.ben.phone, self.ben.user)
        ann.store.learn_bundles(self.ben.user, [(self.ben.device, self.ben.bundle())], list_of(self.ben))
        self.store = Store.open(folder / "kitchen", seeded_entropy(5), ann.clock)
        keys = self.store.begin_registration("", RELAY_URL)
        signed = ann.store.devices.sign([ListedDevice(DeviceId(2), keys.identity_key)])
        self.account = self.store.devices.adopt(ann.store.devices.grant(DeviceId(2), signed))
        bundle = Bundle(keys.identity_key, keys.signed_prekey, keys.prekeys[0], keys.last_resort)
        named = [(ann.device, ann.bundle()), (self.account.device, bundle)]
        self.ben.store.learn_bundles(ann.user, named, signed)
        (_, part) = self.ben.send(ann, "hello").parts
        self.first = IncomingDelivery(
            Seq(1), self.ben.account.address, MessageNumber(1), part.ciphertext, None, self.ben.phone
        )

    def close(self) -> None:
        self.store.close()
        self.ben.store.close()


@pytest.fixture
def kitchen(ann: TestPhone, tmp_path: Path) -> Iterator[Kitchen]:
    kitchen = Kitchen(tmp_path, ann)
    yield kitchen
    kitchen.close()


def test_a_primary_of_whom_the_grant_told_is_heard_at_once_and_its_list_asked_for_before_an_answer(
    kitchen: Kitchen,
) -> None:
    store, ben = kitchen.store, kitchen.ben
    received = store.receive(kitchen.first)
    assert isinstance(received, ReceivedMessage)
    assert (received.text, received.security_code_changed) == ("hello", False)
    known = store._peers.known_devices(kitchen.account, ben.user)
    assert (known.primary, known.number) == (ListedDevice(ben.device, ben.keys.identity_key), 1)
    store.queue_text(ben.user, "an answer")
    assert store.next_to_encrypt() is None
    assert store.users_needing_bundles() == [ben.user]
    assert store.devices_needing_bundles(ben.user) == []


def test_a_primary_of_whom_the_grant_told_is_heard_also_after_another_has_followed_it(
    kitchen: Kitchen,
) -> None:
    store, ben = kitchen.store, kitchen.ben
    ben.register(device=3)
    assert store.learn_bundles(ben.user, [(ben.device, ben.bundle())], list_of(ben))
    received = store.receive(kitchen.first)
    assert isinstance(received, ReceivedMessage)
    assert received.text == "hello"
    assert store._peers.active_devices(ben.user) == [3]


def test_the_number_of_a_primary_of_whom_the_grant_told_does_not_go_with_another_key(
    kitchen: Kitchen,
) -> None:
    store, ben = kitchen.store, kitchen.ben
    with pytest.raises(UntrustedDevicesError):
        store._peers.learn_answer(kitchen.account, ben.user, [(ben.device, COMPANION.public)], None, None)


def test_a_list_of_an_earlier_registration_is_not_this_devices(ann: TestPhone) -> None:
    ann.store.devices.keep(ann.store.devices.sign([]))
    ann.store.mark_logged_out()
    ann.register(3)
    assert ann.store.devices.listed() is None
    assert ann.store.devices.is_primary()
