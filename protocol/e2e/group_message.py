"""The ciphertext of a group message: bytes to its parts, and back.

    0x14 | key id 4 | n varint | epoch varint | head 2 | ciphertext | signature 64

The first byte is version << 4 | kind, in one row with the pairwise ciphertexts of message.py. Varints are
theirs as well: a message has one encoding. The signature covers all that stands before it.
"""

from dataclasses import dataclass, field
from typing import Final

from protocol.e2e.errors import BadCiphertextError, UnsupportedVersionError
from protocol.e2e.keys import SIGNATURE_BYTES
from protocol.e2e.message import FORMAT_VERSION, encode_varint
from protocol.limits import MAX_CIPHERTEXT_BYTES

GROUP_KIND: Final = 4

KEY_ID_BYTES: Final = 4
"""Tells a device's keys apart: it has had a few in a group, so nobody meets two of one name by chance."""

HEAD_BYTES: Final = 2
"""Only gives a failure its name; the whole hash is signed."""

_FIRST_BYTE: Final = bytes([FORMAT_VERSION << 4 | GROUP_KIND])
_MAX_VARINT: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class GroupMessage:
    """A group message as it travels."""

    key_id: bytes
    n: int
    """Its place in the chain of its key, from 0."""
    epoch: int
    """The index of the newest entry of the group's log that its sender had applied."""
    head: bytes
    """The first bytes of that entry's hash."""
    sealed: bytes = field(repr=False)
    """As long as the content."""
    signature: bytes = field(repr=False)

    def encode_unsigned(self) -> bytes:
        """All but the signature."""
        numbers = encode_varint(self.n) + encode_varint(self.epoch)
        return b"".join((_FIRST_BYTE, self.key_id, numbers, self.head, self.sealed))

    def encode(self) -> bytes:
        """The bytes as they travel."""
        return self.encode_unsigned() + self.signature


def key_id_of(signing_key: bytes) -> bytes:
    """What messages call a sender key: the first bytes of its public signing key."""
    return signing_key[:KEY_ID_BYTES]


def decode_group_message(data: bytes) -> GroupMessage:
    """Read a group message's outside.

    Raises:
        UnsupportedVersionError: another version's format.
        BadCiphertextError: not a group message.
    """
    if not data or len(data) > MAX_CIPHERTEXT_BYTES:
        raise BadCiphertextError(f"{len(data)} bytes are not a ciphertext")
    if data[0] >> 4 != FORMAT_VERSION:
        raise UnsupportedVersionError(data[0] >> 4)
    if data[:1] != _FIRST_BYTE:
        raise BadCiphertextError("not a group message")
    unsigned, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
    key_id, at = unsigned[1 : 1 + KEY_ID_BYTES], 1 + KEY_ID_BYTES
    n, at = _read_varint(unsigned, at)
    epoch, at = _read_varint(unsigned, at)
    head, sealed = unsigned[at : at + HEAD_BYTES], unsigned[at + HEAD_BYTES :]
    if len(head) < HEAD_BYTES:
        raise BadCiphertextError("the group message is cut short")
    return GroupMessage(key_id, n, epoch, head, sealed, signature)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A number in its shortest form, and where it ends."""
    for end in range(at, min(at + 5, len(data))):
        if data[end] < 0x80:
            value = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(data[at : end + 1]))
            if value > _MAX_VARINT or encode_varint(value) != data[at : end + 1]:
                break
            return value, end + 1
    raise BadCiphertextError("a number in the group message is cut short, too large or too long")
