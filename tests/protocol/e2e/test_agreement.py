"""Our initiating half and the x3dh package agree with each other, whoever begins."""

from dataclasses import replace

import pytest
import x3dh
import x3dh.identity_key_pair
import xeddsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.e2e import BadBundleError, BadCiphertextError, DowngradedBundleError, DowngradedMessageError
from protocol.e2e.agreement import (
    X3DH_INFO,
    Agreement,
    PrivatePrekeys,
    RoostX3DH,
    agree_as_initiator,
    agree_as_responder,
    derive,
    diffie_hellman,
)
from protocol.e2e.coroutines import finish
from protocol.e2e.keys import agreement_key
from protocol.e2e.message import PrekeyMessage, RatchetMessage
from tests.protocol.e2e.pair import Device, seeded_entropy, strangers

LOW_ORDER_POINT = bytes(32)


def package_state(device: Device) -> RoostX3DH:
    """The package's own initiator for the same identity (it draws its ephemeral key from ``secrets``)."""
    return RoostX3DH.create(
        x3dh.IdentityKeyFormat.ED_25519,
        x3dh.HashFunction.SHA_256,
        X3DH_INFO,
        x3dh.identity_key_pair.IdentityKeyPairSeed(device.identity.seed),
    )


def opening(alice: Device, agreement: Agreement, *, one_time: bool = True) -> PrekeyMessage:
    """The first message, of which agreeing needs no more than its front."""
    inner = RatchetMessage(bytes(32), 0, 0, bytes(8))
    return PrekeyMessage(
        1, 1 if one_time else None, alice.identity.public, agreement.ephemeral_key, inner, kem=agreement.kem
    )


def private_prekeys(bob: Device, one_time: bool = True, kem_id: int = 1) -> PrivatePrekeys:
    return bob.find_prekeys(1, 1 if one_time else None, kem_id if bob.kem_prekeys else None)


@pytest.mark.parametrize("kem", [True, False])
@pytest.mark.parametrize("one_time", [True, False])
def test_both_sides_agree_on_the_same_secret(one_time: bool, kem: bool) -> None:
    alice, bob = strangers(kem=kem)
    bundle = bob.bundle(one_time=one_time)
    agreement = agree_as_initiator(alice.identity, bundle, alice.entropy, alice.encapsulate)
    first = opening(alice, agreement, one_time=one_time)
    secret, associated_data = agree_as_responder(bob.identity, private_prekeys(bob, one_time), first)
    assert secret == agreement.secret
    assert associated_data == agreement.associated_data
    assert len(secret) == 32


@pytest.mark.parametrize("one_time", [True, False])
def test_our_responder_agrees_with_the_packages_initiator(one_time: bool) -> None:
    alice, bob = strangers()
    bundle = bob.bundle(one_time=one_time)
    theirs = x3dh.Bundle(
        bundle.identity_key,
        bundle.signed_prekey.key,
        bundle.signed_prekey.signature,
        frozenset([bundle.prekey.key] if bundle.prekey else []),
    )
    state = package_state(alice)
    secret, _, header = finish(state.get_shared_secret_active(theirs, require_pre_key=one_time))
    first = opening(alice, Agreement(b"", header.ephemeral_key), one_time=one_time)
    assert agree_as_responder(bob.identity, private_prekeys(bob, one_time), first) == (secret, b"")


def test_the_same_entropy_gives_the_same_agreement() -> None:
    alice, bob = strangers()
    bundle = bob.bundle()
    encapsulate = alice.encapsulate
    first = agree_as_initiator(alice.identity, bundle, seeded_entropy(5), encapsulate)
    assert first == agree_as_initiator(alice.identity, bundle, seeded_entropy(5), encapsulate)
    assert first.secret != agree_as_initiator(alice.identity, bundle, seeded_entropy(6), encapsulate).secret


@pytest.mark.parametrize("kem", [True, False])
def test_with_another_one_time_prekey_the_secrets_differ(kem: bool) -> None:
    alice, bob = strangers(kem=kem)
    agreement = agree_as_initiator(alice.identity, bob.bundle(), alice.entropy, alice.encapsulate)
    for prekey in (bob.prekeys[2], None):
        prekeys = replace(private_prekeys(bob), one_time=prekey)
        secret, _ = agree_as_responder(bob.identity, prekeys, opening(alice, agreement))
        assert secret != agreement.secret


def test_with_another_kem_prekey_the_secrets_and_the_associated_data_differ() -> None:
    alice, bob = strangers(kem=True)
    agreement = agree_as_initiator(alice.identity, bob.bundle(), alice.entropy, alice.encapsulate)
    secret, associated_data = agree_as_responder(
        bob.identity, private_prekeys(bob, kem_id=2), opening(alice, agreement)
    )
    assert secret != agreement.secret
    assert associated_data != agreement.associated_data


