"""Our initiating half and the x3dh package agree with each other, whoever begins."""

import dataclasses

import pytest
import x3dh
import x3dh.identity_key_pair

from protocol.e2e import BadBundleError, BadCiphertextError
from protocol.e2e.agreement import X3DH_INFO, RoostX3DH, agree_as_initiator, agree_as_responder
from protocol.e2e.coroutines import finish
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


@pytest.mark.parametrize("one_time", [True, False])
def test_both_sides_agree_on_the_same_secret(one_time: bool) -> None:
    alice, bob = strangers()
    bundle = bob.bundle(one_time=one_time)
    agreement = agree_as_initiator(alice.identity, bundle, alice.entropy)
    prekey = bob.prekeys[1] if one_time else None
    secret = agree_as_responder(
        bob.identity, bob.signed_prekey, prekey, alice.identity.public, agreement.ephemeral_key
    )
    assert secret == agreement.secret
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
    prekey = bob.prekeys[1] if one_time else None
    assert secret == agree_as_responder(
        bob.identity, bob.signed_prekey, prekey, header.identity_key, header.ephemeral_key
    )


def test_the_same_entropy_gives_the_same_agreement() -> None:
    alice, bob = strangers()
    bundle = bob.bundle()
    first = agree_as_initiator(alice.identity, bundle, seeded_entropy(5))
    assert first == agree_as_initiator(alice.identity, bundle, seeded_entropy(5))
    assert first.secret != agree_as_initiator(alice.identity, bundle, seeded_entropy(6)).secret


def test_with_another_one_time_prekey_the_secrets_differ() -> None:
    alice, bob = strangers()
    agreement = agree_as_initiator(alice.identity, bob.bundle(), alice.entropy)
    for prekey in (bob.prekeys[2], None):
        secret = agree_as_responder(
            bob.identity, bob.signed_prekey, prekey, alice.identity.public, agreement.ephemeral_key
        )
        assert secret != agreement.secret


def test_a_bundle_that_does_not_verify_starts_nothing() -> None:
    alice, bob = strangers()
    stolen = dataclasses.replace(bob.bundle(), identity_key=alice.identity.public)
    with pytest.raises(BadBundleError):
        agree_as_initiator(alice.identity, stolen, alice.entropy)


def test_a_bundle_with_a_low_order_prekey_is_refused() -> None:
    alice, bob = strangers()
    bundle = bob.bundle()
    assert bundle.prekey is not None
    weak = dataclasses.replace(bundle, prekey=dataclasses.replace(bundle.prekey, key=LOW_ORDER_POINT))
    with pytest.raises(BadBundleError):
        agree_as_initiator(alice.identity, weak, alice.entropy)


def test_an_initiator_with_low_order_keys_is_refused() -> None:
    alice, bob = strangers()
    for identity, ephemeral in (
        (alice.identity.public, LOW_ORDER_POINT),
        (LOW_ORDER_POINT, alice.signed_prekey.public),
    ):
        with pytest.raises(BadCiphertextError):
            agree_as_responder(bob.identity, bob.signed_prekey, None, identity, ephemeral)


def test_the_secret_is_not_shown() -> None:
    alice, bob = strangers()
    agreement = agree_as_initiator(alice.identity, bob.bundle(), alice.entropy)
    assert repr(agreement.secret)[2:-1] not in repr(agreement)
