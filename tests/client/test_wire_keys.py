from client.wire_keys import bundle_from_wire, kem_prekey_to_wire, prekeys_to_wire, signed_prekey_to_wire
from protocol.e2e import Bundle, PublicKemPrekey, PublicPrekey, PublicSignedPrekey
from protocol.ids import DeviceId
from protocol.stanzas import DeviceBundle, KemPrekey, Prekey, SignedPrekey

IDENTITY, SIGNED, ONE_TIME, SIGNATURE = b"i" * 32, b"s" * 32, b"o" * 32, b"g" * 64


def test_a_bundle_from_the_relay_is_one_for_a_session() -> None:
    wire = DeviceBundle(DeviceId(3), IDENTITY, 7, SIGNED, SIGNATURE, Prekey(9, ONE_TIME))
    assert bundle_from_wire(wire) == Bundle(
        IDENTITY, PublicSignedPrekey(7, SIGNED, SIGNATURE), PublicPrekey(9, ONE_TIME)
    )


def test_a_device_without_one_time_prekeys_has_a_bundle_all_the_same() -> None:
    wire = DeviceBundle(DeviceId(3), IDENTITY, 7, SIGNED, SIGNATURE, None)
    assert bundle_from_wire(wire).prekey is None


def test_prekeys_keep_their_numbers_and_order_on_the_wire() -> None:
    keys = (PublicPrekey(1, ONE_TIME), PublicPrekey(2, SIGNED))
    assert prekeys_to_wire(keys) == (Prekey(1, ONE_TIME), Prekey(2, SIGNED))
    assert signed_prekey_to_wire(PublicSignedPrekey(7, SIGNED, SIGNATURE)) == SignedPrekey(
        7, SIGNED, SIGNATURE
    )


def test_a_kem_prekey_is_the_same_on_both_ways() -> None:
    public = PublicKemPrekey(5, b"k" * 1_184, SIGNATURE)
    wire = DeviceBundle(DeviceId(3), IDENTITY, 7, SIGNED, SIGNATURE, None, kem_prekey_to_wire(public))
    assert wire.kem_prekey == KemPrekey(5, b"k" * 1_184, SIGNATURE)
    assert bundle_from_wire(wire).kem_prekey == public
