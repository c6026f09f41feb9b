"""A session: the Double Ratchet between two devices, from the first agreement on, and its stored form.

Until the initiator has heard an answer it sends prekey messages, each of which can open the session by
itself. Associated data of every message: both identity keys and both device addresses, initiator's first,
and after PQXDH the hash of the KEM key; so a relay that attributes a message to somebody else makes it
unreadable.
"""

from dataclasses import dataclass, field
from typing import Any

import cbor2
from doubleratchet.models import (
    DiffieHellmanRatchetModel,
    DoubleRatchetModel,
    KDFChainModel,
    SkippedMessageKeyModel,
    SymmetricKeyRatchetModel,
)

from protocol.e2e.agreement import PrivatePrekeys, agree_as_initiator, agree_as_responder
from protocol.e2e.bundle import Bundle
from protocol.e2e.errors import BadBundleError, BadStateError
from protocol.e2e.kem import Encapsulate
from protocol.e2e.keys import IDENTITY_KEY_CONTEXT, Entropy, IdentityKeyPair
from protocol.e2e.message import KemOpening, PrekeyMessage, RatchetMessage, insist_on_proof
from protocol.e2e.ratchet import Ratchet
from protocol.ids import DeviceAddress, address_to_bytes

STATE_VERSION = 2
"""1: an opening without a place for the KEM."""

_READABLE_VERSIONS = (1, STATE_VERSION)


@dataclass(frozen=True, slots=True)
class Party:
    """One end of a session as both ends know it."""

    address: DeviceAddress
    identity_key: bytes


@dataclass(frozen=True, slots=True)
class _Opening:
    """What an initiator repeats in front of every message until it has been answered."""

    signed_prekey_id: int
    prekey_id: int | None
    identity_key: bytes
    kem: KemOpening | None = None


@dataclass(slots=True)
class Session:
    """One session. ``encrypt`` always moves it on; ``decrypt`` only if it succeeds. Shows no keys."""

    name: bytes
    """The initiator's ephemeral key: both ends know the session by it."""
    associated_data: bytes = field(repr=False)
    _ratchet: Ratchet = field(repr=False)
    _opening: _Opening | None = field(repr=False)

    def __repr__(self) -> str:
        return f"<Session {self.name[:4].hex()} {'unanswered' if self._opening else 'running'}>"

    @classmethod
    def initiate(
        cls,
        identity: IdentityKeyPair,
        own: DeviceAddress,
        peer: DeviceAddress,
        bundle: Bundle,
        entropy: Entropy,
        encapsulate: Encapsulate,
    ) -> "Session":
        """Begin a session with the device that published ``bundle``: by PQXDH if it does that.

        Raises:
            BadBundleError: the bundle does not verify.
            DowngradedBundleError: it lacks the KEM prekey that its signature speaks of.
        """
        agreement = agree_as_initiator(identity, bundle, entropy, encapsulate)
        try:
            ratchet = Ratchet.as_initiator(agreement.secret, bundle.signed_prekey.key, entropy)
        except ValueError:
            raise BadBundleError("the signed prekey is a point that may not be used") from None
        associated_data = _associated_data(Party(own, identity.public), Party(peer, bundle.identity_key))
        prekey_id = bundle.prekey.id if bundle.prekey else None
        opening = _Opening(bundle.signed_prekey.id, prekey_id, identity.public, agreement.kem)
        associated_data += agreement.associated_data
        return cls(agreement.ephemeral_key, associated_data, ratchet, opening)

    @classmethod
    def respond(
        cls,
        identity: IdentityKeyPair,
        own: DeviceAddress,
        peer: DeviceAddress,
        first: PrekeyMessage,
        prekeys: PrivatePrekeys,
        entropy: Entropy,
    ) -> tuple["Session", bytes]:
        """Accept a session that ``peer`` began, and open its message.

        Args:
            identity: the own identity.
            own: the own address.
            peer: the device that the message came from.
            first: its message.
            prekeys: the private halves of the prekeys that the message names.
            entropy: for the first ratchet key of this side.

        Raises:
            BadCiphertextError: the message does not open.
            DowngradedMessageError: it was opened by X3DH, and its signed prekey is for PQXDH alone.
        """
        secret, agreed = agree_as_responder(identity, prekeys, first)
        associated_data = _associated_data(Party(peer, first.identity_key), Party(own, identity.public))
        associated_data += agreed
        ratchet, plaintext = Ratchet.as_responder(
            secret, prekeys.signed.private, first.message, associated_data, entropy
        )
        return cls(first.ephemeral_key, associated_data, ratchet, None), plaintext

    def encrypt(self, plaintext: bytes, device_proof: bytes | None = None) -> bytes:
        """Seal the next message: a ciphertext as it travels.

        Args:
            plaintext: what to seal.
            device_proof: what goes with it as long as the other side may not know this session, and so this
                device: a companion's encoded SignedDeviceList. Left out of a session that is answered.

        Raises:
            MisuseError: the proof is empty or too long.
        """
        if device_proof is not None:
            insist_on_proof(device_proof)  # before the ratchet moves on
        message = self._ratchet.encrypt(plaintext, self.associated_data)
        opening = self._opening
        if opening is None:
            return message.encode()
        return PrekeyMessage(
            opening.signed_prekey_id,
            opening.prekey_id,
            opening.identity_key,
            self.name,
            message,
            device_proof,
            opening.kem,
        ).encode()

    def decrypt(self, message: RatchetMessage) -> bytes:
        """Open a message of this session; from a prekey message pass its inner one.

        Raises:
            DuplicateMessageError: it has been opened before.
            BadCiphertextError: it does not open with this session.
        """
        plaintext = self._ratchet.decrypt(message, self.associated_data)
        self._opening = None
        return plaintext

    def to_state(self) -> list[Any]:
        """The session as a CBOR-ready list, private keys included."""
        return [
            STATE_VERSION,
            self.name,
            self.associated_data,
            _opening_to_state(self._opening),
            _ratchet_to_state(self._ratchet.model),
        ]

    @classmethod
    def from_state(cls, state: Any, entropy: Entropy) -> "Session":
        """The session that ``to_state`` gave.

        Raises:
            BadStateError: it is not such a list, or of a later version.
        """
        try:
            version, name, associated_data, opening, ratchet = state
            if version not in _READABLE_VERSIONS:
                raise BadStateError(f"session state of version {version!r}")
            restored = Ratchet.from_model(_ratchet_from_state(ratchet), entropy)
            return cls(name, associated_data, restored, _opening_from_state(opening))
        except (TypeError, ValueError, IndexError):
            raise BadStateError("the session state cannot be read") from None

    def serialise(self) -> bytes:
        """The session as bytes, private keys included."""
        return cbor2.dumps(self.to_state())

    @classmethod
    def deserialise(cls, data: bytes, entropy: Entropy) -> "Session":
        """The session that ``serialise`` gave.

        Raises:
            BadStateError: the bytes are no session state, or of a later version.
        """
        return cls.from_state(load_state(data), entropy)


