"""Sender keys: one ciphertext for a whole group. Each device has a chain of its own, which all members know.

    group message  0x14 | key id 4 | n varint | epoch varint | head 2 | ciphertext | signature 64

A sending device gives each device of the group its chain key and the public half of a signing key, over the
pairwise sessions. From the chain each message has its own key (AES-256-CTR); everybody who can read could
also forge, so each message is signed. Signed are, besides what travels, the group, the sender's address and
the hash of the newest entry of the group's log that the sender knows: sender and reader know the same
history of members, or the message does not open. Of that hash two bytes travel, to tell a forked history
from a forgery.

The signature is **Ed25519** (RFC 8032), as those of identities are: Signal's is XEdDSA, also 64 bytes, since
its keys are Curve25519 keys; ours sign and do nothing else, so they need no conversion, no entropy for each
signature, and any library checks them. With the signature there is no MAC to carry: it covers the ciphertext.

Nothing here survives by itself: a record is stored in the transaction that stores the message. A key that is
given again while its record is there changes nothing: the record is ahead of it.
Signal's specifications have no page of it; the shape is that of libsignal's ``sender_keys.rs``.
"""

import hmac
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import cbor2
import xeddsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.e2e.errors import (
    BadCiphertextError,
    BadStateError,
    DuplicateMessageError,
    ForkedLogError,
    MisuseError,
    NoSessionError,
    TooManySkippedError,
)
from protocol.e2e.group_message import HEAD_BYTES, GroupMessage, decode_group_message, key_id_of
from protocol.e2e.keys import KEY_BYTES, Entropy, IdentityKeyPair
from protocol.ids import DeviceAddress, GroupId

MESSAGE_CONTEXT: Final = b"Roost 1 group message\x00"
"""Precedes what a sender key signs."""

MESSAGE_KEY_INFO: Final = b"Roost 1 group message key"

MAX_SKIPPED_KEYS: Final = 1_000
"""Keys kept for messages that have not come; beyond, the oldest go. Signal keeps 2,000."""

MAX_FORWARD_JUMPS: Final = 20_000
"""How far ahead a message may be: about 60 ms of hashing. Only the sender can make us do it, since the
signature is checked first. Signal allows 25,000."""

MAX_ITERATION: Final = 2**31 - 1
STATE_VERSION: Final = 1

_MESSAGE_CONSTANT: Final = b"\x01"
_CHAIN_CONSTANT: Final = b"\x02"


@dataclass(frozen=True, slots=True)
class GroupContext:
    """What a group message is bound to besides its bytes."""

    group: GroupId
    epoch: int
    """The index of the newest entry of the group's log that the sender has applied."""
    head: bytes
    """That entry's hash."""


class SharedKey(NamedTuple):
    """What a member is given of a sender key: enough to read from here on, and to write nothing."""

    chain_key: bytes
    n: int
    """The place in the chain: no message before it can be read with this."""
    signing_key: bytes

    def __repr__(self) -> str:
        return f"<SharedKey {key_id_of(self.signing_key).hex()} from {self.n}>"

    @property
    def key_id(self) -> bytes:
        """What the messages call it: the first bytes of the signing key."""
        return key_id_of(self.signing_key)


@dataclass(slots=True)
class SenderKey:
    """The key with which this device writes to one group. Shows no keys."""

    _chain_key: bytes = field(repr=False)
    n: int
    """The place of the next message."""
    _signing: IdentityKeyPair = field(repr=False)

    @classmethod
    def generate(cls, entropy: Entropy) -> "SenderKey":
        """A new key, which nobody has yet."""
        return cls(entropy(KEY_BYTES), 0, IdentityKeyPair.generate(entropy))

    @property
    def key_id(self) -> bytes:
        """What the messages call it."""
        return key_id_of(self._signing.public)

    def share(self) -> SharedKey:
        """What others are given, to read from the next message on and nothing before it."""
        return SharedKey(self._chain_key, self.n, self._signing.public)

    def encrypt(self, plaintext: bytes, sender: DeviceAddress, context: GroupContext) -> bytes:
        """Seal the next message. The key must be stored before the ciphertext leaves the house.

        Raises:
            MisuseError: the chain has come to its end; a new key must be made long before.
        """
        if self.n > MAX_ITERATION:
            raise MisuseError("a sender key that was used too often")
        message_key, next_chain_key = _step(self._chain_key)
        sealed = _crypt(message_key, plaintext)
        message = GroupMessage(self.key_id, self.n, context.epoch, context.head[:HEAD_BYTES], sealed, b"")
        signature = self._signing.sign(_signed_text(message, sender, context))
        self._chain_key, self.n = next_chain_key, self.n + 1
        return message.encode() + signature

    def encode(self) -> bytes:
        """The stored form: secret, like all keys on the phone's disk."""
        return cbor2.dumps([STATE_VERSION, self._chain_key, self.n, self._signing.seed])

    @classmethod
    def decode(cls, stored: bytes) -> "SenderKey":
        """Read a stored key.

        Raises:
            BadStateError: it is damaged, or of a later version.
        """
        chain_key, n, seed = _read_state(stored, 3)
        if not (_is_key(chain_key) and _is_place(n) and _is_key(seed)):
            raise BadStateError("a stored sender key that is none")
        return cls(chain_key, n, IdentityKeyPair.from_seed(seed))


