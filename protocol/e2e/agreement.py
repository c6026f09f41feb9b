"""X3DH: how two devices agree on a first secret although one of them is asleep.

The responding half is the ``x3dh`` package, whose state we fill with our own keys. The initiating half is
written out here with the same primitives, for one reason: the package draws the ephemeral key from
``secrets``, and in this house every random byte comes from the injected entropy. A test lets both halves
of the package and of ours agree with each other, in every combination.

https://signal.org/docs/specifications/x3dh/
"""

from dataclasses import dataclass, field

import x3dh
import x3dh.identity_key_pair
import x3dh.models
import x3dh.types
import xeddsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.e2e.coroutines import finish
from protocol.e2e.errors import BadBundleError, BadCiphertextError
from protocol.e2e.keys import (
    IDENTITY_KEY_CONTEXT,
    KEY_BYTES,
    SIGNED_PREKEY_CONTEXT,
    Bundle,
    Entropy,
    IdentityKeyPair,
    Prekey,
    agreement_key,
)

X3DH_INFO = b"Roost 1 X3DH"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an initiator has after X3DH."""

    secret: bytes = field(repr=False)
    ephemeral_key: bytes
    """The public half of the key made for this agreement; it also serves as the session's name."""


class RoostX3DH(x3dh.BaseState):
    """The package's state with our encoding of public keys."""

    @staticmethod
    def _encode_public_key(key_format: x3dh.IdentityKeyFormat, pub: bytes) -> bytes:
        if key_format is x3dh.IdentityKeyFormat.CURVE_25519:
            return SIGNED_PREKEY_CONTEXT + pub
        return IDENTITY_KEY_CONTEXT + pub


def agree_as_initiator(identity: IdentityKeyPair, bundle: Bundle, entropy: Entropy) -> Agreement:
    """Agree with the device that published ``bundle``.

    Raises:
        BadBundleError: the bundle does not verify, or a key in it is a point that may not be used.
    """
    bundle.verify()
    ephemeral = entropy(KEY_BYTES)
    own, their_identity = identity.agreement_private, agreement_key(bundle.identity_key)
    signed_prekey = bundle.signed_prekey.key
    pairs = [(own, signed_prekey), (ephemeral, their_identity), (ephemeral, signed_prekey)]
    if bundle.prekey is not None:
        pairs.append((ephemeral, bundle.prekey.key))
    try:
        shared = b"".join(xeddsa.x25519(private, public) for private, public in pairs)
    except xeddsa.XEdDSAException:
        raise BadBundleError("a prekey in the bundle is a point that may not be used") from None
    # The 32 bytes of 0xFF in front keep the input distinct from any X25519 output (X3DH, section 2.2).
    secret = HKDF(SHA256(), 32, bytes(32), X3DH_INFO).derive(b"\xff" * 32 + shared)
    return Agreement(secret, xeddsa.priv_to_curve25519_pub(ephemeral))


def agree_as_responder(
    identity: IdentityKeyPair,
    signed_prekey: Prekey,
    prekey: Prekey | None,
    their_identity_key: bytes,
    their_ephemeral_key: bytes,
) -> bytes:
    """The same secret, from the private halves of the prekeys that the initiator chose.

    Raises:
        BadCiphertextError: a key of the initiator is a point that may not be used.
    """
    header = x3dh.Header(
        identity_key=their_identity_key,
        ephemeral_key=their_ephemeral_key,
        signed_pre_key=signed_prekey.public,
        pre_key=prekey.public if prekey else None,
    )
    state = _package_state(identity, signed_prekey, prekey)
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
