"""Public keys on their way between the end-to-end layer's records and the relay's stanzas.

The two do not know each other: the relay may not even import the end-to-end layer.
"""

from collections.abc import Iterable

from protocol.e2e import Bundle, PublicKemPrekey, PublicPrekey, PublicSignedPrekey
from protocol.stanzas import DeviceBundle, KemPrekey, Prekey, SignedPrekey


def bundle_from_wire(device: DeviceBundle) -> Bundle:
    """What the relay hands out for one device; its signature is checked where a session is made of it."""
    one_time = device.one_time_prekey
    return Bundle(
        device.identity_key,
        PublicSignedPrekey(device.signed_prekey_id, device.signed_prekey, device.signature),
        None if one_time is None else PublicPrekey(one_time.id, one_time.key),
        None if device.kem_prekey is None else PublicKemPrekey(*device.kem_prekey),
    )


def prekeys_to_wire(prekeys: Iterable[PublicPrekey]) -> tuple[Prekey, ...]:
    """One-time prekeys as an upload carries them."""
    return tuple(Prekey(prekey.id, prekey.key) for prekey in prekeys)


def signed_prekey_to_wire(prekey: PublicSignedPrekey) -> SignedPrekey:
    """The signed prekey as an upload carries it."""
    return SignedPrekey(prekey.id, prekey.key, prekey.signature)


def kem_prekey_to_wire(prekey: PublicKemPrekey) -> KemPrekey:
    """A KEM prekey, one-time or last resort, as an upload carries it."""
    return KemPrekey(prekey.id, prekey.key, prekey.signature)
