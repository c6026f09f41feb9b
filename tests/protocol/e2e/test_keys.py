import dataclasses

import pytest
import xeddsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol.e2e import BadBundleError, IdentityKeyPair, MisuseError, Prekey
from protocol.e2e.keys import SIGNED_PREKEY_CONTEXT, agreement_key, verify_signed_prekey
from tests.protocol.e2e.pair import seeded_entropy, strangers


def test_an_identity_is_an_ordinary_ed25519_key_pair() -> None:
    seed = bytes(range(32))
    identity = IdentityKeyPair.from_seed(seed)
    reference = Ed25519PrivateKey.from_private_bytes(seed)
    assert identity.public == reference.public_key().public_bytes_raw()
    assert identity.sign(b"words") == reference.sign(b"words")


def test_any_ed25519_library_can_check_a_signed_prekey() -> None:
    alice, _ = strangers()
    signed = alice.signed_prekey.signed_by(alice.identity)
    key = Ed25519PublicKey.from_public_bytes(alice.identity.public)
    key.verify(signed.signature, SIGNED_PREKEY_CONTEXT + signed.key)


def test_a_prekey_signed_for_one_agreement_is_not_signed_for_the_other() -> None:
    alice, _ = strangers()
    for post_quantum in (True, False):
        signed = alice.signed_prekey.signed_by(alice.identity, post_quantum=post_quantum)
        verify_signed_prekey(alice.identity.public, signed, post_quantum=post_quantum)
        with pytest.raises(BadBundleError):
            verify_signed_prekey(alice.identity.public, signed, post_quantum=not post_quantum)


def test_both_halves_of_an_identity_lead_to_the_same_agreement_key() -> None:
    identity = IdentityKeyPair.generate(seeded_entropy(3))
    assert xeddsa.priv_to_curve25519_pub(identity.agreement_private) == agreement_key(identity.public)


def test_a_stored_private_key_gives_the_same_pair_again() -> None:
    prekey = Prekey.generate(7, seeded_entropy(3))
    assert Prekey.from_private(7, prekey.private) == prekey


def test_a_signature_over_something_else_is_not_taken_for_a_prekeys() -> None:
    alice, _ = strangers()
    signed = alice.signed_prekey.signed_by(alice.identity)
    bare = dataclasses.replace(signed, signature=alice.identity.sign(signed.key))
    with pytest.raises(BadBundleError):
        verify_signed_prekey(alice.identity.public, bare)


def test_an_identity_key_that_is_no_point_is_refused() -> None:
    with pytest.raises(BadBundleError):
        agreement_key(bytes(32))


def test_seeds_keys_and_numbers_of_our_own_making_are_checked_too() -> None:
    with pytest.raises(MisuseError):
        IdentityKeyPair.from_seed(bytes(31))
    with pytest.raises(MisuseError):
        Prekey.from_private(1, bytes(33))
    with pytest.raises(MisuseError):
        Prekey.from_private(0, bytes(32))


def test_no_repr_shows_a_private_key() -> None:
    alice, _ = strangers()
    shown = repr(alice.identity) + repr(alice.signed_prekey) + repr(alice.prekeys)
    for private in (alice.identity.seed, alice.signed_prekey.private, alice.prekeys[1].private):
        assert repr(private)[2:-1] not in shown
        assert private.hex() not in shown
