"""A stand-in for ML-KEM-768 whose randomness comes from the seed, and which costs nothing.

``cryptography`` draws a sender's randomness inside OpenSSL, where no seed reaches it. The stand-in has the
sizes of the real one and its one property that matters here: who has the private key gets the sender's
secret. It keeps nothing from anybody. What it replaces is OpenSSL's code and not ours.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from client import encapsulation
from faults.substitution import substituted
from protocol.e2e import kem
from protocol.limits import KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES

SECRET_BYTES = 32


class _Public:
    def __init__(self, key: bytes, entropy: Callable[[int], bytes]) -> None:
        if len(key) != KEM_KEY_BYTES:
            raise ValueError("an ML-KEM-768 key has another length")
        self._key = key
        self._entropy = entropy

    def public_bytes_raw(self) -> bytes:
        return self._key

    def encapsulate(self) -> tuple[bytes, bytes]:
        ciphertext = self._entropy(32).ljust(KEM_CIPHERTEXT_BYTES, b"\0")
        return _secret(self._key, ciphertext), ciphertext


class _Private:
    def __init__(self, seed: bytes, entropy: Callable[[int], bytes]) -> None:
        self._public = _Public(hashlib.shake_128(seed).digest(KEM_KEY_BYTES), entropy)

    def public_key(self) -> _Public:
        return self._public

    def decapsulate(self, ciphertext: bytes) -> bytes:
        return _secret(self._public.public_bytes_raw(), ciphertext)


def _secret(key: bytes, ciphertext: bytes) -> bytes:
    return hashlib.blake2b(key + ciphertext, digest_size=SECRET_BYTES).digest()


@contextmanager
def simulated_kem(entropy: Callable[[int], bytes]) -> Iterator[None]:
    """Use the stand-in for the length of a block."""

    class Public:
        @staticmethod
        def from_public_bytes(key: bytes) -> _Public:
            return _Public(key, entropy)

    class Private:
        @staticmethod
        def from_seed_bytes(seed: bytes) -> _Private:
            return _Private(seed, entropy)

    with ExitStack() as stack:
        stack.enter_context(substituted(encapsulation, "MLKEM768PublicKey", Public))
        stack.enter_context(substituted(kem, "MLKEM768PrivateKey", Private))
        yield
