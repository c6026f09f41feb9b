"""CipherState of Noise (revision 34, section 5.1): a key, a counter of nonces, and an AEAD.

It keeps the 32 bytes of the key. The cipher object of OpenSSL, 2.5 KB and 1.4 µs to build, is made when it is
used, kept once there is more than a greeting to encrypt, and dropped by `rest()`: 15,000 idle connections
need not keep 75 MB of key schedules, nor leave so much of the heap in holes when they all log in at once.
"""

from typing import Final

from cryptography.exceptions import InvalidTag

from protocol.errors import DecryptionError, NoiseStateError, NonceExhaustedError
from protocol.noise.primitives import KEY_BYTES, TAG_BYTES, Aead, CipherFunction

# 2^64-1 is reserved for rekey (section 5.1), so the last nonce that may be used is one below.
MAX_NONCE: Final = 2**64 - 1

# The first messages of a key build a cipher object each. A device that logs in and falls silent says fewer.
KEEP_FROM_NONCE: Final = 4


class CipherState:
    """One direction's key. Without a key it passes plaintext through, as the specification has it."""

    __slots__ = ("_aead", "_cipher", "_key", "_nonce")

    def __init__(self, cipher: CipherFunction, key: bytes | None = None) -> None:
        """InitializeKey(key), or an empty state."""
        self._cipher = cipher
        self._key = key
        self._nonce = 0
        self._aead: Aead | None = None

    @property
    def has_key(self) -> bool:
        """HasKey()."""
        return self._key is not None

    @property
    def nonce(self) -> int:
        """The nonce of the next message: how many messages this key has seen."""
        return self._nonce

    def set_nonce(self, nonce: int) -> None:
        """SetNonce(nonce)."""
        self._nonce = nonce

    def export(self) -> tuple[bytes, int]:
        """The key and the nonce of the next message. From now on only one of us two may use them.

        Raises:
            NoiseStateError: there is no key.
        """
        if self._key is None:
            raise NoiseStateError("there is no key to export")
        return self._key, self._nonce

    def encrypt(self, plaintext: bytes, associated_data: bytes | None = None) -> bytes:
        """EncryptWithAd(ad, plaintext).

        Raises:
            NonceExhaustedError: the key has been used 2^64-1 times.
        """
        if self._key is None:
            return plaintext
        nonce = self._nonce
        if nonce >= MAX_NONCE:
            raise NonceExhaustedError("all nonces of this key are used")
        aead = self._aead or self._wake()
        ciphertext = aead.encrypt(self._cipher.nonce(nonce), plaintext, associated_data)
        self._nonce = nonce + 1
        return ciphertext

    def decrypt(self, ciphertext: bytes, associated_data: bytes | None = None) -> bytes:
        """DecryptWithAd(ad, ciphertext). The nonce counts on only if the message was authentic.

        Raises:
            DecryptionError: the tag does not match, or there is none.
            NonceExhaustedError: the key has been used 2^64-1 times.
        """
        if self._key is None:
            return ciphertext
        if len(ciphertext) < TAG_BYTES:
            raise DecryptionError("shorter than a tag")
        nonce = self._nonce
        if nonce >= MAX_NONCE:
            raise NonceExhaustedError("all nonces of this key are used")
        aead = self._aead or self._wake()
        try:
            plaintext = aead.decrypt(self._cipher.nonce(nonce), ciphertext, associated_data)
        except InvalidTag:
            raise DecryptionError("the tag does not match") from None
        self._nonce = nonce + 1
        return plaintext

    def peek(self, ciphertext: bytes, associated_data: bytes | None = None) -> bytes:
        """Return what `decrypt` would, and change nothing: the message is still the next one.

        Raises:
            DecryptionError, NonceExhaustedError: as `decrypt`.
        """
        nonce = self._nonce
        plaintext = self.decrypt(ciphertext, associated_data)
        self._nonce = nonce
        return plaintext

    def skip(self) -> None:
        """Count a message that `peek` has shown as decrypted."""
        self._nonce += 1

    def rekey(self) -> None:
        """Rekey(): replace the key by one that does not tell the old one. The nonce goes on.

        Raises:
            NoiseStateError: there is no key.
        """
        if self._key is None:
            raise NoiseStateError("there is no key to change")
        zeros = bytes(KEY_BYTES)
        self._key = self._wake().encrypt(self._cipher.nonce(MAX_NONCE), zeros, None)[:KEY_BYTES]
        self._aead = None

    def rest(self) -> None:
        """Drop the cipher object; the next message builds it again."""
        self._aead = None

    def _wake(self) -> Aead:
        """Build the cipher object; one that will be used again is kept until `rest`."""
        assert self._key is not None
        aead = self._cipher.new(self._key)
        if self._nonce >= KEEP_FROM_NONCE:
            self._aead = aead
        return aead
