"""ML-KEM-768 prekeys (FIPS 203): the half of the first agreement that a quantum computer does not open.

Keys come from 64 injected bytes, FIPS 203's ``d`` and ``z``, which is all that is stored of them. A sender's
randomness cannot be injected into ``cryptography``: hence the port ``Encapsulate``, whose real side is
outside of this package (``client/encapsulation.py``).

No private key shows in a ``repr``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

from protocol.e2e.errors import BadBundleError, MisuseError
from protocol.e2e.keys import (
    MAX_PREKEY_ID,
    SIGNATURE_BYTES,
    Entropy,
    IdentityKeyPair,
    verify_signature,
)
from protocol.limits import KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES

KEM_SEED_BYTES = 64

KEM_PREKEY_CONTEXT = b"Roost 2 ML-KEM-768 prekey\x00"
"""Precedes the key in what is signed and hashed: no KEM key can be taken for another kind of key."""

Encapsulate = Callable[[bytes], tuple[bytes, bytes]]
"""Makes a secret of 32 bytes and its ciphertext for a public key; raises BadBundleError if it is no key."""


@dataclass(frozen=True, slots=True)
class PublicKemPrekey:
    """A KEM prekey as it is published: one-time, or the last resort when those have run out."""

    id: int
    key: bytes = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KemPrekey:
    """A numbered ML-KEM-768 key pair, one-time or last-resort."""

    id: int
    seed: bytes = field(repr=False)
    public: bytes = field(repr=False)

    @classmethod
    def generate(cls, prekey_id: int, entropy: Entropy) -> "KemPrekey":
        """A new prekey with this number, from 64 bytes of ``entropy``."""
        return cls.from_seed(prekey_id, entropy(KEM_SEED_BYTES))

    @classmethod
    def from_seed(cls, prekey_id: int, seed: bytes) -> "KemPrekey":
        """The prekey that belongs to a stored seed.

        Raises:
            MisuseError: the seed is not 64 bytes or the number not 1 to 2^32 - 1.
        """
        if len(seed) != KEM_SEED_BYTES:
            raise MisuseError(f"a seed has {KEM_SEED_BYTES} bytes, this one has {len(seed)}")
        if not 1 <= prekey_id <= MAX_PREKEY_ID:
            raise MisuseError(f"prekey number {prekey_id} is not 1 to 2^32 - 1")
        return cls(prekey_id, seed, MLKEM768PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw())

    def signed_by(self, identity: IdentityKeyPair) -> PublicKemPrekey:
        """What others may see of it, with the identity's word that it is theirs."""
        return PublicKemPrekey(self.id, self.public, identity.sign(KEM_PREKEY_CONTEXT + self.public))

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """The secret in a ciphertext. One made for another key gives another secret, and no error.

        Raises:
            MisuseError: the ciphertext is not 1,088 bytes.
        """
        if len(ciphertext) != KEM_CIPHERTEXT_BYTES:
            raise MisuseError(f"a KEM ciphertext has {KEM_CIPHERTEXT_BYTES} bytes, not {len(ciphertext)}")
        return MLKEM768PrivateKey.from_seed_bytes(self.seed).decapsulate(ciphertext)


def verify_kem_prekey(identity_key: bytes, prekey: PublicKemPrekey) -> None:
    """Check a KEM prekey's lengths and number, and that the identity signed it.

    Raises:
        BadBundleError: it is none, or it did not.
    """
    if len(prekey.key) != KEM_KEY_BYTES or len(prekey.signature) != SIGNATURE_BYTES:
        raise BadBundleError("a KEM prekey or its signature has the wrong length")
    if not 1 <= prekey.id <= MAX_PREKEY_ID:
        raise BadBundleError("a prekey number in the bundle is out of range")
    if not verify_signature(identity_key, KEM_PREKEY_CONTEXT + prekey.key, prekey.signature):
        raise BadBundleError("the KEM prekey is not signed by the identity")