def test_what_goes_into_the_derivation_is_what_the_package_puts_in() -> None:
    alice, bob = strangers()
    bundle = bob.bundle()
    agreement = agree_as_initiator(alice.identity, bundle, alice.entropy, alice.encapsulate)
    ephemeral, identity = agreement.ephemeral_key, agreement_key(alice.identity.public)
    signed, prekey = bob.signed_prekey.private, bob.prekeys[1].private
    pairs = [(signed, identity), (bob.identity.agreement_private, ephemeral), (signed, ephemeral)]
    shared = diffie_hellman([*pairs, (prekey, ephemeral)])
    assert derive(X3DH_INFO, shared) == agreement.secret  # which the package agrees with, above


def test_pqxdh_derives_from_the_four_outputs_of_x25519_and_then_the_kem_secret() -> None:
    alice, bob = strangers(kem=True)
    agreement = agree_as_initiator(alice.identity, bob.bundle(), alice.entropy, alice.encapsulate)
    assert agreement.kem is not None
    ephemeral, identity = agreement.ephemeral_key, agreement_key(alice.identity.public)
    outputs = [
        xeddsa.x25519(bob.signed_prekey.private, identity),
        xeddsa.x25519(bob.identity.agreement_private, ephemeral),
        xeddsa.x25519(bob.signed_prekey.private, ephemeral),
        xeddsa.x25519(bob.prekeys[1].private, ephemeral),
        bob.kem_prekeys[1].decapsulate(agreement.kem.ciphertext),
    ]
    by_hand = HKDF(SHA256(), 32, bytes(32), b"Roost 2 PQXDH_CURVE25519_SHA-256_ML-KEM-768").derive(
        b"\xff" * 32 + b"".join(outputs)
    )
    assert agreement.secret == by_hand


def test_the_secret_needs_the_kem() -> None:
    """Both agreements over the same Curve25519 keys and the same entropy have nothing in common."""
    alice, bob = strangers(kem=True)
    bundle = bob.bundle()
    plain = replace(bundle, signed_prekey=bob.signed_prekey.signed_by(bob.identity), kem_prekey=None)
    secrets = [
        agree_as_initiator(alice.identity, each, seeded_entropy(5), alice.encapsulate).secret
        for each in (bundle, plain)
    ]
    assert secrets[0] != secrets[1]


def test_a_bundle_without_its_kem_prekey_starts_nothing() -> None:
    alice, bob = strangers(kem=True)
    stripped = replace(bob.bundle(), kem_prekey=None)
    with pytest.raises(DowngradedBundleError):
        agree_as_initiator(alice.identity, stripped, alice.entropy, alice.encapsulate)


def test_a_first_message_by_x3dh_for_a_prekey_of_pqxdh_is_refused() -> None:
    """Nobody who has checked a signature can have made it; a relay may have, or a broken client."""
    alice, bob = strangers(kem=True)
    agreement = agree_as_initiator(alice.identity, bob.bundle(), alice.entropy, alice.encapsulate)
    first = replace(opening(alice, agreement), kem=None)
    with pytest.raises(DowngradedMessageError):
        agree_as_responder(bob.identity, private_prekeys(bob), first)


def test_a_first_message_by_pqxdh_needs_a_kem_prekey() -> None:
    alice, bob = strangers(kem=True)
    agreement = agree_as_initiator(alice.identity, bob.bundle(), alice.entropy, alice.encapsulate)
    with pytest.raises(BadCiphertextError):
        agree_as_responder(bob.identity, replace(private_prekeys(bob), kem=None), opening(alice, agreement))


def test_a_bundle_that_does_not_verify_starts_nothing() -> None:
    alice, bob = strangers()
    stolen = replace(bob.bundle(), identity_key=alice.identity.public)
    with pytest.raises(BadBundleError):
        agree_as_initiator(alice.identity, stolen, alice.entropy, alice.encapsulate)


def test_a_bundle_with_a_low_order_prekey_is_refused() -> None:
    alice, bob = strangers()
    bundle = bob.bundle()
    assert bundle.prekey is not None
    weak = replace(bundle, prekey=replace(bundle.prekey, key=LOW_ORDER_POINT))
    with pytest.raises(BadBundleError):
        agree_as_initiator(alice.identity, weak, alice.entropy, alice.encapsulate)


@pytest.mark.parametrize("kem", [True, False])
def test_an_initiator_with_low_order_keys_is_refused(kem: bool) -> None:
    alice, bob = strangers(kem=kem)
    agreement = agree_as_initiator(alice.identity, bob.bundle(), alice.entropy, alice.encapsulate)
    for identity, ephemeral in (
        (alice.identity.public, LOW_ORDER_POINT),
        (LOW_ORDER_POINT, alice.signed_prekey.public),
    ):
        weak = replace(opening(alice, agreement), identity_key=identity, ephemeral_key=ephemeral)
        with pytest.raises(BadCiphertextError):
            agree_as_responder(bob.identity, private_prekeys(bob), weak)


def test_the_secret_is_not_shown() -> None:
    alice, bob = strangers()
    agreement = agree_as_initiator(alice.identity, bob.bundle(), alice.entropy, alice.encapsulate)
    assert repr(agreement.secret)[2:-1] not in repr(agreement)
