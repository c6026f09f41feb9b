"""ML-KEM-768 from OpenSSL and from another implementation agree with each other."""

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from kyber_py.ml_kem import ML_KEM_768

from protocol.e2e import KemPrekey, MisuseError
from protocol.e2e.kem import KEM_SEED_BYTES, verify_kem_prekey
from protocol.limits import KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES
from tests.helpers.deterministic_kem import encapsulate_with
from tests.protocol.e2e.pair import seeded_entropy, strangers

PREKEY = KemPrekey.generate(7, seeded_entropy(1))


def test_a_stored_seed_gives_the_same_key_again() -> None:
    assert KemPrekey.from_seed(7, PREKEY.seed) == PREKEY
    assert len(PREKEY.seed) == KEM_SEED_BYTES
    assert len(PREKEY.public) == KEM_KEY_BYTES


def test_what_openssl_encapsulates_is_opened() -> None:
    secret, ciphertext = MLKEM768PublicKey.from_public_bytes(PREKEY.public).encapsulate()
    assert PREKEY.decapsulate(ciphertext) == secret
    assert len(ciphertext) == KEM_CIPHERTEXT_BYTES


@settings(max_examples=5, deadline=None)
@given(st.binary(min_size=64, max_size=64), st.integers(0, 2**32))
def test_what_another_implementation_encapsulates_is_opened(seed: bytes, randomness: int) -> None:
    prekey = KemPrekey.from_seed(1, seed)
    secret, ciphertext = encapsulate_with(seeded_entropy(randomness))(prekey.public)
    assert prekey.decapsulate(ciphertext) == secret


def test_a_ciphertext_for_another_key_gives_another_secret_and_no_error() -> None:
    secret, ciphertext = encapsulate_with(seeded_entropy(3))(PREKEY.public)
    other = KemPrekey.generate(7, seeded_entropy(2)).decapsulate(ciphertext)
    assert other != secret
    assert len(other) == 32


@settings(max_examples=5, deadline=None)
@given(st.binary(min_size=64, max_size=64))
def test_another_implementation_makes_the_same_key_of_a_seed(seed: bytes) -> None:
    assert ML_KEM_768.key_derive(seed)[0] == KemPrekey.from_seed(1, seed).public


def test_a_signed_kem_prekey_verifies_under_its_identity() -> None:
    alice, _ = strangers()
    verify_kem_prekey(alice.identity.public, PREKEY.signed_by(alice.identity))


def test_seeds_numbers_and_ciphertexts_of_a_wrong_size_are_misuse() -> None:
    for prekey_id, seed in ((1, bytes(63)), (0, bytes(64)), (2**32, bytes(64))):
        with pytest.raises(MisuseError):
            KemPrekey.from_seed(prekey_id, seed)
    with pytest.raises(MisuseError):
        PREKEY.decapsulate(bytes(KEM_CIPHERTEXT_BYTES - 1))


def test_no_repr_shows_the_seed() -> None:
    assert repr(PREKEY) == "KemPrekey(id=7)"
