"""The Double Ratchet alone: skipped, reordered, duplicated, forged; and that it works again after each."""

import dataclasses

import pytest

from protocol.e2e import BadCiphertextError, DuplicateMessageError, TooManySkippedError
from protocol.e2e.message import RatchetMessage
from protocol.e2e.ratchet import MAX_SKIPPED_KEYS, Ratchet
from tests.protocol.e2e.pair import seeded_entropy, strangers

AD = b"associated data of a fixed length"


def pair() -> tuple[Ratchet, Ratchet]:
    """Two ratchets after the first message."""
    bob = strangers()[1]
    secret = bytes(range(32))
    alice_ratchet = Ratchet.as_initiator(secret, bob.signed_prekey.public, seeded_entropy(1))
    first = alice_ratchet.encrypt(b"first", AD)
    bob_ratchet, plaintext = Ratchet.as_responder(
        secret, bob.signed_prekey.private, first, AD, seeded_entropy(2)
    )
    assert plaintext == b"first"
    return alice_ratchet, bob_ratchet


def assert_it_works(alice: Ratchet, bob: Ratchet) -> None:
    """Both directions, with a step of the Diffie-Hellman ratchet each."""
    for _ in range(2):
        assert bob.decrypt(alice.encrypt(b"to bob", AD), AD) == b"to bob"
        assert alice.decrypt(bob.encrypt(b"to alice", AD), AD) == b"to alice"


def test_a_conversation_goes_back_and_forth() -> None:
    assert_it_works(*pair())


def test_each_round_trip_brings_a_new_ratchet_key() -> None:
    alice, bob = pair()
    seen = []
    for _ in range(3):
        message = alice.encrypt(b"ping", AD)
        bob.decrypt(message, AD)
        alice.decrypt(bob.encrypt(b"pong", AD), AD)
        seen.append(message.ratchet_key)
    assert len(dict.fromkeys(seen)) == 3


def test_the_ratchet_keys_come_from_the_injected_entropy() -> None:
    first, second = pair(), pair()
    for alice, bob in (first, second):
        alice.decrypt(bob.encrypt(b"pong", AD), AD)
    assert first[0].encrypt(b"same", AD) == second[0].encrypt(b"same", AD)


def test_messages_may_arrive_in_any_order() -> None:
    alice, bob = pair()
    messages = [alice.encrypt(bytes([n]), AD) for n in range(6)]
    for place in (4, 0, 5, 2, 1, 3):
        assert bob.decrypt(messages[place], AD) == bytes([place])
    assert_it_works(alice, bob)


def test_a_message_from_before_a_dh_step_can_still_be_opened() -> None:
    alice, bob = pair()
    late = alice.encrypt(b"late", AD)
    bob.decrypt(alice.encrypt(b"in time", AD), AD)
    alice.decrypt(bob.encrypt(b"answer", AD), AD)
    bob.decrypt(alice.encrypt(b"next chain", AD), AD)
    assert bob.decrypt(late, AD) == b"late"
    assert_it_works(alice, bob)


def test_messages_skipped_at_the_end_of_a_chain_can_still_be_opened() -> None:
    alice, bob = pair()
    late = [alice.encrypt(bytes([n]), AD) for n in range(3)]
    alice.decrypt(bob.encrypt(b"answer", AD), AD)
    bob.decrypt(alice.encrypt(b"next chain", AD), AD)
    assert [bob.decrypt(message, AD) for message in reversed(late)] == [b"\x02", b"\x01", b"\x00"]


def test_a_duplicate_is_called_one_and_changes_nothing() -> None:
    alice, bob = pair()
    message = alice.encrypt(b"once", AD)
    bob.decrypt(message, AD)
    for _ in range(2):
        with pytest.raises(DuplicateMessageError):
            bob.decrypt(message, AD)
    assert_it_works(alice, bob)


def test_a_duplicate_of_a_skipped_message_is_called_one() -> None:
    alice, bob = pair()
    skipped = alice.encrypt(b"skipped", AD)
    bob.decrypt(alice.encrypt(b"later", AD), AD)
    bob.decrypt(skipped, AD)
    with pytest.raises(DuplicateMessageError):
        bob.decrypt(skipped, AD)
    assert_it_works(alice, bob)


def test_a_duplicate_from_before_a_dh_step_does_not_open_again() -> None:
    alice, bob = pair()
    message = alice.encrypt(b"once", AD)
    bob.decrypt(message, AD)
    alice.decrypt(bob.encrypt(b"answer", AD), AD)
    bob.decrypt(alice.encrypt(b"next chain", AD), AD)
    # Its chain is forgotten, so it cannot be told from a forgery any more.
    with pytest.raises(BadCiphertextError):
        bob.decrypt(message, AD)
    assert_it_works(alice, bob)


