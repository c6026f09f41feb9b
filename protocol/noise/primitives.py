"""The primitives that Noise is built from (revision 34, sections 4 and 12), in three tables by their names.

A suite that is not here is added by a row, nothing else. Roost speaks 25519, AESGCM and SHA256 only: fewer
choices are fewer mistakes, and all three are done by OpenSSL.
Nothing here draws randomness by itself: `generate` is given an entropy function.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.errors import InvalidKeyError, UnsupportedNoiseError

KEY_BYTES: Final = 32
TAG_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A Diffie-Hellman key pair; only the public half is ever shown by repr."""

    private: X25519PrivateKey = field(repr=False)
    public: bytes

    @classmethod
    def from_private_bytes(cls, private: bytes) -> "KeyPair":
        """Return the 25519 pair of a 32-byte private key.

        Raises:
            InvalidKeyError: another length.
        """
        if len(private) != KEY_BYTES:
            raise InvalidKeyError(f"a private key has {KEY_BYTES} bytes, not {len(private)}")
        key = X25519PrivateKey.from_private_bytes(private)
        return cls(key, key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, entropy: Callable[[int], bytes]) -> "KeyPair":
        """Return a new 25519 pair from 32 bytes of the entropy that is given."""
        return cls.from_private_bytes(entropy(KEY_BYTES))


class Aead(Protocol):
    """An AEAD under one key, as `cryptography` has them."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes:
        """Return ciphertext and tag."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes:
        """Return the plaintext; raise `cryptography.exceptions.InvalidTag`."""


@dataclass(frozen=True, slots=True)
class DhFunction:
    """A row of the DH table."""

    size: int
    exchange: Callable[[KeyPair, bytes], bytes]
    generate: Callable[[Callable[[int], bytes]], KeyPair]


@dataclass(frozen=True, slots=True)
class CipherFunction:
    """A row of the cipher table: how to make one from a key, and how it writes its nonce."""

    new: Callable[[bytes], Aead]
    nonce: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class HashFunction:
    """A row of the hash table."""

    new: Callable[[bytes], "hashlib._Hash"]
    algorithm: hashes.HashAlgorithm
    size: int

    def digest(self, data: bytes) -> bytes:
        """HASH(data)."""
        return self.new(data).digest()

    def hkdf(self, chaining_key: bytes, material: bytes) -> tuple[bytes, bytes]:
        """HKDF(chaining_key, input_key_material, 2) of section 4.3; three outputs are for a PSK.

        It is RFC 5869's with the chaining key as salt and without info, as the section says, so one call of
        OpenSSL's does it: 14 µs where the six hashes by themselves take 34, and a handshake has five of it.
        """
        size = self.size
        whole = HKDF(self.algorithm, 2 * size, chaining_key, b"").derive(material)
        return whole[:size], whole[size:]


def _exchange_25519(pair: KeyPair, public: bytes) -> bytes:
    """DH(key_pair, public_key).

    Section 12.1 leaves the check for an all-zero result to the implementation. We refuse it: it means that
    the peer sent a point of small order, and its share of the secret would be known to everybody.
    """
    if len(public) != KEY_BYTES:
        raise InvalidKeyError(f"a public key has {KEY_BYTES} bytes, not {len(public)}")
    try:
        return pair.private.exchange(_read_public_25519(public))
    except ValueError:  # what `cryptography` says of an all-zero result
        raise InvalidKeyError("the peer's public key is of small order") from None


@lru_cache(maxsize=64)
def _read_public_25519(public: bytes) -> X25519PublicKey:
    """The peer's key as OpenSSL has it. A handshake uses each of them twice, one use soon after the other."""
    return X25519PublicKey.from_public_bytes(public)


def _nonce_aesgcm(number: int) -> bytes:
    """32 bits of zeros, then the number as 64 bits, big-endian (section 12.3)."""
    return number.to_bytes(12)


DH_FUNCTIONS: Final[dict[str, DhFunction]] = {
    "25519": DhFunction(KEY_BYTES, _exchange_25519, KeyPair.generate),
}
CIPHERS: Final[dict[str, CipherFunction]] = {"AESGCM": CipherFunction(AESGCM, _nonce_aesgcm)}
HASHES: Final[dict[str, HashFunction]] = {"SHA256": HashFunction(hashlib.sha256, hashes.SHA256(), 32)}


class Suite(NamedTuple):
    """The three primitives of a Noise protocol name."""

    dh: DhFunction
    cipher: CipherFunction
    hash: HashFunction


def find_suite(dh: str, cipher: str, hash_name: str) -> Suite:
    """Look the three names of a Noise protocol name up.

    Raises:
        UnsupportedNoiseError: one of them is not in its table; says which.
    """
    for name, table in ((dh, DH_FUNCTIONS), (cipher, CIPHERS), (hash_name, HASHES)):
        if name not in table:
            raise UnsupportedNoiseError(f"no primitive named {name!r}")
    return Suite(DH_FUNCTIONS[dh], CIPHERS[cipher], HASHES[hash_name])
