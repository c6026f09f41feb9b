"""What a finished handshake leaves: two keys, one for each direction, and who the peer is."""

from protocol.errors import NoiseStateError
from protocol.limits import AEAD_TAG_BYTES, MAX_FRAME_BYTES
from protocol.noise.cipher_state import CipherState


class Transport:
    """Encrypts what we say and decrypts what the peer says, in order, each message once.

    A message that is replayed, reordered, truncated or changed does not decrypt: the nonce is the count of
    messages and never travels.

    Attributes:
        handshake_hash: a name of this channel that both sides know and nobody else can choose.
        remote_static: the peer's static key; None if its pattern has none.
    """

    __slots__ = ("_receiving", "_sending", "handshake_hash", "remote_static")

    def __init__(
        self,
        sending: CipherState | None,
        receiving: CipherState | None,
        handshake_hash: bytes,
        remote_static: bytes | None,
    ) -> None:
        self._sending = sending
        self._receiving = receiving
        self.handshake_hash = handshake_hash
        self.remote_static = remote_static

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return the next message to the peer.

        Raises:
            NoiseStateError: a one-way pattern gives us no key to send with, or the message is too long.
            NonceExhaustedError: the key is used up.
        """
        if self._sending is None:
            raise NoiseStateError("the pattern is one-way: this side only listens")
        if len(plaintext) + AEAD_TAG_BYTES > MAX_FRAME_BYTES:
            raise NoiseStateError(f"a plaintext of {len(plaintext)} bytes does not fit a Noise message")
        return self._sending.encrypt(plaintext)

    def decrypt(self, message: bytes) -> bytes:
        """Return what the peer's next message says.

        Raises:
            DecryptionError: it is not authentic, or not the next one; nothing has changed.
            NoiseStateError: a one-way pattern gives us no key to listen with.
            NonceExhaustedError: the key is used up.
        """
        if self._receiving is None:
            raise NoiseStateError("the pattern is one-way: this side only speaks")
        return self._receiving.decrypt(message)

    def peek(self, message: bytes) -> bytes:
        """Return what `decrypt` would, and change nothing: it is still the next message, until `skip`.

        Raises:
            DecryptionError, NoiseStateError, NonceExhaustedError: as `decrypt`.
        """
        if self._receiving is None:
            raise NoiseStateError("the pattern is one-way: this side only speaks")
        return self._receiving.peek(message)

    def skip(self) -> None:
        """Count a message that `peek` has shown as decrypted."""
        assert self._receiving is not None
        self._receiving.skip()

    def rekey_sending(self) -> None:
        """Change the key we send with; the peer must do the same for receiving at the same message."""
        if self._sending is not None:
            self._sending.rekey()

    def rekey_receiving(self) -> None:
        """Change the key we listen with."""
        if self._receiving is not None:
            self._receiving.rekey()

    def export(self) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
        """(key, nonce) for sending and for receiving, so that another process can go on in our place.

        Raises:
            NoiseStateError: the pattern is one-way.
        """
        if self._sending is None or self._receiving is None:
            raise NoiseStateError("the pattern is one-way: there are no two keys")
        return self._sending.export(), self._receiving.export()

    def rest(self) -> None:
        """Drop the cipher objects of an idle connection; the keys stay, and the next use rebuilds them."""
        if self._sending is not None:
            self._sending.rest()
        if self._receiving is not None:
            self._receiving.rest()
