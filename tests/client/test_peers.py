from dataclasses import replace
from pathlib import Path

import pytest

from client.peer_devices import Believed
from client.records import EntryKind, ReceivedMessage
from protocol.device_list import ListedDevice
from protocol.e2e import UntrustedIdentityError
from protocol.ids import DeviceId, UserId
from tests.client.household import Household
from tests.client.phones import TestPhone, list_of

Phones = tuple[TestPhone, TestPhone]


def test_a_phone_number_leads_to_its_user_and_back(phones: Phones) -> None:
    alice, bob = phones
    assert alice.store.user_of(bob.phone) is None
    alice.store.learn_phone(bob.phone, bob.user)
    assert alice.store.user_of(bob.phone) == bob.user
    assert alice.store.phone_of(bob.user) == bob.phone


def test_a_number_that_changes_hands_belongs_to_the_new_owner_only(phones: Phones) -> None:
    alice, bob = phones
    alice.store.learn_phone(bob.phone, bob.user)
    alice.store.learn_phone(bob.phone, UserId(77))
    assert alice.store.user_of(bob.phone) == 77
    assert alice.store.phone_of(bob.user) is None


def test_who_writes_first_is_known_by_the_relays_word(friends: Phones) -> None:
    alice, bob = friends
    bob.read(alice, alice.send(bob, "hello"))
    assert bob.store.phone_of(alice.user) == alice.phone


def test_both_see_the_same_safety_number(friends: Phones) -> None:
    alice, bob = friends
    number = alice.store.safety_number(bob.user)
    assert number == bob.store.safety_number(alice.user)
    assert number is not None
    assert len(number) == 60


def test_there_is_no_safety_number_with_strangers(phones: Phones) -> None:
    alice, bob = phones
    assert alice.store.safety_number(bob.user) is None


def test_the_first_device_of_a_user_is_no_change_of_the_security_code(phones: Phones) -> None:
    alice, bob = phones
    assert not alice.store.learn_bundles(bob.user, [(bob.device, bob.bundle())])
    assert alice.store.history() == []


def test_a_new_device_in_the_bundles_changes_the_security_code_visibly(friends: Phones) -> None:
    alice, bob = friends
    before = alice.store.safety_number(bob.user)
    bob.register(device=2)
    assert alice.store.learn_bundles(bob.user, [(bob.device, bob.bundle())])
    assert [entry.kind for entry in alice.store.history(bob.user)] == [EntryKind.SECURITY_CODE_CHANGED]
    assert alice.store.safety_number(bob.user) != before


def test_a_new_device_that_writes_changes_the_security_code_visibly(friends: Phones) -> None:
    alice, bob = friends
    bob.register(device=2)
    bob.knows(alice)
    received = alice.receive(bob, bob.send(alice, "new phone"))
    assert isinstance(received, ReceivedMessage)
    assert received.security_code_changed
    kinds = [entry.kind for entry in alice.store.history(bob.user)]
    assert kinds == [EntryKind.SECURITY_CODE_CHANGED, EntryKind.TEXT]


def test_after_a_new_device_wrote_the_answer_goes_to_it_alone(friends: Phones) -> None:
    alice, bob = friends
    bob.register(device=2)
    bob.knows(alice)
    alice.read(bob, bob.send(alice, "new phone"))
    send = alice.send(bob, "nice")
    assert [part.device for part in send.parts] == [2]
    assert bob.read(alice, send) == "nice"


def test_a_straggler_from_an_old_device_is_read_but_not_answered_there(friends: Phones) -> None:
    alice, bob = friends
    straggler, old = bob.send(alice, "from the old phone"), bob.account
    bob.store.mark_accepted(alice.user, straggler.number)
    bob.register(device=2)
    bob.knows(alice)
    alice.read(bob, bob.send(alice, "from the new phone"))
    late = replace(alice.delivery(bob, straggler), sender=old.address)
    received = alice.store.receive(late)
    assert isinstance(received, ReceivedMessage)
    assert received.text == "from the old phone"
    assert [part.device for part in alice.send(bob, "answer").parts] == [2]


def test_another_key_for_a_known_device_is_refused_and_changes_nothing(friends: Phones) -> None:
    alice, bob = friends
    before = alice.store.safety_number(bob.user)
    bob.store.close()
    (bob.home / "phone.sqlite").unlink()
    impostor = TestPhone(bob.home / "impostor", bob.user + 1, bob.phone)
    with pytest.raises(UntrustedIdentityError):
        alice.store.learn_bundles(bob.user, [(DeviceId(1), impostor.bundle())])
    assert alice.store.safety_number(bob.user) == before
    assert alice.store.history() == []
    impostor.store.close()


def test_a_bundle_list_makes_exactly_its_devices_active(friends: Phones) -> None:
    alice, bob = friends
    other = TestPhone(bob.home / "companion", bob.user, bob.phone, device=2)
    bundles = [(bob.device, bob.bundle()), (other.device, other.bundle())]
    alice.store.learn_bundles(bob.user, bundles, list_of(bob, other))
    assert [part.device for part in alice.send(bob, "to both").parts] == [1, 2]
    alice.store.learn_bundles(bob.user, [(bob.device, bob.bundle())], list_of(bob, number=2))
    assert [part.device for part in alice.send(bob, "to one").parts] == [1]
    other.store.close()


def test_a_companions_key_is_no_primarys_and_a_former_primarys_is(tmp_path: Path) -> None:
    home = Household(tmp_path)
    home.bob.store.queue_text(home.alice.user, "hello")
    home.alice.store.queue_text(home.bob.user, "hello")
    home.run()
    peers, old = home.alice.store._peers, home.bob.keys.identity_key
    assert home.pad.device in peers.active_devices(home.bob.user)
    assert peers.was_primary_key(home.bob.user, old)
    assert not peers.was_primary_key(home.bob.user, home.pad.keys.identity_key)
    new = ListedDevice(DeviceId(9), b"n" * 32)
    with home.alice.store._database.transaction():
        peers._believe(
            home.alice.account, home.bob.user, Believed(new, 0, (new,), is_new_identity=True), None, []
        )
    assert peers.was_primary_key(home.bob.user, old)
    assert peers.was_primary_key(home.bob.user, new.identity_key)
    home.close()


def test_a_companion_that_was_taken_for_a_primary_is_none_once_the_list_is_seen(tmp_path: Path) -> None:
    home = Household(tmp_path)
    peers, user = home.alice.store._peers, home.bob.user
    pad = ListedDevice(home.pad.device, home.pad.keys.identity_key)
    with home.alice.store._database.transaction():
        peers._believe(home.alice.account, user, Believed(pad, 0, (pad,), is_new_identity=False), None, [])
        assert home.signed is not None
        peers.keep_list(home.alice.account, user, home.signed)
    assert not peers.was_primary_key(user, pad.identity_key)
    home.close()


def test_a_primary_of_whom_the_own_primary_has_told_is_remembered_when_another_follows(
    friends: Phones,
) -> None:
    alice, bob = friends
    peers, new = alice.store._peers, ListedDevice(DeviceId(9), b"n" * 32)
    alice.store._database.execute(
        "INSERT OR REPLACE INTO device_lists VALUES (?, 1, ?, 0, NULL, NULL, 0)",
        bob.user,
        bob.keys.identity_key,
    )
    alice.store._database.execute("DELETE FROM primary_keys")
    with alice.store._database.transaction():
        peers._believe(alice.account, bob.user, Believed(new, 0, (new,), is_new_identity=True), None, [])
    assert peers.was_primary_key(bob.user, bob.keys.identity_key)
