"""CipherState: nonces count authentic messages only, the last one is never used, and rest loses nothing."""

import pytest

from protocol.errors import DecryptionError, NoiseStateError, NonceExhaustedError
from protocol.noise.cipher_state import KEEP_FROM_NONCE, MAX_NONCE, CipherState
from protocol.noise.primitives import CIPHERS

KEY = bytes(range(32))


def pair() -> tuple[CipherState, CipherState]:
    return CipherState(CIPHERS["AESGCM"], KEY), CipherState(CIPHERS["AESGCM"], KEY)


def test_what_one_encrypts_the_other_decrypts_in_order() -> None:
    sender, receiver = pair()
    for text in (b"", b"one", b"two"):
        assert receiver.decrypt(sender.encrypt(text, b"ad"), b"ad") == text
    assert sender.nonce == receiver.nonce == 3


def test_without_a_key_plaintext_passes_through() -> None:
    empty = CipherState(CIPHERS["AESGCM"])
    assert not empty.has_key
    assert empty.decrypt(empty.encrypt(b"clear")) == b"clear"
    with pytest.raises(NoiseStateError):
        empty.rekey()


def test_a_message_that_is_not_authentic_does_not_count() -> None:
    sender, receiver = pair()
    good = sender.encrypt(b"text")
    for bad in (b"", good[:15], good[:-1], good + b"\0", bytes(len(good))):
        with pytest.raises(DecryptionError):
            receiver.decrypt(bad)
    with pytest.raises(DecryptionError):
        receiver.decrypt(good, b"other associated data")
    assert receiver.decrypt(good) == b"text"


def test_replayed_and_reordered_messages_do_not_decrypt() -> None:
    sender, receiver = pair()
    first, second = sender.encrypt(b"1"), sender.encrypt(b"2")
    with pytest.raises(DecryptionError):
        receiver.decrypt(second)
    receiver.decrypt(first)
    with pytest.raises(DecryptionError):
        receiver.decrypt(first)
    assert receiver.decrypt(second) == b"2"


def test_the_last_nonce_is_reserved() -> None:
    sender, receiver = pair()
    sender.set_nonce(MAX_NONCE - 1)
    receiver.set_nonce(MAX_NONCE - 1)
    assert receiver.decrypt(sender.encrypt(b"last")) == b"last"
    with pytest.raises(NonceExhaustedError):
        sender.encrypt(b"one too many")
    with pytest.raises(NonceExhaustedError):
        receiver.decrypt(bytes(16))


def test_rekey_changes_the_key_of_both_and_keeps_the_nonce() -> None:
    sender, receiver = pair()
    receiver.decrypt(sender.encrypt(b"before"))
    sender.rekey()
    message = sender.encrypt(b"after")
    with pytest.raises(DecryptionError):
        receiver.decrypt(message)
    receiver.rekey()
    assert receiver.decrypt(message) == b"after"
    assert receiver.nonce == 2


def test_a_greeting_keeps_no_cipher_object_and_a_conversation_keeps_one() -> None:
    sender, receiver = pair()
    for _ in range(KEEP_FROM_NONCE):
        receiver.decrypt(sender.encrypt(b"greeting"))
        assert sender._aead is None
        assert receiver._aead is None
    receiver.decrypt(sender.encrypt(b"more"))
    assert sender._aead is not None
    assert receiver._aead is not None


def test_what_was_peeked_at_is_still_the_next_message_until_it_is_skipped() -> None:
    sender, receiver = pair()
    first, second = sender.encrypt(b"first"), sender.encrypt(b"second")
    assert receiver.peek(first) == receiver.peek(first) == b"first"
    assert receiver.nonce == 0
    receiver.skip()
    assert receiver.decrypt(second) == b"second"


def test_rest_drops_the_cipher_object_and_nothing_else() -> None:
    sender, receiver = pair()
    for _ in range(KEEP_FROM_NONCE + 1):
        receiver.decrypt(sender.encrypt(b"before"))
    sender.rest()
    receiver.rest()
    assert sender._aead is None
    assert receiver.decrypt(sender.encrypt(b"after")) == b"after"
