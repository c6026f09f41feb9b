"""Comparing codes: what is good, what is not, and what a change holds back until the person has decided."""

from pathlib import Path

import pytest

from client.errors import CodeChangedError, CodeMismatchError, CodeUnknownError, ScanCodeError
from client.records import EntryKind, MessageState
from client.verifications import CODE_CHANGED, Trust
from protocol.e2e.safety_number import grouped
from tests.client.phones import TestPhone

Phones = tuple[TestPhone, TestPhone]


def reregister(bob: TestPhone, alice: TestPhone) -> None:
    """Bob has a new phone, and Alice's phone learns of it."""
    bob.register(device=2)
    alice.store.learn_bundles(bob.user, [(bob.device, bob.bundle())])


def test_both_sides_show_the_same_digits_and_each_others_scan_is_good(friends: Phones) -> None:
    alice, bob = friends
    ours, theirs = alice.store.verifications.code(bob.user), bob.store.verifications.code(alice.user)
    assert ours.digits == theirs.digits == alice.store.safety_number(bob.user)
    assert (ours.trust, ours.verified_at) == (Trust.UNVERIFIED, None)
    alice.store.verifications.compare(bob.user, theirs.scan)
    bob.store.verifications.compare(alice.user, grouped(ours.digits))
    for phone, other in ((alice, bob), (bob, alice)):
        phone.reopen()
        code = phone.store.verifications.code(other.user)
        assert (code.trust, code.verified_at) == (Trust.VERIFIED, phone.clock.time)


def test_another_code_is_a_mismatch_and_verifies_nothing(friends: Phones) -> None:
    alice, bob = friends
    digits = alice.store.verifications.code(bob.user).digits
    other = ("1" if digits[0] == "0" else "0") + digits[1:]
    with pytest.raises(CodeMismatchError):
        alice.store.verifications.compare(bob.user, other)
    bob.store.verifications.confirm(alice.user)
    stale = bob.store.verifications.code(alice.user).scan
    reregister(bob, alice)
    with pytest.raises(CodeMismatchError):
        alice.store.verifications.compare(bob.user, stale)
    assert alice.store.verifications.trust(bob.user) is Trust.UNVERIFIED


@pytest.mark.parametrize("text", ["", "hello", "12345", "roost-verify:", "0" * 61])
def test_what_is_no_code_is_called_that(friends: Phones, text: str) -> None:
    alice, bob = friends
    with pytest.raises(ScanCodeError):
        alice.store.verifications.compare(bob.user, text)


def test_ones_own_code_is_not_taken_for_the_others(friends: Phones) -> None:
    alice, bob = friends
    with pytest.raises(ScanCodeError, match="somebody else"):
        alice.store.verifications.compare(bob.user, alice.store.verifications.code(bob.user).scan)


def test_there_is_no_code_with_somebody_whose_keys_are_not_known(phones: Phones) -> None:
    alice, bob = phones
    for act in (alice.store.verifications.code, alice.store.verifications.confirm):
        with pytest.raises(CodeUnknownError):
            act(bob.user)


def test_a_change_for_somebody_not_verified_is_told_and_holds_nothing_back(friends: Phones) -> None:
    alice, bob = friends
    reregister(bob, alice)
    assert [entry.kind for entry in alice.store.history()] == [EntryKind.SECURITY_CODE_CHANGED]
    assert bob.read(alice, alice.send(bob, "new phone?")) == "new phone?"


def test_after_a_change_nothing_new_is_taken_in_until_it_is_confirmed(friends: Phones) -> None:
    alice, bob = friends
    alice.store.verifications.confirm(bob.user)
    reregister(bob, alice)
    assert alice.store.verifications.trust(bob.user) is Trust.CHANGED
    for _ in range(2):
        with pytest.raises(CodeChangedError):
            alice.store.queue_text(bob.user, "secret")
        alice.reopen()
    alice.store.verifications.confirm(bob.user)
    assert alice.store.verifications.trust(bob.user) is Trust.VERIFIED
    assert bob.read(alice, alice.send(bob, "secret")) == "secret"


@pytest.mark.parametrize("decision", ["confirm", "reset"])
def test_what_was_queued_before_the_change_waits_visibly_and_then_goes_out(
    friends: Phones, decision: str
) -> None:
    alice, bob = friends
    alice.store.verifications.confirm(bob.user)
    message_id = alice.store.queue_text(bob.user, "on its way")
    reregister(bob, alice)
    waiting = alice.store.entry(message_id)
    assert waiting is not None
    assert (waiting.state, waiting.error_name) == (MessageState.PENDING, CODE_CHANGED)
    assert alice.store.next_to_encrypt() is None
    assert alice.store.users_needing_bundles() == []  # nor is the relay asked again and again
    getattr(alice.store.verifications, decision)(bob.user)
    queued = alice.store.next_to_encrypt()
    assert queued is not None
    assert bob.read(alice, alice.store.encrypt(queued.message_id)) == "on its way"
    sent = alice.store.entry(message_id)
    assert sent is not None
    assert sent.error_name is None


def test_what_was_encrypted_for_the_old_phone_waits_as_well(friends: Phones) -> None:
    alice, bob = friends
    alice.store.verifications.confirm(bob.user)
    send = alice.send(bob, "for the old phone")
    alice.store.encrypt_again_from(bob.user, send.number)
    reregister(bob, alice)
    waiting = alice.store.entry(send.message_id)
    assert waiting is not None
    assert waiting.error_name == CODE_CHANGED
    assert alice.store.next_to_encrypt() is None


def test_a_change_that_a_message_brings_holds_back_as_well(friends: Phones) -> None:
    alice, bob = friends
    alice.store.verifications.confirm(bob.user)
    message_id = alice.store.queue_text(bob.user, "an answer to come")
    bob.register(device=2)
    bob.knows(alice)
    assert alice.read(bob, bob.send(alice, "it is me")) == "it is me"
    waiting = alice.store.entry(message_id)
    assert waiting is not None
    assert waiting.error_name == CODE_CHANGED
    assert alice.store.next_to_encrypt() is None


def test_a_reset_ends_it(friends: Phones) -> None:
    alice, bob = friends
    alice.store.verifications.confirm(bob.user)
    alice.store.verifications.reset(bob.user)
    assert alice.store.verifications.trust(bob.user) is Trust.UNVERIFIED
    alice.store.queue_text(bob.user, "hello")


def test_a_number_that_is_somebody_elses_now_is_told_and_holds_back_what_was_meant_for_whom_was_compared(
    friends: Phones, tmp_path: Path
) -> None:
    alice, bob = friends
    alice.store.verifications.confirm(bob.user)
    other = TestPhone(tmp_path / "other", 0x07E4, bob.phone)
    alice.store.meet(bob.phone, other.user)
    assert [entry.kind for entry in alice.store.history(bob.phone)] == [EntryKind.SECURITY_CODE_CHANGED]
    alice.store.learn_bundles(other.user, [(other.device, other.bundle())])
    assert alice.store.verifications.trust(other.user) is Trust.CHANGED
    with pytest.raises(CodeChangedError):
        alice.store.compose.text(bob.phone, "to whom?")
    assert alice.store.verifications.trust(bob.user) is Trust.VERIFIED
    other.store.close()
