"""Signs and checks device lists: the identity key of an account's primary device vouches for the others.

As signed prekeys are signed: Ed25519 (RFC 8032) by the identity key, over a prefix that no other signature
has, and the list in its one form (protocol/device_list.py).
Not here: which of two lists counts, and what a list means for a chat (client/peer_devices.py).
"""

from typing import Final

import xeddsa

from protocol.device_list import DeviceList, SignedDeviceList, decode_device_list
from protocol.e2e.errors import MisuseError, UntrustedDevicesError
from protocol.e2e.keys import SIGNATURE_BYTES, IdentityKeyPair
from protocol.errors import BadDeviceListError
from protocol.ids import UserId

DEVICE_LIST_CONTEXT: Final = b"Roost 1 device list\x00"
"""Precedes the list in what is signed: no other signature of the identity key can be taken for this one."""


def sign_device_list(identity: IdentityKeyPair, device_list: DeviceList) -> SignedDeviceList:
    """Sign a list as its primary.

    Raises:
        MisuseError: it is not this identity's to sign: its first key is another.
        BadDeviceListError: it is none that others would read.
    """
    if device_list.primary.identity_key != identity.public:
        raise MisuseError("only the primary, which stands first, signs a device list")
    encoded = device_list.encode()
    return SignedDeviceList(encoded, identity.sign(DEVICE_LIST_CONTEXT + encoded))


def verify_device_list(signed: SignedDeviceList, user: UserId) -> DeviceList:
    """Check that a list is about this user and signed by the key that stands first in it, and return it.

    What this does not say: whether that key is the one known as the user's. The caller compares.

    Raises:
        UntrustedDevicesError: it is not, or is no list at all.
    """
    try:
        device_list = decode_device_list(signed.encoded)
    except BadDeviceListError as error:
        raise UntrustedDevicesError(str(error)) from None
    if device_list.user != user:
        raise UntrustedDevicesError("the device list of another user")
    if len(signed.signature) != SIGNATURE_BYTES or not xeddsa.ed25519_verify(
        signed.signature, device_list.primary.identity_key, DEVICE_LIST_CONTEXT + signed.encoded
    ):
        raise UntrustedDevicesError("a device list that its primary has not signed")
    return device_list