def load_state(data: bytes) -> Any:
    """Decode stored CBOR.

    Raises:
        BadStateError: it is none.
    """
    try:
        return cbor2.loads(data)
    except (cbor2.CBORDecodeError, ValueError, RecursionError):
        raise BadStateError("the stored state is not CBOR") from None


def _associated_data(initiator: Party, responder: Party) -> bytes:
    keys = [IDENTITY_KEY_CONTEXT + party.identity_key for party in (initiator, responder)]
    addresses = [address_to_bytes(party.address) for party in (initiator, responder)]
    return b"".join(keys + addresses)


def _opening_to_state(opening: _Opening | None) -> list[Any] | None:
    if opening is None:
        return None
    kem = None if opening.kem is None else [opening.kem.prekey_id, opening.kem.ciphertext]
    return [opening.signed_prekey_id, opening.prekey_id, opening.identity_key, kem]


def _opening_from_state(state: Any) -> _Opening | None:
    if state is None:
        return None
    signed_prekey_id, prekey_id, identity_key, *further = state  # nothing further in version 1
    kem = further[0] if further else None
    return _Opening(signed_prekey_id, prekey_id, identity_key, None if kem is None else KemOpening(*kem))


# The package's models are made for JSON, where bytes become escaped text. These lists of theirs are a
# quarter of the size: about 350 bytes for a session without skipped keys.


def _ratchet_to_state(model: DoubleRatchetModel) -> list[Any]:
    dh = model.diffie_hellman_ratchet
    symmetric = dh.symmetric_key_ratchet
    return [
        dh.own_ratchet_priv,
        dh.other_ratchet_pub,
        _chain_to_state(dh.root_chain),
        _chain_to_state(symmetric.sending_chain),
        _chain_to_state(symmetric.receiving_chain),
        symmetric.previous_sending_chain_length,
        _skipped_to_state(model.skipped_message_keys),
    ]


def _ratchet_from_state(state: Any) -> DoubleRatchetModel:
    own, other, root, sending, receiving, previous_length, skipped = state
    root_chain = _chain_from_state(root)
    if root_chain is None:
        raise BadStateError("the session state has no root chain")
    symmetric = SymmetricKeyRatchetModel(
        sending_chain=_chain_from_state(sending),
        receiving_chain=_chain_from_state(receiving),
        previous_sending_chain_length=previous_length,
    )
    dh = DiffieHellmanRatchetModel(
        own_ratchet_priv=own, other_ratchet_pub=other, root_chain=root_chain, symmetric_key_ratchet=symmetric
    )
    return DoubleRatchetModel(diffie_hellman_ratchet=dh, skipped_message_keys=_skipped_from_state(skipped))


def _chain_to_state(chain: KDFChainModel | None) -> list[Any] | None:
    return None if chain is None else [chain.length, chain.key]


def _chain_from_state(state: Any) -> KDFChainModel | None:
    if state is None:
        return None
    length, key = state
    return KDFChainModel(length=length, key=key)


def _skipped_to_state(skipped: list[SkippedMessageKeyModel]) -> list[Any]:
    """Runs of skipped keys share their ratchet key, written once a run: ``[[pub, [n, key, ...]]]``."""
    runs: list[list[Any]] = []
    for key in skipped:
        if not runs or runs[-1][0] != key.ratchet_pub:
            runs.append([key.ratchet_pub, []])
        runs[-1][1] += [key.index, key.message_key]
    return runs


def _skipped_from_state(runs: Any) -> list[SkippedMessageKeyModel]:
    return [
        SkippedMessageKeyModel(ratchet_pub=ratchet_key, index=index, message_key=key)
        for ratchet_key, run in runs
        for index, key in zip(run[::2], run[1::2], strict=True)
    ]
