"""Vectors of keys and of the first agreement: X3DH and PQXDH, from all private keys to the secret."""

from protocol.e2e import Bundle, IdentityKeyPair, KemPrekey, Prekey
from protocol.e2e.agreement import PrivatePrekeys, agree_as_initiator, agree_as_responder
from protocol.e2e.message import KemOpening, PrekeyMessage, RatchetMessage
from tests.helpers.deterministic_kem import encapsulate_with
from tests.vectors.draws import Draws, Json, Replay

ABOUT = (
    "Agreements of an initiator and a responder. `initiator_seed` and `responder_seed` are the seeds "
    "of Ed25519 identity keys; `signed_prekey`, `prekey` and `ephemeral` are X25519 private keys; "
    "`kem_seed` is d and z of an ML-KEM-768 key pair, and `kem_random` the m of its encapsulation "
    "(FIPS 203). What is under `gives` follows."
)


def build() -> Json:
    """The file."""
    cases = [("X3DH", False, True), ("X3DH", False, False), ("PQXDH", True, True), ("PQXDH", True, False)]
    return {"about": ABOUT, "vectors": [_case(number, *case) for number, case in enumerate(cases)]}


def _case(number: int, name: str, has_kem: bool, has_one_time: bool) -> Json:
    draws = Draws(100 + number)
    given: Json = {
        "name": f"{name} {'with' if has_one_time else 'without'} a one-time prekey",
        "initiator_seed": draws(32).hex(),
        "responder_seed": draws(32).hex(),
        "signed_prekey": draws(32).hex(),
        "prekey": draws(32).hex() if has_one_time else None,
        "kem_seed": draws(64).hex() if has_kem else None,
        "ephemeral": draws(32).hex(),
        "kem_random": draws(32).hex() if has_kem else None,
    }
    return {**given, "gives": _agree(given)}


def _agree(given: Json) -> Json:
    initiator, responder, signed_prekey, prekey, kem = _keys(given)
    bundle = Bundle(
        responder.public,
        signed_prekey.signed_by(responder, post_quantum=kem is not None),
        prekey.published() if prekey else None,
        kem.signed_by(responder) if kem else None,
    )
    encapsulate = encapsulate_with(Replay([given["kem_random"]] if kem else []))
    agreed = agree_as_initiator(initiator, bundle, Replay([given["ephemeral"]]), encapsulate)
    return {
        "initiator_identity": initiator.public.hex(),
        "responder_identity": responder.public.hex(),
        "responder_identity_x25519_private": responder.agreement_private.hex(),
        "signed_prekey_public": signed_prekey.public.hex(),
        "signed_prekey_signature": bundle.signed_prekey.signature.hex(),
        "prekey_public": prekey.public.hex() if prekey else None,
        "kem_public": kem.public.hex() if kem else None,
        "kem_signature": bundle.kem_prekey.signature.hex() if bundle.kem_prekey else None,
        "ephemeral_public": agreed.ephemeral_key.hex(),
        "kem_ciphertext": agreed.kem.ciphertext.hex() if agreed.kem else None,
        "associated_data_end": agreed.associated_data.hex(),
        "secret": agreed.secret.hex(),
    }


def _keys(given: Json) -> tuple[IdentityKeyPair, IdentityKeyPair, Prekey, Prekey | None, KemPrekey | None]:
    return (
        IdentityKeyPair.from_seed(bytes.fromhex(given["initiator_seed"])),
        IdentityKeyPair.from_seed(bytes.fromhex(given["responder_seed"])),
        Prekey.from_private(1, bytes.fromhex(given["signed_prekey"])),
        Prekey.from_private(7, bytes.fromhex(given["prekey"])) if given["prekey"] else None,
        KemPrekey.from_seed(3, bytes.fromhex(given["kem_seed"])) if given["kem_seed"] else None,
    )


def check(file: Json) -> None:
    """The responder comes to the same, from the file alone."""
    for vector in file["vectors"]:
        _, responder, signed_prekey, prekey, kem = _keys(vector)
        gives = vector["gives"]
        first = PrekeyMessage(
            1,
            7 if prekey else None,
            bytes.fromhex(gives["initiator_identity"]),
            bytes.fromhex(gives["ephemeral_public"]),
            RatchetMessage(bytes(32), 0, 0, bytes(8)),
            kem=KemOpening(3, bytes.fromhex(gives["kem_ciphertext"])) if kem else None,
        )
        private = PrivatePrekeys(signed_prekey, prekey, kem, is_post_quantum=kem is not None)
        secret, associated_data = agree_as_responder(responder, private, first)
        assert secret.hex() == gives["secret"], vector["name"]
        assert associated_data.hex() == gives["associated_data_end"], vector["name"]
        assert _agree(vector) == gives, vector["name"]
