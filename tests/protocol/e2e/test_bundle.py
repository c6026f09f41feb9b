"""What a relay may hand out for a device, and how each lie about its KEM prekey is found."""

import dataclasses

import pytest

from protocol.e2e import BadBundleError, Bundle, DowngradedBundleError
from tests.protocol.e2e.pair import strangers


def test_a_good_bundle_verifies_with_and_without_one_time_prekey() -> None:
    alice, _ = strangers()
    alice.bundle().verify()
    alice.bundle(one_time=False).verify()


@pytest.mark.parametrize("place", range(64))
def test_a_bundle_with_any_byte_of_its_signature_changed_is_refused(place: int) -> None:
    bundle = strangers()[0].bundle()
    signature = bytearray(bundle.signed_prekey.signature)
    signature[place] ^= 1
    signed = dataclasses.replace(bundle.signed_prekey, signature=bytes(signature))
    with pytest.raises(BadBundleError):
        dataclasses.replace(bundle, signed_prekey=signed).verify()


def test_a_prekey_signed_by_somebody_else_is_refused() -> None:
    alice, bob = strangers()
    forged = Bundle(alice.identity.public, bob.signed_prekey.signed_by(bob.identity), None)
    with pytest.raises(BadBundleError):
        forged.verify()


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_bundle_with_a_key_of_another_length_is_refused(size: int) -> None:
    bundle = strangers()[0].bundle()
    assert bundle.prekey is not None
    for broken in (
        dataclasses.replace(bundle, identity_key=bytes(size)),
        dataclasses.replace(bundle, signed_prekey=dataclasses.replace(bundle.signed_prekey, key=bytes(size))),
        dataclasses.replace(bundle, prekey=dataclasses.replace(bundle.prekey, key=bytes(size))),
        dataclasses.replace(
            bundle, signed_prekey=dataclasses.replace(bundle.signed_prekey, signature=bytes(size))
        ),
    ):
        with pytest.raises(BadBundleError):
            broken.verify()


@pytest.mark.parametrize("prekey_id", [0, -1, 2**32])
def test_a_bundle_with_a_prekey_number_out_of_range_is_refused(prekey_id: int) -> None:
    bundle = strangers()[0].bundle()
    assert bundle.prekey is not None
    broken = dataclasses.replace(bundle, prekey=dataclasses.replace(bundle.prekey, id=prekey_id))
    with pytest.raises(BadBundleError):
        broken.verify()


def pq_bundle() -> Bundle:
    return strangers(kem=True)[0].bundle()


def test_a_bundle_with_a_kem_prekey_verifies_and_says_so() -> None:
    bundle = pq_bundle()
    bundle.verify()
    assert bundle.is_post_quantum
    assert not strangers()[0].bundle().is_post_quantum


def test_a_relay_that_strips_the_kem_prekey_is_found() -> None:
    with pytest.raises(DowngradedBundleError):
        dataclasses.replace(pq_bundle(), kem_prekey=None).verify()


def test_a_relay_that_puts_a_kem_prekey_into_an_old_bundle_is_found() -> None:
    old = strangers()[0].bundle()
    with pytest.raises(BadBundleError):
        dataclasses.replace(old, kem_prekey=pq_bundle().kem_prekey).verify()


def test_a_relay_that_swaps_the_kem_prekey_for_its_own_is_found() -> None:
    alice, bob = strangers(kem=True)
    with pytest.raises(BadBundleError):
        dataclasses.replace(alice.bundle(), kem_prekey=bob.bundle().kem_prekey).verify()


def test_a_kem_prekey_signed_as_anything_else_is_refused() -> None:
    alice, _ = strangers(kem=True)
    kem = pq_bundle().kem_prekey
    assert kem is not None
    bare = dataclasses.replace(kem, signature=alice.identity.sign(kem.key))
    with pytest.raises(BadBundleError):
        dataclasses.replace(pq_bundle(), kem_prekey=bare).verify()


@pytest.mark.parametrize("place", [0, 1, 600, 1183])
def test_a_kem_prekey_with_a_byte_changed_is_refused(place: int) -> None:
    kem = pq_bundle().kem_prekey
    assert kem is not None
    key = bytearray(kem.key)
    key[place] ^= 1
    with pytest.raises(BadBundleError):
        dataclasses.replace(pq_bundle(), kem_prekey=dataclasses.replace(kem, key=bytes(key))).verify()


def test_a_kem_prekey_of_another_length_or_number_is_refused() -> None:
    kem = pq_bundle().kem_prekey
    assert kem is not None
    for broken in (
        dataclasses.replace(kem, key=kem.key[:-1]),
        dataclasses.replace(kem, signature=kem.signature + b"0"),
        dataclasses.replace(kem, id=0),
        dataclasses.replace(kem, id=2**32),
    ):
        with pytest.raises(BadBundleError):
            dataclasses.replace(pq_bundle(), kem_prekey=broken).verify()
