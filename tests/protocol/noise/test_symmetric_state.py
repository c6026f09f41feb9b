"""SymmetricState: every mixed byte counts, on both sides alike."""

import hashlib

import pytest

from protocol.errors import DecryptionError
from protocol.noise.primitives import find_suite
from protocol.noise.symmetric_state import SymmetricState

SUITE = find_suite("25519", "AESGCM", "SHA256")
NAME = "Noise_XX_25519_AESGCM_SHA256"


def test_a_short_name_is_padded_and_a_long_one_hashed() -> None:
    assert SymmetricState(NAME, SUITE).handshake_hash == NAME.encode().ljust(32, b"\0")
    long = "Noise_XXfallback+psk0_25519_AESGCM_SHA256"
    assert SymmetricState(long, SUITE).handshake_hash == hashlib.sha256(long.encode()).digest()


def test_mixing_in_different_data_gives_different_hashes() -> None:
    one, two = SymmetricState(NAME, SUITE), SymmetricState(NAME, SUITE)
    one.mix_hash(b"a")
    two.mix_hash(b"b")
    assert one.handshake_hash != two.handshake_hash


def test_before_a_key_is_mixed_in_nothing_is_encrypted() -> None:
    state = SymmetricState(NAME, SUITE)
    assert not state.has_key
    assert state.encrypt_and_hash(b"clear") == b"clear"


def test_both_sides_stay_in_step() -> None:
    one, two = SymmetricState(NAME, SUITE), SymmetricState(NAME, SUITE)
    one.mix_key(b"secret")
    two.mix_key(b"secret")
    assert two.decrypt_and_hash(one.encrypt_and_hash(b"payload")) == b"payload"
    sending, _ = one.split()
    receiving, _ = two.split()
    assert receiving.decrypt(sending.encrypt(b"text")) == b"text"


def test_a_failed_decryption_leaves_the_hash_alone() -> None:
    state = SymmetricState(NAME, SUITE)
    state.mix_key(b"secret")
    before = state.handshake_hash
    with pytest.raises(DecryptionError):
        state.decrypt_and_hash(bytes(32))
    assert state.handshake_hash == before
