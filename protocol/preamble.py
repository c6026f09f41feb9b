"""The 4 bytes in front of everything: `RO`, the version, the handshake pattern. They are the Noise prologue.

Being the prologue, they are authenticated: whoever changes them on the way makes the handshake fail.
"""

from enum import IntEnum
from typing import Final

from protocol.errors import PreambleError, UnsupportedVersionError

MAGIC: Final = b"RO"
VERSION: Final = 1
PREAMBLE_BYTES: Final = 4


class HandshakePattern(IntEnum):
    """The handshakes of Roost, by their number in the preamble."""

    XX = 0
    """First contact: the relay's key is not known."""
    IK = 1
    """The relay's key is known: one round trip."""

    @property
    def protocol_name(self) -> str:
        """The name that Noise gives it."""
        return _PROTOCOL_NAMES[self]


_PROTOCOL_NAMES: Final = tuple(f"Noise_{pattern.name}_25519_AESGCM_SHA256" for pattern in HandshakePattern)


def encode_preamble(pattern: HandshakePattern) -> bytes:
    """Return the bytes that open a connection."""
    return MAGIC + bytes((VERSION, pattern))


def decode_preamble(data: bytes) -> HandshakePattern:
    """Read the bytes that open a connection.

    Raises:
        PreambleError: they are not Roost's.
        UnsupportedVersionError: they are Roost's, of a version or pattern that is not spoken here.
    """
    if len(data) != PREAMBLE_BYTES or data[:2] != MAGIC:
        raise PreambleError
    version, pattern = data[2], data[3]
    if version != VERSION or pattern not in _PATTERNS:
        raise UnsupportedVersionError(version, pattern)
    return HandshakePattern(pattern)


_PATTERNS: Final = frozenset(int(pattern) for pattern in HandshakePattern)
