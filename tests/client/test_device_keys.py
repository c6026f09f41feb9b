from dataclasses import replace
from pathlib import Path

import pytest

from actors.ports import Entropy
from client.errors import NoAccountError
from client.own_prekeys import (
    FIRST_KEM_PREKEYS,
    FIRST_PREKEYS,
    PREKEYS_REPLACED_SECONDS,
    REFILL_BELOW,
    SIGNED_PREKEY_KEPT_SECONDS,
    SIGNED_PREKEY_ROTATION_SECONDS,
)
from client.records import Duplicate, MessageState, Undecryptable
from client.store import Store
from protocol.e2e import Bundle, PrekeyGoneError, PrekeyUnknownError, verify_signed_prekey
from protocol.e2e.kem import verify_kem_prekey
from protocol.ids import DeviceId, UserId
from tests.client.phones import RELAY_URL, SettableClock, TestPhone, seeded_entropy

Phones = tuple[TestPhone, TestPhone]
ENTROPY: Entropy = seeded_entropy(9)


def test_a_new_home_has_no_account(tmp_path: Path) -> None:
    with Store.open(tmp_path, ENTROPY, SettableClock()) as store:
        assert store.account() is None
        assert store.cursor() == 0
        with pytest.raises(NoAccountError):
            store.queue_text(UserId(1), "hello")
        with pytest.raises(NoAccountError):
            store.complete_registration(UserId(1), DeviceId(1))
        with pytest.raises(NoAccountError):
            store.set_relay_key(b"K" * 32)


def test_the_keys_of_a_registration_are_complete_and_signed(tmp_path: Path) -> None:
    with Store.open(tmp_path, ENTROPY, SettableClock()) as store:
        keys = store.begin_registration("+49301", RELAY_URL)
        verify_signed_prekey(keys.identity_key, keys.signed_prekey, post_quantum=True)
        verify_kem_prekey(keys.identity_key, keys.last_resort)
        assert [prekey.id for prekey in keys.prekeys] == list(range(1, FIRST_PREKEYS + 1))
        assert len({prekey.key for prekey in keys.prekeys}) == FIRST_PREKEYS


def test_an_unfinished_registration_goes_on_with_the_same_keys_after_a_restart(tmp_path: Path) -> None:
    with Store.open(tmp_path, ENTROPY, SettableClock()) as store:
        keys = store.begin_registration("+49301", RELAY_URL)
    with Store.open(tmp_path, ENTROPY, SettableClock()) as store:
        assert store.begin_registration("+49301", RELAY_URL) == keys
        assert store.account() is None
        account = store.complete_registration(UserId(7), DeviceId(3))
        assert (account.user, account.device, account.phone) == (7, 3, "+49301")
        assert account.noise_private == keys.noise_private
        assert account.identity_key == keys.identity_key


def test_a_registration_of_another_phone_gets_keys_of_its_own(tmp_path: Path) -> None:
    with Store.open(tmp_path, ENTROPY, SettableClock()) as store:
        first = store.begin_registration("+49301", RELAY_URL)
        second = store.begin_registration("+49302", RELAY_URL)
        assert first.identity_key != second.identity_key
        assert first.noise_private != second.noise_private


def test_the_account_remembers_relay_key_and_logout(phones: Phones) -> None:
    alice, _ = phones
    alice.store.set_relay_key(b"K" * 32)
    alice.store.mark_logged_out()
    alice.reopen()
    account = alice.store.account()
    assert account is not None
    assert account.relay_key == b"K" * 32
    assert account.logged_out


def test_nothing_is_uploaded_while_the_relay_has_enough(phones: Phones) -> None:
    alice, _ = phones
    assert alice.store.prekeys_to_upload(FIRST_PREKEYS, FIRST_KEM_PREKEYS) is None
    assert alice.store.prekeys_to_upload(REFILL_BELOW, FIRST_KEM_PREKEYS) is None


def test_a_refill_brings_new_ids_and_is_repeated_until_it_is_confirmed(phones: Phones) -> None:
    alice, _ = phones
    upload = alice.store.prekeys_to_upload(3, FIRST_KEM_PREKEYS)
    assert upload is not None
    assert upload.signed is None
    assert [prekey.id for prekey in upload.prekeys] == list(range(101, 198))
    alice.reopen()
    assert alice.store.prekeys_to_upload(3, FIRST_KEM_PREKEYS) == upload
    alice.store.prekeys_uploaded(upload)
    assert alice.store.prekeys_to_upload(100, FIRST_KEM_PREKEYS) is None
    later = alice.store.prekeys_to_upload(0, FIRST_KEM_PREKEYS)
    assert later is not None
    assert later.prekeys[0].id == 198


def test_the_signed_prekey_is_replaced_after_a_week(phones: Phones) -> None:
    alice, _ = phones
    alice.clock.time += SIGNED_PREKEY_ROTATION_SECONDS - 1
    assert alice.store.prekeys_to_upload(100, FIRST_KEM_PREKEYS) is None
    alice.clock.time += 1
    upload = alice.store.prekeys_to_upload(100, FIRST_KEM_PREKEYS)
    assert upload is not None
    assert upload.signed is not None
    assert upload.signed.id > alice.keys.signed_prekey.id
    verify_signed_prekey(alice.account.identity_key, upload.signed, post_quantum=True)
    assert upload.last_resort is not None
    verify_kem_prekey(alice.account.identity_key, upload.last_resort)
    assert alice.store.prekeys_to_upload(100, FIRST_KEM_PREKEYS) == upload
    alice.store.prekeys_uploaded(upload)
    assert alice.store.prekeys_to_upload(100, FIRST_KEM_PREKEYS) is None


