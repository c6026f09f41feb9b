"""SymmetricState of Noise (revision 34, section 5.2): chaining key, handshake hash and a CipherState."""

from protocol.noise.cipher_state import CipherState
from protocol.noise.primitives import KEY_BYTES, Suite


class SymmetricState:
    """Mixes every key and every byte of a handshake into one state."""

    __slots__ = ("_chaining_key", "_cipher_state", "_hash", "_suite")

    def __init__(self, protocol_name: str, suite: Suite) -> None:
        """InitializeSymmetric(protocol_name)."""
        name = protocol_name.encode("ascii")
        size = suite.hash.size
        self._suite = suite
        self._hash = name.ljust(size, b"\0") if len(name) <= size else suite.hash.digest(name)
        self._chaining_key = self._hash
        self._cipher_state = CipherState(suite.cipher)

    @property
    def has_key(self) -> bool:
        """Whether payloads and static keys are encrypted by now."""
        return self._cipher_state.has_key

    @property
    def handshake_hash(self) -> bytes:
        """GetHandshakeHash(): after the handshake, a name of the channel that both sides know."""
        return self._hash

    def mix_key(self, material: bytes) -> None:
        """MixKey(input_key_material)."""
        self._chaining_key, key = self._suite.hash.hkdf(self._chaining_key, material)
        self._cipher_state = CipherState(self._suite.cipher, key[:KEY_BYTES])

    def mix_hash(self, data: bytes) -> None:
        """MixHash(data)."""
        self._hash = self._suite.hash.digest(self._hash + data)

    def encrypt_and_hash(self, plaintext: bytes) -> bytes:
        """EncryptAndHash(plaintext)."""
        ciphertext = self._cipher_state.encrypt(plaintext, self._hash)
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt_and_hash(self, ciphertext: bytes) -> bytes:
        """DecryptAndHash(ciphertext).

        Raises:
            DecryptionError: the ciphertext is not authentic; the state has not changed.
        """
        plaintext = self._cipher_state.decrypt(ciphertext, self._hash)
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[CipherState, CipherState]:
        """Split(): the initiator's sending key and the responder's."""
        first, second = self._suite.hash.hkdf(self._chaining_key, b"")
        cipher = self._suite.cipher
        return CipherState(cipher, first[:KEY_BYTES]), CipherState(cipher, second[:KEY_BYTES])
