"""KEM prekeys: made, uploaded, used up, rotated and deleted; and old homes that get their first ones."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from client.own_prekeys import (
    FIRST_KEM_PREKEYS,
    REFILL_KEM_BELOW,
    SIGNED_PREKEY_KEPT_SECONDS,
    SIGNED_PREKEY_ROTATION_SECONDS,
)
from client.records import PrekeyUpload, Undecryptable
from client.store import STORE_FILE_NAME, Store
from protocol.e2e import Bundle, PrekeyGoneError, PrekeyUnknownError
from protocol.e2e.message import PrekeyMessage, decode
from tests.client.phones import SettableClock, TestPhone, seeded_entropy

Phones = tuple[TestPhone, TestPhone]


def uploaded(phone: TestPhone, left: int = 100, kem_left: int | None = FIRST_KEM_PREKEYS) -> PrekeyUpload:
    upload = phone.store.prekeys_to_upload(left, kem_left)
    assert upload is not None
    phone.store.prekeys_uploaded(upload)
    return upload


def test_a_bundle_of_a_new_phone_is_one_of_pqxdh(phones: Phones) -> None:
    alice, bob = phones
    bob.bundle().verify()
    alice.knows(bob)
    send = alice.send(bob, "hello")
    first = decode(send.parts[0].ciphertext)
    assert isinstance(first, PrekeyMessage)
    assert first.kem is not None
    assert bob.read(alice, send) == "hello"


def test_one_time_kem_prekeys_are_filled_up_below_a_quarter(phones: Phones) -> None:
    alice, _ = phones
    first = uploaded(alice, kem_left=0)
    assert len(first.kem_prekeys) == FIRST_KEM_PREKEYS
    assert (first.signed, first.last_resort) == (None, None)
    assert alice.store.prekeys_to_upload(100, REFILL_KEM_BELOW) is None
    more = uploaded(alice, kem_left=REFILL_KEM_BELOW - 1)
    assert len(more.kem_prekeys) == FIRST_KEM_PREKEYS - REFILL_KEM_BELOW + 1
    assert more.kem_prekeys[0].id > first.kem_prekeys[-1].id


def test_an_upload_is_repeated_until_it_is_confirmed(phones: Phones) -> None:
    alice, _ = phones
    upload = alice.store.prekeys_to_upload(100, 0)
    alice.reopen()
    assert alice.store.prekeys_to_upload(100, 0) == upload


def test_a_one_time_kem_prekey_is_gone_once_it_has_been_used_and_a_last_resort_stays(phones: Phones) -> None:
    alice, bob = phones
    one_time = uploaded(bob, kem_left=0).kem_prekeys[0]
    alice.store.learn_phone(bob.phone, bob.user)
    bundle = replace(bob.bundle(), kem_prekey=one_time)
    alice.store.learn_bundles(bob.user, [(bob.device, bundle)])
    assert bob.read(alice, alice.send(bob, "hello")) == "hello"
    with pytest.raises(PrekeyGoneError):
        bob.store._keys.find_prekeys(1, None, one_time.id)
    bob.store._keys.use_up(None, bob.keys.last_resort.id)
    assert bob.store._keys.find_prekeys(1, None, bob.keys.last_resort.id).kem is not None


def test_a_kem_prekey_that_was_never_made_is_told_from_one_that_is_gone(phones: Phones) -> None:
    alice, _ = phones
    with pytest.raises(PrekeyUnknownError):
        alice.store._keys.find_prekeys(1, None, 1_000)


def test_signed_prekey_and_last_resort_rotate_together_and_old_ones_still_open(phones: Phones) -> None:
    alice, bob = phones
    alice.knows(bob)
    send = alice.send(bob, "slow post")
    for _ in range(4):
        bob.clock.time += SIGNED_PREKEY_ROTATION_SECONDS
        upload = uploaded(bob)
        assert upload.signed is not None
        assert upload.last_resort is not None
        bundle = Bundle(bob.account.identity_key, upload.signed, None, upload.last_resort)
        bundle.verify()
    assert bob.read(alice, send) == "slow post"


def test_a_last_resort_that_nobody_can_need_any_more_is_deleted(phones: Phones) -> None:
    alice, bob = phones
    alice.knows(bob)
    send = alice.send(bob, "very slow post")
    for seconds in (SIGNED_PREKEY_KEPT_SECONDS, SIGNED_PREKEY_ROTATION_SECONDS):
        bob.clock.time += seconds
        uploaded(bob)
    received = bob.receive(alice, send)
    assert isinstance(received, Undecryptable)
    with pytest.raises(PrekeyGoneError):
        bob.store._keys.find_prekeys(3, None, bob.keys.last_resort.id)


def test_to_a_relay_without_kem_prekeys_nothing_is_rotated_that_would_need_one(phones: Phones) -> None:
    alice, _ = phones
    alice.clock.time += SIGNED_PREKEY_ROTATION_SECONDS
    assert alice.store.prekeys_to_upload(100, None) is None
    assert uploaded(alice, left=0, kem_left=None).prekeys
    assert uploaded(alice).last_resort is not None


def test_a_first_message_by_x3dh_with_a_prekey_for_pqxdh_is_refused(phones: Phones) -> None:
    alice, bob = phones
    alice.knows(bob)
    first = decode(alice.send(bob, "hello").parts[0].ciphertext)
    assert isinstance(first, PrekeyMessage)
    alice.store.queue_text(bob.user, "more")
    send = alice.send(bob, "more")
    stripped = replace(send, parts=(replace(send.parts[0], ciphertext=replace(first, kem=None).encode()),))
    received = bob.receive(alice, stripped)
    assert isinstance(received, Undecryptable)
    assert received.error_name == "downgraded-message"


# ---- homes of before there was PQXDH ----


def old_home(home: Path) -> None:
    script = (Path(__file__).parent / "stores" / "version_7.sql").read_text(encoding="utf-8")
    connection = sqlite3.connect(home / STORE_FILE_NAME)
    connection.executescript(script)
    connection.close()


def test_an_old_home_upgrades_itself_as_soon_as_the_relay_keeps_kem_prekeys(tmp_path: Path) -> None:
    old_home(tmp_path)
    with Store.open(tmp_path, seeded_entropy(5), SettableClock(0.0)) as store:
        assert store.prekeys_to_upload(100, None) is None
        upload = store.prekeys_to_upload(100, 0)
        assert upload is not None
        assert upload.signed is not None
        assert len(upload.kem_prekeys) == FIRST_KEM_PREKEYS
        account = store.account()
        assert account is not None
        Bundle(account.identity_key, upload.signed, None, upload.last_resort).verify()
        store.prekeys_uploaded(upload)
        assert store.prekeys_to_upload(100, FIRST_KEM_PREKEYS) is None


def test_an_old_home_still_opens_what_was_made_for_its_old_prekeys(tmp_path: Path) -> None:
    old_home(tmp_path)
    with Store.open(tmp_path, seeded_entropy(5), SettableClock(0.0)) as store:
        upload = store.prekeys_to_upload(100, 0)
        assert upload is not None
        assert upload.signed is not None
        assert not store._keys.find_prekeys(1, None, None).is_post_quantum
        assert store._keys.find_prekeys(upload.signed.id, None, None).is_post_quantum


def test_a_registration_that_an_earlier_version_has_begun_is_finished_with_pqxdh(tmp_path: Path) -> None:
    old_home(tmp_path)
    connection = sqlite3.connect(tmp_path / STORE_FILE_NAME)
    connection.execute("UPDATE own_devices SET user = NULL, device = NULL")
    connection.commit()
    (phone, url) = connection.execute("SELECT phone, relay_url FROM own_devices").fetchone()
    connection.close()
    with Store.open(tmp_path, seeded_entropy(5), SettableClock(0.0)) as store:
        keys = store.begin_registration(phone, url)
        Bundle(keys.identity_key, keys.signed_prekey, None, keys.last_resort).verify()