def test_as_many_messages_may_be_skipped_as_the_limit_says() -> None:
    alice, bob = pair()
    first = alice.encrypt(b"first", AD)
    for _ in range(MAX_SKIPPED_KEYS - 1):
        alice.encrypt(b"lost", AD)
    assert bob.decrypt(alice.encrypt(b"after the gap", AD), AD) == b"after the gap"
    assert bob.decrypt(first, AD) == b"first"
    assert_it_works(alice, bob)


def test_one_more_than_the_limit_is_refused_until_a_dh_step_recovers() -> None:
    alice, bob = pair()
    for _ in range(MAX_SKIPPED_KEYS + 1):
        alice.encrypt(b"lost", AD)
    with pytest.raises(TooManySkippedError):
        bob.decrypt(alice.encrypt(b"too far", AD), AD)
    # Bob's next word makes Alice begin a new chain, and that one he can follow.
    alice.decrypt(bob.encrypt(b"are you there?", AD), AD)
    assert_it_works(alice, bob)


def test_the_oldest_skipped_keys_give_way_to_new_ones() -> None:
    alice, bob = pair()
    oldest = alice.encrypt(b"oldest", AD)
    for _ in range(MAX_SKIPPED_KEYS - 1):
        alice.encrypt(b"lost", AD)
    bob.decrypt(alice.encrypt(b"after the gap", AD), AD)
    newest = alice.encrypt(b"newest", AD)
    bob.decrypt(alice.encrypt(b"after one more", AD), AD)
    with pytest.raises(DuplicateMessageError):
        bob.decrypt(oldest, AD)
    assert bob.decrypt(newest, AD) == b"newest"
    assert len(bob.model.skipped_message_keys) == MAX_SKIPPED_KEYS - 1


def forgeries(message: RatchetMessage) -> list[RatchetMessage]:
    damaged = bytes([message.sealed[0] ^ 1]) + message.sealed[1:]
    return [
        dataclasses.replace(message, sealed=damaged),
        dataclasses.replace(message, n=message.n + 1),
        dataclasses.replace(message, pn=message.pn + 1),
        dataclasses.replace(message, ratchet_key=b"\x09" + bytes(31)),
        dataclasses.replace(message, ratchet_key=bytes(32)),
        dataclasses.replace(message, ratchet_key=b"\xff" * 32),
    ]


@pytest.mark.parametrize("kind", range(6))
def test_a_forgery_does_not_open_and_changes_nothing(kind: int) -> None:
    alice, bob = pair()
    assert_it_works(alice, bob)
    message = alice.encrypt(b"genuine", AD)
    before = bob.model
    with pytest.raises(BadCiphertextError):
        bob.decrypt(forgeries(message)[kind], AD)
    assert bob.model == before
    assert bob.decrypt(message, AD) == b"genuine"
    assert_it_works(alice, bob)


def test_a_forgery_that_claims_a_long_chain_before_is_refused_without_a_warning() -> None:
    alice, bob = pair()
    forged = RatchetMessage(b"\x09" + bytes(31), 0, 2**32 - 1, bytes(20))
    with pytest.raises(BadCiphertextError):
        bob.decrypt(forged, AD)
    assert_it_works(alice, bob)


def test_a_message_to_a_chain_that_does_not_exist_is_refused() -> None:
    bob = strangers()[1]
    unanswered = Ratchet.as_initiator(bytes(32), bob.signed_prekey.public, seeded_entropy(1))
    with pytest.raises(BadCiphertextError):
        unanswered.decrypt(RatchetMessage(bob.signed_prekey.public, 0, 0, bytes(20)), AD)


def test_other_associated_data_does_not_open() -> None:
    alice, bob = pair()
    message = alice.encrypt(b"genuine", AD)
    with pytest.raises(BadCiphertextError):
        bob.decrypt(message, AD[:-1] + b"H")
    assert bob.decrypt(message, AD) == b"genuine"


def test_the_first_message_with_another_secret_does_not_open() -> None:
    bob = strangers()[1]
    alice_ratchet = Ratchet.as_initiator(bytes(32), bob.signed_prekey.public, seeded_entropy(1))
    first = alice_ratchet.encrypt(b"first", AD)
    with pytest.raises(BadCiphertextError):
        Ratchet.as_responder(b"x" * 32, bob.signed_prekey.private, first, AD, seeded_entropy(2))
    too_far = dataclasses.replace(first, n=MAX_SKIPPED_KEYS + 1)
    with pytest.raises(TooManySkippedError):
        Ratchet.as_responder(bytes(32), bob.signed_prekey.private, too_far, AD, seeded_entropy(2))


def test_the_repr_shows_nothing() -> None:
    assert repr(pair()[0]) == "<Ratchet>"
