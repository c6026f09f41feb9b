"""How two devices agree on a first secret although one of them is asleep: PQXDH, and X3DH before it.

X3DH: the responding half is the ``x3dh`` package, whose state we fill with our own keys. The initiating half
is written out here with the same primitives, for one reason: the package draws the ephemeral key from
``secrets``, and in this house every random byte comes from the injected entropy. A test lets both halves
of the package and of ours agree with each other, in every combination.

PQXDH is X3DH with one more secret, ML-KEM-768's, behind those of X25519 in what goes into the key derivation.
The package derives at once and shows none of what goes in, so for PQXDH both halves are ours; a test makes
sure that they put in what the package does.

https://signal.org/docs/specifications/x3dh/ and https://signal.org/docs/specifications/pqxdh/
"""

import hashlib
from dataclasses import dataclass, field

import x3dh
import x3dh.identity_key_pair
import x3dh.models
import x3dh.types
import xeddsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.e2e.bundle import Bundle
from protocol.e2e.coroutines import finish
from protocol.e2e.errors import BadBundleError, BadCiphertextError, DowngradedMessageError
from protocol.e2e.kem import KEM_PREKEY_CONTEXT, Encapsulate, KemPrekey
from protocol.e2e.keys import (
    IDENTITY_KEY_CONTEXT,
    KEY_BYTES,
    SIGNED_PREKEY_CONTEXT,
    Entropy,
    IdentityKeyPair,
    Prekey,
    agreement_key,
)
from protocol.e2e.message import KemOpening, PrekeyMessage

X3DH_INFO = b"Roost 1 X3DH"
PQXDH_INFO = b"Roost 2 PQXDH_CURVE25519_SHA-256_ML-KEM-768"

# 32 bytes of 0xFF in front keep the input distinct from any X25519 output (X3DH, section 2.2).
_IN_FRONT = b"\xff" * 32


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an initiator has after it."""

    secret: bytes = field(repr=False)
    ephemeral_key: bytes
    """The public half of the key made for this agreement; it also serves as the session's name."""
    kem: KemOpening | None = field(default=None, repr=False)
    """What the responder needs of PQXDH; None after X3DH."""
    associated_data: bytes = field(default=b"", repr=False)
    """What of the agreement the session's associated data must hold: the KEM key's hash after PQXDH."""


@dataclass(frozen=True, slots=True)
class PrivatePrekeys:
    """The private halves of the prekeys that a first message names."""

    signed: Prekey
    one_time: Prekey | None
    kem: KemPrekey | None = None
    is_post_quantum: bool = False
    """Whether the signed prekey is signed for PQXDH alone: then a message without it is a forgery."""


class RoostX3DH(x3dh.BaseState):
    """The package's state with our encoding of public keys."""

    @staticmethod
    def _encode_public_key(key_format: x3dh.IdentityKeyFormat, pub: bytes) -> bytes:
        if key_format is x3dh.IdentityKeyFormat.CURVE_25519:
            return SIGNED_PREKEY_CONTEXT + pub
        return IDENTITY_KEY_CONTEXT + pub


def agree_as_initiator(
    identity: IdentityKeyPair, bundle: Bundle, entropy: Entropy, encapsulate: Encapsulate
) -> Agreement:
    """Agree with the device that published ``bundle``: by PQXDH if it does that, else by X3DH.

    Raises:
        BadBundleError: the bundle does not verify, or a key in it is a point that may not be used.
        DowngradedBundleError: it lacks the KEM prekey that its signature speaks of.
    """
    bundle.verify()
    ephemeral = entropy(KEY_BYTES)
    own, their_identity = identity.agreement_private, agreement_key(bundle.identity_key)
    signed_prekey = bundle.signed_prekey.key
    pairs = [(own, signed_prekey), (ephemeral, their_identity), (ephemeral, signed_prekey)]
    if bundle.prekey is not None:
        pairs.append((ephemeral, bundle.prekey.key))
    try:
        shared = diffie_hellman(pairs)
    except xeddsa.XEdDSAException:
        raise BadBundleError("a prekey in the bundle is a point that may not be used") from None
    ephemeral_key = xeddsa.priv_to_curve25519_pub(ephemeral)
    if bundle.kem_prekey is None:
        return Agreement(derive(X3DH_INFO, shared), ephemeral_key)
    kem_secret, ciphertext = encapsulate(bundle.kem_prekey.key)
    return Agreement(
        derive(PQXDH_INFO, shared + kem_secret),
        ephemeral_key,
        KemOpening(bundle.kem_prekey.id, ciphertext),
        kem_associated_data(bundle.kem_prekey.key),
    )


