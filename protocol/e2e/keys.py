"""The keys of a device on Curve25519: identity, signed prekey, one-time prekeys.

The identity key is an **Ed25519** key pair made from a 32-byte seed, and travels in its Ed25519 form. Signal
sends the Curve25519 form and signs with XEdDSA, which needs a convention for a sign bit and a signature
scheme that few libraries have; from an Ed25519 key the Curve25519 one follows without a choice, its
signatures are those of RFC 8032, and a relay can check them with any crypto library. Prekeys are plain
X25519 keys. Not here: the KEM prekeys (kem.py), and the public bundle made of all of them (bundle.py).

No private key shows in a ``repr``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import xeddsa

from protocol.e2e.errors import BadBundleError, MisuseError

Entropy = Callable[[int], bytes]
"""A source of random bytes; ``actors.ports`` has the real one, which this package may not import."""

KEY_BYTES = 32
SIGNATURE_BYTES = 64
MAX_PREKEY_ID = 2**32 - 1

SIGNED_PREKEY_CONTEXT = b"Roost 1 signed prekey\x00"
"""Precedes the key in what is signed: no other signature of the identity key can be taken for this one."""

PQ_SIGNED_PREKEY_CONTEXT = b"Roost 2 signed prekey\x00"
"""The same of a device that does PQXDH. So its signature says that there is a KEM prekey in every bundle, and
a relay that takes it out is found: the old context was never signed for this prekey."""

IDENTITY_KEY_CONTEXT = b"Roost 1 identity key\x00"
"""Precedes an identity key wherever it is hashed or authenticated, for the same reason."""


@dataclass(frozen=True, slots=True)
class IdentityKeyPair:
    """The long-term key pair of a device: it signs, and it agrees on secrets."""

    seed: bytes = field(repr=False)
    public: bytes

    @classmethod
    def generate(cls, entropy: Entropy) -> "IdentityKeyPair":
        """A new pair from 32 bytes of ``entropy``."""
        return cls.from_seed(entropy(KEY_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> "IdentityKeyPair":
        """The pair that belongs to a stored seed.

        Raises:
            MisuseError: the seed is not 32 bytes.
        """
        _insist_on_key(seed)
        return cls(seed, xeddsa.seed_to_ed25519_pub(seed))

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature (RFC 8032): deterministic, so it needs no entropy."""
        return xeddsa.ed25519_seed_sign(self.seed, message)

    @property
    def agreement_private(self) -> bytes:
        """The X25519 private key that belongs to the same identity."""
        return xeddsa.seed_to_priv(self.seed)


@dataclass(frozen=True, slots=True)
class PublicPrekey:
    """A one-time prekey as it is published."""

    id: int
    key: bytes


@dataclass(frozen=True, slots=True)
class PublicSignedPrekey:
    """A signed prekey as it is published."""

    id: int
    key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Prekey:
    """A numbered X25519 key pair, one-time or signed."""

    id: int
    private: bytes = field(repr=False)
    public: bytes

    @classmethod
    def generate(cls, prekey_id: int, entropy: Entropy) -> "Prekey":
        """A new prekey with this number."""
        return cls.from_private(prekey_id, entropy(KEY_BYTES))

    @classmethod
    def from_private(cls, prekey_id: int, private: bytes) -> "Prekey":
        """The prekey that belongs to a stored private key.

        Raises:
            MisuseError: the key is not 32 bytes or the number not 1 to 2^32 - 1.
        """
        _insist_on_key(private)
        if not 1 <= prekey_id <= MAX_PREKEY_ID:
            raise MisuseError(f"prekey number {prekey_id} is not 1 to 2^32 - 1")
        return cls(prekey_id, private, xeddsa.priv_to_curve25519_pub(private))

    def published(self) -> PublicPrekey:
        """What others may see of it."""
        return PublicPrekey(self.id, self.public)

    def signed_by(self, identity: IdentityKeyPair, *, post_quantum: bool = False) -> PublicSignedPrekey:
        """What others may see of it, with the identity's word that it is theirs.

        Args:
            identity: whose it is.
            post_quantum: that word says, besides, that this prekey is for agreements with a KEM prekey alone.
        """
        signature = identity.sign(signed_prekey_context(post_quantum=post_quantum) + self.public)
        return PublicSignedPrekey(self.id, self.public, signature)


def signed_prekey_context(*, post_quantum: bool) -> bytes:
    """What precedes a signed prekey in its signature."""
    return PQ_SIGNED_PREKEY_CONTEXT if post_quantum else SIGNED_PREKEY_CONTEXT


def verify_signed_prekey(
    identity_key: bytes, prekey: PublicSignedPrekey, *, post_quantum: bool = False
) -> None:
    """Check that the identity signed this prekey, for agreements with a KEM prekey or for those without.

    Raises:
        BadBundleError: it did not.
    """
    if len(prekey.signature) != SIGNATURE_BYTES or len(identity_key) != KEY_BYTES:
        raise BadBundleError("a signature or an identity key has the wrong length")
    signed = signed_prekey_context(post_quantum=post_quantum) + prekey.key
    if not verify_signature(identity_key, signed, prekey.signature):
        raise BadBundleError("the signed prekey is not signed by the identity")


def verify_signature(identity_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this is the identity's signature (RFC 8032) of the message; all lengths must be right."""
    return xeddsa.ed25519_verify(signature, identity_key, message)


def agreement_key(identity_key: bytes) -> bytes:
    """The X25519 public key of an identity.

    Raises:
        BadBundleError: the bytes are not a point that may be used.
    """
    try:
        return xeddsa.ed25519_pub_to_curve25519_pub(identity_key)
    except (xeddsa.XEdDSAException, ValueError):
        raise BadBundleError("the identity key is not a usable Ed25519 key") from None


def _insist_on_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise MisuseError(f"a key has {KEY_BYTES} bytes, this one has {len(key)}")