@dataclass(slots=True)
class MemberKey:
    """The key of another device, for reading. ``decrypt`` moves it on only if it succeeds. Shows no keys."""

    _chain_key: bytes = field(repr=False)
    n: int
    """The first place that has not been reached."""
    _signing_key: bytes = field(repr=False)
    _skipped: dict[int, bytes] = field(repr=False)
    """{place: message key} of messages that have not come, the oldest first."""

    @classmethod
    def from_shared(cls, shared: SharedKey) -> "MemberKey":
        """What a device has given us.

        Raises:
            MisuseError: these are no keys.
        """
        if not (_is_key(shared.chain_key) and _is_place(shared.n) and _is_key(shared.signing_key)):
            raise MisuseError("a shared sender key that is none")
        return cls(shared.chain_key, shared.n, shared.signing_key, {})

    @property
    def key_id(self) -> bytes:
        """What the messages call it."""
        return key_id_of(self._signing_key)

    @property
    def waiting(self) -> int:
        """How many keys are kept for messages that have not come."""
        return len(self._skipped)

    def decrypt(self, ciphertext: bytes, sender: DeviceAddress, context: GroupContext) -> bytes:
        """Open a message of this key.

        Args:
            ciphertext: as it came.
            sender: whom the relay names as the sender.
            context: the group, and the epoch that the message names with its hash as it is known here.

        Raises:
            NoSessionError: it was sealed with another key.
            ForkedLogError: its sender knows another history of the group.
            DuplicateMessageError: it has been opened before, or is older than this key or than what is kept.
            TooManySkippedError: it is too far ahead.
            BadCiphertextError: forged, damaged, of another group, sender or epoch.
        """
        message = decode_group_message(ciphertext)
        if message.key_id != self.key_id:
            raise NoSessionError("a group message of another sender key")
        if message.epoch != context.epoch:
            raise BadCiphertextError("a group message of another epoch")
        if message.head != context.head[:HEAD_BYTES]:
            raise ForkedLogError("a group message behind another history of the group")
        if not xeddsa.ed25519_verify(
            message.signature, self._signing_key, _signed_text(message, sender, context)
        ):
            raise BadCiphertextError("a group message that its sender has not signed")
        return _crypt(self._take(message.n), message.sealed)

    def _take(self, n: int) -> bytes:
        """The key of one message, which is given once. The message is authentic: now the chain may move."""
        if n < self.n:
            if n not in self._skipped:
                raise DuplicateMessageError("a group message that was opened before, or is too old")
            return self._skipped.pop(n)
        if n - self.n > MAX_FORWARD_JUMPS:
            raise TooManySkippedError(f"a group message {n - self.n} places ahead")
        chain_key = self._chain_key
        # Of a long way only the last keys are kept, and only those are derived.
        for place in range(self.n, n):
            message_key, chain_key = (
                _step(chain_key) if n - place <= MAX_SKIPPED_KEYS else (b"", _next(chain_key))
            )
            if message_key:
                self._skipped[place] = message_key
        message_key, self._chain_key = _step(chain_key)
        self.n = n + 1
        while len(self._skipped) > MAX_SKIPPED_KEYS:
            del self._skipped[next(iter(self._skipped))]
        return message_key

    def encode(self) -> bytes:
        """The stored form."""
        skipped = [item for pair in self._skipped.items() for item in pair]
        return cbor2.dumps([STATE_VERSION, self._chain_key, self.n, self._signing_key, skipped])

    @classmethod
    def decode(cls, stored: bytes) -> "MemberKey":
        """Read a stored key.

        Raises:
            BadStateError: it is damaged, or of a later version.
        """
        chain_key, n, signing_key, skipped = _read_state(stored, 4)
        if not (_is_key(chain_key) and _is_place(n) and _is_key(signing_key) and _is_skipped(skipped)):
            raise BadStateError("a stored sender key that is none")
        return cls(chain_key, n, signing_key, dict(zip(skipped[::2], skipped[1::2], strict=True)))


def _step(chain_key: bytes) -> tuple[bytes, bytes]:
    """The message key at a place of the chain, and the chain key of the next place."""
    return hmac.digest(chain_key, _MESSAGE_CONSTANT, "sha256"), _next(chain_key)


def _next(chain_key: bytes) -> bytes:
    return hmac.digest(chain_key, _CHAIN_CONSTANT, "sha256")


def _crypt(message_key: bytes, data: bytes) -> bytes:
    """Seal or open: in counter mode it is the same. Each message key is used once, so its counter is safe."""
    material = HKDF(SHA256(), 48, bytes(32), MESSAGE_KEY_INFO).derive(message_key)
    cipher = Cipher(AES(material[:32]), CTR(material[32:])).encryptor()
    return cipher.update(data) + cipher.finalize()


def _signed_text(message: GroupMessage, sender: DeviceAddress, context: GroupContext) -> bytes:
    """What a message's signature covers; all but the ciphertext, at the end, has a fixed or coded length."""
    user, device = sender
    place = context.group.to_bytes(8, "big") + user.to_bytes(8, "big") + device.to_bytes(2, "big")
    return MESSAGE_CONTEXT + place + context.head + message.encode_unsigned()


def _read_state(stored: bytes, fields: int) -> list[Any]:
    read: list[Any]
    try:
        version, *read = cbor2.loads(stored)
    except Exception:  # whatever is wrong with the bytes of a disk: they are no key
        raise BadStateError("a stored sender key that cannot be read") from None
    if version != STATE_VERSION or len(read) != fields:
        raise BadStateError("a stored sender key of another version")
    return read


def _is_key(value: object) -> bool:
    return type(value) is bytes and len(value) == KEY_BYTES


def _is_place(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_ITERATION + 1


def _is_skipped(value: Any) -> bool:
    return (
        type(value) is list
        and len(value) % 2 == 0
        and all(map(_is_place, value[::2]))
        and all(map(_is_key, value[1::2]))
    )