def agree_as_responder(
    identity: IdentityKeyPair, prekeys: PrivatePrekeys, first: PrekeyMessage
) -> tuple[bytes, bytes]:
    """The same secret, from the private halves of the prekeys that the initiator chose.

    Returns:
        The secret, and what of the agreement the session's associated data must hold.

    Raises:
        BadCiphertextError: a key of the initiator is a point that may not be used.
        DowngradedMessageError: there is no KEM ciphertext, and the signed prekey is for PQXDH alone.
    """
    if first.kem is None:
        if prekeys.is_post_quantum:
            raise DowngradedMessageError("a session was opened by X3DH with a signed prekey for PQXDH")
        return _agree_by_package(identity, prekeys, first), b""
    if prekeys.kem is None:
        raise BadCiphertextError("a session was opened by PQXDH without a KEM prekey")
    ephemeral = first.ephemeral_key
    try:
        their_identity = agreement_key(first.identity_key)
        pairs = [
            (prekeys.signed.private, their_identity),
            (identity.agreement_private, ephemeral),
            (prekeys.signed.private, ephemeral),
        ]
        if prekeys.one_time is not None:
            pairs.append((prekeys.one_time.private, ephemeral))
        shared = diffie_hellman(pairs)
    except (BadBundleError, xeddsa.XEdDSAException):
        raise BadCiphertextError("a key of the initiator is a point that may not be used") from None
    secret = derive(PQXDH_INFO, shared + prekeys.kem.decapsulate(first.kem.ciphertext))
    return secret, kem_associated_data(prekeys.kem.public)


def diffie_hellman(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """The outputs of X25519 for some pairs of a private and a public key, one behind the other.

    Raises:
        xeddsa.XEdDSAException: an output is all zeros, so a key is a point of low order.
    """
    return b"".join(xeddsa.x25519(private, public) for private, public in pairs)


def derive(info: bytes, shared: bytes) -> bytes:
    """KDF of X3DH and of PQXDH: the outputs of X25519, then the KEM's secret if there is one."""
    return HKDF(SHA256(), 32, bytes(32), info).derive(_IN_FRONT + shared)


def kem_associated_data(kem_key: bytes) -> bytes:
    """The KEM key as the session's associated data holds it.

    As PQXDH, section 4.12, advises. The hash stands for the key, which is 1,184 bytes and would be kept with
    each session and authenticated with each message.
    """
    return hashlib.sha256(KEM_PREKEY_CONTEXT + kem_key).digest()


def _agree_by_package(identity: IdentityKeyPair, prekeys: PrivatePrekeys, first: PrekeyMessage) -> bytes:
    header = x3dh.Header(
        identity_key=first.identity_key,
        ephemeral_key=first.ephemeral_key,
        signed_pre_key=prekeys.signed.public,
        pre_key=prekeys.one_time.public if prekeys.one_time else None,
    )
    state = _package_state(identity, prekeys.signed, prekeys.one_time)
    try:
        secret, _, _ = finish(state.get_shared_secret_passive(header, require_pre_key=False))
    except (xeddsa.XEdDSAException, ValueError):
        raise BadCiphertextError("a key of the initiator is a point that may not be used") from None
    return secret


def _package_state(identity: IdentityKeyPair, signed_prekey: Prekey, prekey: Prekey | None) -> RoostX3DH:
    """The package's state, holding just the keys of one agreement."""
    model = x3dh.models.BaseStateModel(
        identity_key=x3dh.models.IdentityKeyPairModel(
            secret=identity.seed, secret_type=x3dh.types.SecretType.SEED
        ),
        # Signature and time are only for publishing, which the package is not asked to do.
        signed_pre_key=x3dh.models.SignedPreKeyPairModel(priv=signed_prekey.private, sig=b"", timestamp=0),
        old_signed_pre_key=None,
        pre_keys=frozenset([prekey.private] if prekey else []),
    )
    return RoostX3DH.from_model(model, x3dh.IdentityKeyFormat.ED_25519, x3dh.HashFunction.SHA_256, X3DH_INFO)
