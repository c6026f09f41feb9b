"""Only the primary's signature makes a device list, and it covers all of it."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.device_list import DeviceList, ListedDevice, SignedDeviceList
from protocol.e2e import (
    IdentityKeyPair,
    MisuseError,
    UntrustedDevicesError,
    sign_device_list,
    verify_device_list,
)
from protocol.e2e.device_list import DEVICE_LIST_CONTEXT
from protocol.ids import DeviceId, UserId
from tests.protocol.e2e.pair import seeded_entropy

ALICE = UserId(7)
PRIMARY = IdentityKeyPair.generate(seeded_entropy(1))
COMPANION = IdentityKeyPair.generate(seeded_entropy(2))
LIST = DeviceList(
    ALICE,
    1,
    1_700_000_000,
    (ListedDevice(DeviceId(1), PRIMARY.public), ListedDevice(DeviceId(2), COMPANION.public)),
)
SIGNED = sign_device_list(PRIMARY, LIST)


def test_a_signed_list_verifies_and_says_what_was_signed() -> None:
    assert verify_device_list(SIGNED, ALICE) == LIST


def test_any_ed25519_library_can_check_a_list() -> None:
    key = Ed25519PublicKey.from_public_bytes(PRIMARY.public)
    key.verify(SIGNED.signature, DEVICE_LIST_CONTEXT + SIGNED.encoded)


def test_a_companion_signs_no_list_that_another_leads() -> None:
    with pytest.raises(MisuseError):
        sign_device_list(COMPANION, LIST)


def test_a_list_signed_by_a_companion_is_not_trusted() -> None:
    forged = SIGNED._replace(signature=COMPANION.sign(DEVICE_LIST_CONTEXT + SIGNED.encoded))
    with pytest.raises(UntrustedDevicesError):
        verify_device_list(forged, ALICE)


def test_a_list_of_somebody_else_is_not_trusted() -> None:
    with pytest.raises(UntrustedDevicesError):
        verify_device_list(SIGNED, UserId(8))


def test_a_signature_over_the_bare_list_is_not_taken_for_one_of_a_list() -> None:
    with pytest.raises(UntrustedDevicesError):
        verify_device_list(SIGNED._replace(signature=PRIMARY.sign(SIGNED.encoded)), ALICE)


@pytest.mark.parametrize("signature", [b"", SIGNED.signature[:-1], SIGNED.signature + b"x"])
def test_a_signature_of_another_length_is_not_trusted(signature: bytes) -> None:
    with pytest.raises(UntrustedDevicesError):
        verify_device_list(SIGNED._replace(signature=signature), ALICE)


def test_bytes_that_are_no_list_are_not_trusted() -> None:
    with pytest.raises(UntrustedDevicesError):
        verify_device_list(SignedDeviceList(b"no list", SIGNED.signature), ALICE)


@pytest.mark.parametrize("place", range(0, len(SIGNED.encoded), 3))
def test_a_list_with_any_byte_changed_is_not_trusted(place: int) -> None:
    changed = bytearray(SIGNED.encoded)
    changed[place] ^= 1
    with pytest.raises(UntrustedDevicesError):
        verify_device_list(SIGNED._replace(encoded=bytes(changed)), ALICE)


def test_a_list_with_a_higher_number_needs_its_own_signature() -> None:
    newer = sign_device_list(PRIMARY, replace(LIST, number=2))
    with pytest.raises(UntrustedDevicesError):
        verify_device_list(SIGNED._replace(encoded=newer.encoded), ALICE)
