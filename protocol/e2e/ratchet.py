"""The Double Ratchet as we run it: the ``doubleratchet`` package with our primitives, limits and entropy.

Root chain: HKDF-SHA-256. Message chains: HMAC-SHA-256 with the constants 1 (message key) and 2 (next chain
key), as Signal's. X25519 throughout. The package's coroutines are run to their end at once, and its
exceptions become ours.

https://signal.org/docs/specifications/doubleratchet/
"""

import warnings
from dataclasses import dataclass

from doubleratchet import (
    AuthenticationFailedException,
    DoSProtectionException,
    DoubleRatchet,
    DuplicateMessageException,
    EncryptedMessage,
    Header,
)
from doubleratchet.models import DoubleRatchetModel
from doubleratchet.recommended import HashFunction, kdf_hkdf, kdf_separate_hmacs
from doubleratchet.recommended import diffie_hellman_ratchet_curve25519 as curve25519
from doubleratchet.symmetric_key_ratchet import ChainNotAvailableException

from protocol.e2e.aead import MessageAead
from protocol.e2e.coroutines import finish
from protocol.e2e.errors import BadCiphertextError, DuplicateMessageError, TooManySkippedError
from protocol.e2e.keys import KEY_BYTES, Entropy
from protocol.e2e.message import RatchetMessage, ratchet_header

MAX_SKIPPED_KEYS = 1_000
"""Message keys kept, and derived at once, for messages that have not come yet. The relay delivers in order
and without gaps, so keys are skipped only where messages expired or were refused; Signal keeps 2,000."""

_CHAIN_CONSTANT = b"\x02\x01"


class RootChainKdf(kdf_hkdf.KDF):
    """KDF_RK of the specification."""

    @staticmethod
    def _get_hash_function() -> HashFunction:
        return HashFunction.SHA_256

    @staticmethod
    def _get_info() -> bytes:
        return b"Roost 1 root chain"


class MessageChainKdf(kdf_separate_hmacs.KDF):
    """KDF_CK of the specification: 32 bytes of next chain key, then 32 of message key."""

    @staticmethod
    def _get_hash_function() -> HashFunction:
        return HashFunction.SHA_256


class _Ratchet(DoubleRatchet):
    """The package's ratchet with our encoding of headers."""

    @staticmethod
    def _build_associated_data(associated_data: bytes, header: Header) -> bytes:
        # The header parses from its own front, so where the two meet needs no mark of its own: the session's
        # associated data has a fixed length.
        pn, n = header.previous_sending_chain_length, header.sending_chain_length
        return associated_data + ratchet_header(header.ratchet_pub, n, pn)


def diffie_hellman_ratchet(entropy: Entropy) -> type[curve25519.DiffieHellmanRatchet]:
    """The package's Curve25519 ratchet, drawing its keys from ``entropy``.

    It asks a static method for new keys, so the source has to be a property of the class: hence a class made
    to measure.
    """

    class InjectedRatchet(curve25519.DiffieHellmanRatchet):
        @staticmethod
        def _generate_priv() -> bytes:
            return entropy(KEY_BYTES)

    return InjectedRatchet


