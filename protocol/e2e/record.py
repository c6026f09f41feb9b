"""All sessions with one device of a peer: one to send with, and a few older ones that can still be read.

Which session sends? **The one that last opened a message**, as in Signal; before any has, the newest. When
both sides begin at once there are two sessions, each side sending with its own; as soon as one of them has
heard the other and answers, both send with the same one. Until then both can be read.
"""

from collections.abc import Callable

import cbor2

from protocol.e2e.agreement import PrivatePrekeys
from protocol.e2e.bundle import Bundle
from protocol.e2e.errors import (
    BadCiphertextError,
    BadStateError,
    DuplicateMessageError,
    NoSessionError,
    UntrustedIdentityError,
)
from protocol.e2e.kem import Encapsulate
from protocol.e2e.keys import Entropy, IdentityKeyPair
from protocol.e2e.message import PrekeyMessage, RatchetMessage, decode
from protocol.e2e.session import Session, load_state
from protocol.ids import DeviceAddress

RECORD_VERSION = 1

MAX_SESSIONS = 8
"""The current one and seven archived. Signal keeps 40 archived; a device that began eight sessions has lost
its state eight times, and every session kept is one more key for a forgery to be tried against."""

FindPrekeys = Callable[[int, int | None, int | None], PrivatePrekeys]
"""Finds the private signed, one-time and KEM prekey by their ids; raises PrekeyGoneError if one is gone."""


class SessionRecord:
    """The sessions between this device and one other. Nothing changes when a method raises.

    Args:
        own: this device's address.
        peer: the other device's address.
        entropy: where new ratchet keys come from.
        sessions: the sessions, the sending one first.
    """

    __slots__ = ("_entropy", "_own", "_peer", "_sessions")

    def __init__(
        self, own: DeviceAddress, peer: DeviceAddress, entropy: Entropy, sessions: list[Session] | None = None
    ) -> None:
        self._own = own
        self._peer = peer
        self._entropy = entropy
        self._sessions = sessions or []

    def __repr__(self) -> str:
        return f"<SessionRecord with {self._peer}: {len(self._sessions)} sessions>"

    @property
    def can_encrypt(self) -> bool:
        """Whether there is a session to send with."""
        return bool(self._sessions)

    @property
    def sending_session(self) -> bytes | None:
        """The name of the session that sends, for tests and logs."""
        return self._sessions[0].name if self._sessions else None

    def initiate(self, identity: IdentityKeyPair, bundle: Bundle, encapsulate: Encapsulate) -> None:
        """Begin a new session, which sends from now on.

        Raises:
            BadBundleError: the bundle does not verify.
            DowngradedBundleError: it lacks the KEM prekey that its signature speaks of.
        """
        self._put_first(Session.initiate(identity, self._own, self._peer, bundle, self._entropy, encapsulate))

    def encrypt(self, plaintext: bytes, device_proof: bytes | None = None) -> bytes:
        """Seal the next message. The record must be stored before the ciphertext leaves the house.

        Args:
            plaintext: what to seal.
            device_proof: a companion's encoded SignedDeviceList; it travels with prekey messages alone.

        Raises:
            NoSessionError: there is no session yet.
            MisuseError: the proof is empty or too long.
        """
        if not self._sessions:
            raise NoSessionError(f"there is no session with {self._peer}")
        return self._sessions[0].encrypt(plaintext, device_proof)

    def decrypt(
        self,
        ciphertext: bytes,
        identity: IdentityKeyPair,
        known_identity_key: bytes | None,
        find_prekeys: FindPrekeys,
    ) -> tuple[bytes, PrekeyMessage | None]:
        """Open a ciphertext from the peer.

        Args:
            ciphertext: the bytes as they came.
            identity: the own identity.
            known_identity_key: the peer device's identity key, if it is known.
            find_prekeys: gives the private prekeys that a new session needs.

        Returns:
            The plaintext, and the prekey message if it opened a **new** session: its one-time prekeys must
            then be deleted together with storing this record, and its identity key be remembered. Its
            ``device_proof`` is as it came: whoever lets a companion in checks it, and stores nothing if it is
            not good.

        Raises:
            BadCiphertextError: it opens with none of the sessions, or is no ciphertext at all.
            DuplicateMessageError: it has been opened before.
            NoSessionError: a ratchet message, and there is no session.
            PrekeyGoneError: a new session with prekeys that are gone.
            DowngradedMessageError: a new session by X3DH, with a signed prekey for PQXDH alone.
            UntrustedIdentityError: a new session by another identity than the known one.
        """
        message = decode(ciphertext)
        if isinstance(message, RatchetMessage):
            return self._decrypt_with_any(message), None
        for session in self._sessions:
            if session.name == message.ephemeral_key:
                plaintext = session.decrypt(message.message)
                self._put_first(session)
                return plaintext, None
        if known_identity_key not in (None, message.identity_key):
            raise UntrustedIdentityError(f"{self._peer} opens a session with another identity key")
        kem_id = None if message.kem is None else message.kem.prekey_id
        prekeys = find_prekeys(message.signed_prekey_id, message.prekey_id, kem_id)
        session, plaintext = Session.respond(identity, self._own, self._peer, message, prekeys, self._entropy)
        self._put_first(session)
        return plaintext, message

    def serialise(self) -> bytes:
        """The record as bytes, private keys included."""
        return cbor2.dumps([RECORD_VERSION, [session.to_state() for session in self._sessions]])

    @classmethod
    def deserialise(
        cls, data: bytes, own: DeviceAddress, peer: DeviceAddress, entropy: Entropy
    ) -> "SessionRecord":
        """The record that ``serialise`` gave.

        Raises:
            BadStateError: the bytes are no record, or of a later version.
        """
        try:
            version, states = load_state(data)
            if version != RECORD_VERSION:
                raise BadStateError(f"session record of version {version!r}")
            return cls(own, peer, entropy, [Session.from_state(state, entropy) for state in states])
        except (TypeError, ValueError):
            raise BadStateError("the session record cannot be read") from None

    def _decrypt_with_any(self, message: RatchetMessage) -> bytes:
        """Open a ratchet message with whichever session can; "duplicate" is the more telling failure."""
        if not self._sessions:
            raise NoSessionError(f"there is no session with {self._peer}")
        failure: BadCiphertextError | DuplicateMessageError | None = None
        for session in self._sessions:
            try:
                plaintext = session.decrypt(message)
            except (BadCiphertextError, DuplicateMessageError) as error:
                if failure is None or isinstance(error, DuplicateMessageError):
                    failure = error
                continue
            self._put_first(session)
            return plaintext
        assert failure is not None, "there was at least one session, and it failed"
        raise failure

    def _put_first(self, session: Session) -> None:
        others = [other for other in self._sessions if other is not session]
        self._sessions = [session, *others][:MAX_SESSIONS]
