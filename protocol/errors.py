"""Every exception that the protocol package raises on purpose; any other is a bug.

The tree::

    ProtocolError
    ├── LocalProtocolError          our own side misused the protocol; nothing has been sent
    │   ├── InvalidAddressError     a text or byte form that names no user and no device (also a ValueError)
    │   ├── BadDeviceListError      bytes that are no device list, or a list that must not be one
    │   └── HandOffError            a connection from another process that this one cannot go on with
    ├── RemoteProtocolError         the peer broke the protocol; carries the code to answer with
    │   ├── PreambleError           the first bytes are not Roost's: some other program knocked
    │   ├── UnsupportedVersionError  Roost's preamble with a version or pattern not spoken here
    │   ├── HandshakeFailedError    the Noise handshake did not authenticate
    │   ├── FrameTooLargeError      a frame header announces more than the limit
    │   ├── UndecryptableError      a transport frame is not authentic, or not the next one
    │   ├── MalformedError          bytes that are no stanza: bad CBOR, wrong types, limits exceeded
    │   ├── UnknownStanzaError      a stanza type that this version does not know
    │   └── NotAllowedError         a stanza that the peer may not send in this state
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


class BadDeviceListError(LocalProtocolError, ValueError):
    """Bytes that are no device list, or a device list that breaks a rule of its format."""


class HandOffError(LocalProtocolError):
    """What another process of the node has handed over is no connection, or of another version."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol.

    Attributes:
        kind: one word for counters and logs, finer than the code: each subclass has its own.
        code: what to tell the peer; the connection has already queued it as an alert or an Error stanza.
        reason: what happened, for a person.
        facts: the same for a log record (never a key, a body or a phone number).
        events: what had come in the same bytes before the fault. Acting on it is allowed, not needed: the
            peer asks again for whatever was not answered.
    """

    kind = "remote-fault"

    def __init__(self, code: ErrorCode, reason: str, **facts: object) -> None:
        super().__init__(f"{code.wire_name}: {reason}")
        self.code = code
        self.reason = reason
        self.facts: Mapping[str, object] = facts
        self.events: tuple[object, ...] = ()


class PreambleError(RemoteProtocolError):
    """The first bytes are not Roost's preamble: a browser, a port scanner, line noise."""

    kind = "garbage-preamble"

    def __init__(self) -> None:
        # What was sent instead stays out of the facts: it may be anybody's secret sent to the wrong port.
        super().__init__(ErrorCode.MALFORMED, "not Roost's preamble")


class UnsupportedVersionError(RemoteProtocolError):
    """Roost's preamble with a version or a handshake pattern that is not spoken here."""

    kind = "unsupported-version"

    def __init__(self, version: int, pattern: int) -> None:
        reason = f"version {version}, pattern {pattern}"
        super().__init__(ErrorCode.UNSUPPORTED_VERSION, reason, version=version, pattern=pattern)


class FrameTooLargeError(RemoteProtocolError):
    """A frame header announces more bytes than the limit; raised before any of them is kept."""

    kind = "oversize-frame"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            ErrorCode.FRAME_TOO_LARGE, f"a frame of {size} bytes, limit {limit}", size=size, limit=limit
        )


class MalformedError(RemoteProtocolError):
    """Bytes that are no stanza: broken CBOR, a wrong type, a limit exceeded, an unbound handle."""

    kind = "malformed"

    def __init__(self, reason: str, **facts: object) -> None:
        super().__init__(ErrorCode.MALFORMED, reason, **facts)


class UnknownStanzaError(RemoteProtocolError):
    """A stanza type that this version does not know.

    Attributes:
        stanza_type: the number on the wire, for the error's detail and for the log.
    """

    kind = "unknown-stanza"

    def __init__(self, stanza_type: int) -> None:
        super().__init__(ErrorCode.UNKNOWN_STANZA, f"stanza type {stanza_type}", stanza_type=stanza_type)
        self.stanza_type = stanza_type


class HandshakeFailedError(RemoteProtocolError):
    """The Noise handshake did not authenticate: a wrong relay key, a changed byte, a broken key."""

    kind = "handshake-failed"

    def __init__(self, reason: str, **facts: object) -> None:
        super().__init__(ErrorCode.HANDSHAKE_FAILED, reason, **facts)


class UndecryptableError(RemoteProtocolError):
    """A transport frame is not authentic or not the next one: changed, replayed, reordered, truncated."""

    kind = "undecryptable-frame"

    def __init__(self) -> None:
        super().__init__(ErrorCode.MALFORMED, "a frame that does not decrypt")


class NotAllowedError(RemoteProtocolError):
    """A stanza that the peer may not send, or may not send in this state."""

    kind = "not-allowed-here"

    def __init__(self, stanza: str, state: str) -> None:
        reason = f"{stanza} in state {state}"
        super().__init__(ErrorCode.NOT_ALLOWED_HERE, reason, stanza=stanza, state=state)


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
