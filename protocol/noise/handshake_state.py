"""HandshakeState of Noise (revision 34, section 5.3): writes and reads the messages of a pattern.

A handshake is used by turns, `write_message` and `read_message`, until `is_finished`; then `finish()` gives
the Transport, a new type, and the handshake is of no more use.
Guarantees: of any message that is read only NoiseError comes out, and then the handshake is dead.
"""

from collections.abc import Callable

from protocol.errors import DecryptionError, InvalidKeyError, NoiseStateError
from protocol.limits import MAX_FRAME_BYTES
from protocol.noise.patterns import Pattern, Token, parse_protocol_name
from protocol.noise.primitives import TAG_BYTES, KeyPair
from protocol.noise.symmetric_state import SymmetricState
from protocol.noise.transport import Transport


class HandshakeState:
    """One side of one handshake.

    Args:
        protocol_name: e.g. "Noise_XX_25519_AESGCM_SHA256".
        initiator: whether we send the first message.
        entropy: gives the random bytes of our ephemeral key; nothing else is drawn.
        static: our own static key, if the pattern has one.
        remote_static: the peer's, if the pattern says that we know it beforehand.
        prologue: what both sides must agree on having seen before.

    Raises:
        UnsupportedNoiseError: the name is not in the tables.
        NoiseStateError: a key that the pattern needs is missing.
        InvalidKeyError: `remote_static` has the wrong length.
    """

    __slots__ = (
        "_entropy", "_ephemeral", "_initiator", "_message", "_pattern", "_remote_ephemeral",
        "_static", "_suite", "_symmetric", "remote_static",
    )  # fmt: skip

    def __init__(
        self,
        protocol_name: str,
        *,
        initiator: bool,
        entropy: Callable[[int], bytes],
        static: KeyPair | None = None,
        remote_static: bytes | None = None,
        prologue: bytes = b"",
    ) -> None:
        self._pattern, self._suite = parse_protocol_name(protocol_name)
        self._initiator = initiator
        self._entropy = entropy
        self._static = static
        self._ephemeral: KeyPair | None = None
        self._remote_ephemeral: bytes | None = None
        self._message: int | None = 0  # the place in the pattern; None once the handshake has failed
        self.remote_static = remote_static
        self._check_keys(self._pattern)
        self._symmetric = SymmetricState(protocol_name, self._suite)
        self._symmetric.mix_hash(prologue)
        self._mix_known_keys()

    @property
    def is_finished(self) -> bool:
        """Whether all messages of the pattern have been written and read."""
        return self._message == len(self._pattern.messages)

    @property
    def is_our_turn(self) -> bool:
        """Whether the next message is ours to write."""
        return (
            not self.is_finished and self._message is not None and (self._message % 2 == 0) is self._initiator
        )

    def write_message(self, payload: bytes = b"") -> bytes:
        """Return our next message.

        Raises:
            NoiseStateError: it is not our turn, or the payload is too long.
            InvalidKeyError: the peer's key is of small order.
        """
        if not self.is_our_turn:
            raise NoiseStateError("not our turn to write")
        tokens, place = self._begin()
        parts = [self._write_token(token) for token in tokens]
        parts.append(self._symmetric.encrypt_and_hash(payload))
        message = b"".join(parts)
        if len(message) > MAX_FRAME_BYTES:
            raise NoiseStateError(f"a handshake message of {len(message)} bytes")
        self._message = place + 1
        return message

    def read_message(self, message: bytes) -> bytes:
        """Take in the peer's next message and return its payload.

        Raises:
            NoiseStateError: it is not the peer's turn.
            DecryptionError: the message is too short, too long, or not authentic.
            InvalidKeyError: a key in it is of small order.
        """
        if self.is_our_turn or self.is_finished or self._message is None:
            raise NoiseStateError("not our turn to read")
        tokens, place = self._begin()
        if len(message) > MAX_FRAME_BYTES:
            raise DecryptionError("longer than a Noise message")
        for token in tokens:
            message = self._read_token(token, message)
        payload = self._symmetric.decrypt_and_hash(message)
        self._message = place + 1
        return payload

    def finish(self) -> Transport:
        """Return the Transport.

        Raises:
            NoiseStateError: the handshake is not finished.
        """
        if not self.is_finished:
            raise NoiseStateError("the handshake is not finished")
        first, second = self._symmetric.split()
        sending, receiving = (first, second) if self._initiator else (second, first)
        one_way = self._pattern.is_one_way
        return Transport(
            None if one_way and not self._initiator else sending,
            None if one_way and self._initiator else receiving,
            self._symmetric.handshake_hash,
            self.remote_static,
        )

    # --- Tokens ---

    def _begin(self) -> tuple[tuple[Token, ...], int]:
        """Return the tokens of this message and its place; dead unless the caller succeeds and counts on."""
        place = self._message
        assert place is not None
        self._message = None
        return self._pattern.messages[place], place

    def _write_token(self, token: Token) -> bytes:
        if token is Token.E:
            self._ephemeral = self._suite.dh.generate(self._entropy)
            self._symmetric.mix_hash(self._ephemeral.public)
            return self._ephemeral.public
        if token is Token.S:
            assert self._static is not None
            return self._symmetric.encrypt_and_hash(self._static.public)
        self._symmetric.mix_key(self._exchange(token))
        return b""

    def _read_token(self, token: Token, message: bytes) -> bytes:
        """Take a token's bytes off the front of the message and return the rest."""
        if token is Token.E:
            self._remote_ephemeral, message = _cut(message, self._suite.dh.size)
            self._symmetric.mix_hash(self._remote_ephemeral)
        elif token is Token.S:
            size = self._suite.dh.size + (TAG_BYTES if self._symmetric.has_key else 0)
            encrypted, message = _cut(message, size)
            self.remote_static = self._symmetric.decrypt_and_hash(encrypted)
        else:
            self._symmetric.mix_key(self._exchange(token))
        return message

    def _exchange(self, token: Token) -> bytes:
        """DH for ee, es, se, ss: the first letter is the initiator's key, the second the responder's."""
        ours, theirs = (0, 1) if self._initiator else (1, 0)
        pair = self._ephemeral if token.name[ours] == "E" else self._static
        public = self._remote_ephemeral if token.name[theirs] == "E" else self.remote_static
        assert pair is not None
        assert public is not None
        return self._suite.dh.exchange(pair, public)

    # --- Before the first message ---

    def _check_keys(self, pattern: Pattern) -> None:
        if self._static is None and pattern.sends_static(initiator=self._initiator):
            raise NoiseStateError(f"{pattern.name} needs a static key of our own")
        knows_remote = pattern.responder_pre if self._initiator else pattern.initiator_pre
        if knows_remote is not (self.remote_static is not None):
            raise NoiseStateError(
                f"{pattern.name}: the peer's static key is {'missing' if knows_remote else 'not known yet'}"
            )
        if self.remote_static is not None and len(self.remote_static) != self._suite.dh.size:
            raise InvalidKeyError(f"a public key has {self._suite.dh.size} bytes")

    def _mix_known_keys(self) -> None:
        """The pre-messages: initiator's key first (section 5.3)."""
        own = self._static.public if self._static is not None else None
        initiator_key, responder_key = (
            (own, self.remote_static) if self._initiator else (self.remote_static, own)
        )
        if self._pattern.initiator_pre:
            assert initiator_key is not None
            self._symmetric.mix_hash(initiator_key)
        if self._pattern.responder_pre:
            assert responder_key is not None
            self._symmetric.mix_hash(responder_key)


def _cut(message: bytes, size: int) -> tuple[bytes, bytes]:
    if len(message) < size:
        raise DecryptionError("the handshake message is too short")
    return message[:size], message[size:]