@dataclass(slots=True)
class Ratchet:
    """One Double Ratchet. A failed ``decrypt`` leaves it as it was. Never shows its keys."""

    _ratchet: DoubleRatchet

    def __repr__(self) -> str:
        return "<Ratchet>"

    @classmethod
    def as_initiator(cls, secret: bytes, their_signed_prekey: bytes, entropy: Entropy) -> "Ratchet":
        """The ratchet of the side that speaks first.

        Raises:
            ValueError: the signed prekey is a point that may not be used.
        """
        created = diffie_hellman_ratchet(entropy).create(
            None,
            their_signed_prekey,
            RootChainKdf,
            secret,
            MessageChainKdf,
            _CHAIN_CONSTANT,
            MAX_SKIPPED_KEYS,
        )
        model = DoubleRatchetModel(diffie_hellman_ratchet=finish(created).model, skipped_message_keys=[])
        return cls.from_model(model, entropy)

    @classmethod
    def as_responder(
        cls,
        secret: bytes,
        own_signed_prekey_private: bytes,
        first: RatchetMessage,
        associated_data: bytes,
        entropy: Entropy,
    ) -> tuple["Ratchet", bytes]:
        """The ratchet of the side that was spoken to, and the plaintext of the message that did it.

        Raises:
            BadCiphertextError: it does not open.
        """
        opened = _Ratchet.decrypt_initial_message(
            diffie_hellman_ratchet(entropy),
            RootChainKdf,
            MessageChainKdf,
            _CHAIN_CONSTANT,
            MAX_SKIPPED_KEYS,
            MAX_SKIPPED_KEYS,
            MessageAead,
            secret,
            own_signed_prekey_private,
            _to_package(first),
            associated_data,
        )
        try:
            ratchet, plaintext = finish(opened)
        except DoSProtectionException:
            raise TooManySkippedError("too many messages are missing before this one") from None
        except (AuthenticationFailedException, ValueError):
            raise BadCiphertextError("the first message of a session does not open") from None
        return cls(ratchet), plaintext

    @classmethod
    def from_model(cls, model: DoubleRatchetModel, entropy: Entropy) -> "Ratchet":
        """A ratchet from what ``model`` gave."""
        return cls(
            _Ratchet.from_model(
                model,
                diffie_hellman_ratchet(entropy),
                RootChainKdf,
                MessageChainKdf,
                _CHAIN_CONSTANT,
                MAX_SKIPPED_KEYS,
                MAX_SKIPPED_KEYS,
                MessageAead,
            )
        )

    @property
    def model(self) -> DoubleRatchetModel:
        """The whole state, private keys included."""
        return self._ratchet.model

    def encrypt(self, plaintext: bytes, associated_data: bytes) -> RatchetMessage:
        """Seal the next message; the state has moved on when this returns."""
        message = finish(self._ratchet.encrypt_message(plaintext, associated_data))
        header = message.header
        return RatchetMessage(
            header.ratchet_pub,
            header.sending_chain_length,
            header.previous_sending_chain_length,
            message.ciphertext,
        )

    def decrypt(self, message: RatchetMessage, associated_data: bytes) -> bytes:
        """Open a message; the state moves on only if that succeeds.

        Raises:
            DuplicateMessageError: its key has been used, or was skipped too long ago.
            TooManySkippedError: more keys would have to be derived than the limit.
            BadCiphertextError: it does not open with this ratchet.
        """
        try:
            if message.pn - (self._ratchet.receiving_chain_length or 0) > MAX_SKIPPED_KEYS:
                return self._decrypt_without_warning(message, associated_data)
            return finish(self._ratchet.decrypt_message(_to_package(message), associated_data))
        except DuplicateMessageException:
            raise DuplicateMessageError("the message has been opened before") from None
        except DoSProtectionException:
            raise TooManySkippedError("too many messages are missing before this one") from None
        except (AuthenticationFailedException, ChainNotAvailableException, ValueError, AssertionError):
            # ValueError: a ratchet key that is no usable point. AssertionError and ChainNotAvailable: a
            # message that pretends to come from a chain that does not exist. All of them are forgeries.
            raise BadCiphertextError("the message does not open") from None

    def _decrypt_without_warning(self, message: RatchetMessage, associated_data: bytes) -> bytes:
        """Of too many keys skipped in the chain before, the package warns, and goes on without them.

        That is what we want, since the ratchet recovers; only the warning would reach somebody's terminal.
        Filters are shared by all threads, so they are touched in this rare case alone.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return finish(self._ratchet.decrypt_message(_to_package(message), associated_data))


def _to_package(message: RatchetMessage) -> EncryptedMessage:
    return EncryptedMessage(
        Header(
            ratchet_pub=message.ratchet_key,
            previous_sending_chain_length=message.pn,
            sending_chain_length=message.n,
        ),
        message.sealed,
    )
