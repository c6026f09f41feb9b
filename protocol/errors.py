"""Every exception that the protocol package raises on purpose; any other is a bug.

The tree::

    ProtocolError
    ├── LocalProtocolError          our own side misused the protocol; nothing has been sent
    │   └── InvalidAddressError     a text or byte form that names no user and no device (also a ValueError)
    ├── RemoteProtocolError         the peer broke the protocol; carries the code to answer with
    │   ├── FrameTooLargeError      a frame header announces more than the limit
    │   ├── MalformedError          bytes that are no stanza: bad CBOR, wrong types, limits exceeded
    │   ├── UnknownStanzaError      a stanza type that this version does not know
    │   └── HandshakeFailedError    the Noise handshake did not authenticate
    └── NoiseError                  in protocol/noise only; the connection turns it into one of the above
        ├── NoiseStateError         a Noise object was used out of turn (our fault)
        ├── DecryptionError         an AEAD tag did not match
        ├── InvalidKeyError         a Diffie-Hellman result was all zero, or a key has the wrong length
        ├── NonceExhaustedError     2^64-1 messages under one key
        └── UnsupportedNoiseError   a protocol name whose pattern or primitive is not in the tables

Peers see a code, never the text of an exception.
"""

from collections.abc import Mapping

from protocol.codes import ErrorCode


class ProtocolError(Exception):
    """Base of everything in this module."""


class LocalProtocolError(ProtocolError):
    """Our own side asked for something that the protocol does not allow; the connection is unharmed."""


class InvalidAddressError(LocalProtocolError, ValueError):
    """A text or byte form that names no user and no device."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol.

    Attributes:
        code: what to tell the peer; the connection has already queued it as an alert or an Error stanza.
        facts: what happened, for the log and the counters (never a key, a body or a phone number).
    """

    def __init__(self, code: ErrorCode, reason: str, **facts: object) -> None:
        super().__init__(f"{code.wire_name}: {reason}")
        self.code = code
        self.reason = reason
        self.facts: Mapping[str, object] = facts


class FrameTooLargeError(RemoteProtocolError):
    """A frame header announces more bytes than the limit; raised before any of them is kept."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            ErrorCode.FRAME_TOO_LARGE, f"a frame of {size} bytes, limit {limit}", size=size, limit=limit
        )


class MalformedError(RemoteProtocolError):
    """Bytes that are no stanza: broken CBOR, a wrong type, a limit exceeded, an unbound handle."""

    def __init__(self, reason: str, **facts: object) -> None:
        super().__init__(ErrorCode.MALFORMED, reason, **facts)


class UnknownStanzaError(RemoteProtocolError):
    """A stanza type that this version does not know.

    Attributes:
        stanza_type: the number on the wire, for the error's detail and for the log.
    """

    def __init__(self, stanza_type: int) -> None:
        super().__init__(ErrorCode.UNKNOWN_STANZA, f"stanza type {stanza_type}", stanza_type=stanza_type)
        self.stanza_type = stanza_type


class HandshakeFailedError(RemoteProtocolError):
    """The Noise handshake did not authenticate: a wrong relay key, a changed byte, a broken key."""

    def __init__(self, reason: str, **facts: object) -> None:
        super().__init__(ErrorCode.HANDSHAKE_FAILED, reason, **facts)


class NoiseError(ProtocolError):
    """Base of what the Noise objects raise."""


class NoiseStateError(NoiseError):
    """A Noise object was used out of turn; the caller's fault, never the peer's."""


class DecryptionError(NoiseError):
    """An AEAD tag did not match: wrong key, changed byte, replayed, reordered or truncated message."""


class InvalidKeyError(NoiseError):
    """A key of the wrong length, or a Diffie-Hellman result that is all zero (a point of small order)."""


class NonceExhaustedError(NoiseError):
    """A cipher state has used its 2^64-1 nonces; the connection must end before one is used twice."""


class UnsupportedNoiseError(NoiseError):
    """A Noise protocol name whose pattern or primitive is not in the tables."""