def rotate(phone: TestPhone, seconds: float) -> None:
    phone.clock.time += seconds
    upload = phone.store.prekeys_to_upload(100, FIRST_KEM_PREKEYS)
    assert upload is not None
    phone.store.prekeys_uploaded(upload)


def test_a_first_message_for_the_signed_prekey_before_the_last_still_opens(phones: Phones) -> None:
    alice, bob = phones
    alice.knows(bob)
    send = alice.send(bob, "slow post")
    for _ in range(4):
        rotate(bob, SIGNED_PREKEY_ROTATION_SECONDS)
    assert bob.read(alice, send) == "slow post"


def test_a_signed_prekey_that_nobody_can_need_any_more_is_deleted(phones: Phones) -> None:
    alice, bob = phones
    alice.knows(bob)
    send = alice.send(bob, "very slow post")
    rotate(bob, SIGNED_PREKEY_KEPT_SECONDS)
    rotate(bob, SIGNED_PREKEY_ROTATION_SECONDS)
    received = bob.receive(alice, send)
    assert isinstance(received, Undecryptable)
    assert received.error_name == "prekey-gone"


def test_a_one_time_prekey_is_gone_once_it_has_been_used(phones: Phones) -> None:
    alice, bob = phones
    alice.knows(bob)
    send = alice.send(bob, "hello")
    bob.read(alice, send)
    # The relay has kept the message and gives it to somebody who has lost the session.
    bob.store._database.execute("DELETE FROM sessions")
    again = bob.receive(alice, send)
    assert isinstance(again, Undecryptable)
    assert again.error_name == "prekey-gone"


def test_registering_anew_keeps_the_history_and_forgets_the_rest(friends: Phones) -> None:
    alice, bob = friends
    bob.read(alice, alice.send(bob, "before"))
    alice.store.mark_accepted(bob.user, alice.store.unresolved_sends()[0].number)
    pending = alice.send(bob, "not yet accepted")
    old = alice.account
    alice.register(device=2)
    assert alice.account.device == 2
    assert alice.account.identity_key != old.identity_key
    assert alice.store.cursor() == 0
    assert alice.texts() == ["before", "not yet accepted"]
    assert alice.store.unresolved_sends() == []
    assert alice.store.users_needing_bundles() == [bob.user]
    entry = alice.store.entry(pending.message_id)
    assert entry is not None
    assert entry.state is MessageState.PENDING


def test_what_was_pending_goes_out_from_the_new_device_and_is_shown_once(friends: Phones) -> None:
    alice, bob = friends
    lost_tick = alice.send(bob, "accepted, but the tick was lost")
    bob.read(alice, lost_tick)
    alice.register(device=2)
    alice.knows(bob)
    queued = alice.store.next_to_encrypt()
    assert queued is not None
    again = alice.store.encrypt(queued.message_id)
    assert (again.message_id, again.number) == (lost_tick.message_id, 1)
    bob.receive(alice, again)
    assert bob.texts().count("accepted, but the tick was lost") == 1


def test_a_number_never_given_is_told_from_a_prekey_that_is_used_up(phones: Phones) -> None:
    alice, _ = phones
    alice.store._keys.use_up(7, None)
    with pytest.raises(PrekeyGoneError) as used_up:
        alice.store._keys.find_prekeys(1, 7, None)
    assert not isinstance(used_up.value, PrekeyUnknownError)
    with pytest.raises(PrekeyUnknownError):
        alice.store._keys.find_prekeys(1, 101, None)


def test_all_prekeys_are_replaced_once_an_hour_at_most(phones: Phones) -> None:
    alice, _ = phones
    alice.store._keys.replace_prekeys()
    assert alice.store.prekeys_to_upload(100, FIRST_KEM_PREKEYS) is None
    alice.clock.time += PREKEYS_REPLACED_SECONDS
    alice.store._keys.replace_prekeys()
    alice.store._keys.replace_prekeys()
    upload = alice.store.prekeys_to_upload(100, FIRST_KEM_PREKEYS)
    assert upload is not None
    assert upload.signed is not None
    assert (upload.signed.id, [prekey.id for prekey in upload.prekeys]) == (2, list(range(101, 201)))
    assert upload.last_resort is not None
    assert len(upload.kem_prekeys) == FIRST_KEM_PREKEYS


def last_resort(phone: TestPhone) -> Bundle:
    """What the relay gives out when the one-time prekeys are used up."""
    return replace(phone.bundle(), prekey=None)


def test_without_one_time_prekeys_the_signed_one_is_enough(phones: Phones) -> None:
    alice, bob = phones
    alice.store.learn_phone(bob.phone, bob.user)
    alice.store.learn_bundles(bob.user, [(bob.device, last_resort(bob))])
    assert bob.read(alice, alice.send(bob, "hello")) == "hello"
    assert alice.read(bob, bob.send(alice, "an answer")) == "an answer"


def test_a_first_message_without_one_time_prekey_that_is_played_again_is_shown_once(phones: Phones) -> None:
    alice, bob = phones
    alice.store.learn_phone(bob.phone, bob.user)
    alice.store.learn_bundles(bob.user, [(bob.device, last_resort(bob))])
    first = alice.send(bob, "hello")
    bob.read(alice, first)
    bob.store._database.execute("DELETE FROM sessions")
    assert isinstance(bob.receive(alice, first), Duplicate)
    assert bob.texts() == ["hello"]


def test_no_repr_shows_a_private_key(phones: Phones) -> None:
    alice, _ = phones
    shown = repr(alice.account) + repr(alice.keys)
    assert repr(alice.account.noise_private)[2:-1] not in shown
