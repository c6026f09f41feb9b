"""What the QR code of a security code says, so that a camera compares what two people need not read aloud.

    roost-verify: base64url CBOR [1, own user, own fingerprint, their user, their fingerprint]

A fingerprint is the SHA-256 of an account's identity key (that of its primary device), with its context and
the user id. Each side shows its own view of both; whoever scans compares both with its own view. So it is
found out from either side, whichever of the two keys is not what the other thinks it is.
"""

import base64
import binascii
import hashlib
import hmac

import cbor2

from protocol.e2e.errors import BadScanCodeError
from protocol.e2e.keys import IDENTITY_KEY_CONTEXT
from protocol.ids import UserId, address_to_bytes

PREFIX = "roost-verify:"
VERSION = 1

_CONTEXT = b"Roost 1 scan code\x00"
_MAX_CHARS = 512


def scan_code(own: tuple[UserId, bytes], theirs: tuple[UserId, bytes]) -> str:
    """The text of the QR code that one side shows: user id and identity key of both."""
    fields = [VERSION, own[0], _fingerprint(*own), theirs[0], _fingerprint(*theirs)]
    return PREFIX + base64.urlsafe_b64encode(cbor2.dumps(fields)).decode().rstrip("=")


def scan_matches(text: str, own: tuple[UserId, bytes], theirs: tuple[UserId, bytes]) -> bool:
    """Whether the other side's code says what this side knows.

    Raises:
        BadScanCodeError: it is no such code, or that of somebody else than these two.
    """
    shower, showers_key, reader, readers_key = _read(text)
    if (shower, reader) != (theirs[0], own[0]):
        raise BadScanCodeError("the code is that of somebody else")
    is_theirs = hmac.compare_digest(showers_key, _fingerprint(*theirs))
    return hmac.compare_digest(readers_key, _fingerprint(*own)) and is_theirs


def _read(text: str) -> tuple[int, bytes, int, bytes]:
    text = text.strip()
    if not text.startswith(PREFIX) or len(text) > _MAX_CHARS:
        raise BadScanCodeError("this is not the text of a security code")
    encoded = text.removeprefix(PREFIX)
    try:
        fields = cbor2.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        version, shower, showers_key, reader, readers_key = fields
    except (binascii.Error, cbor2.CBORDecodeError, ValueError, TypeError, RecursionError):
        raise BadScanCodeError("the text of the security code is damaged") from None
    if version != VERSION:
        raise BadScanCodeError("the security code is of another version of Roost")
    if not (isinstance(showers_key, bytes) and isinstance(readers_key, bytes)):
        raise BadScanCodeError("the text of the security code is damaged")
    return shower, showers_key, reader, readers_key


def _fingerprint(user: UserId, identity_key: bytes) -> bytes:
    return hashlib.sha256(_CONTEXT + IDENTITY_KEY_CONTEXT + identity_key + address_to_bytes(user)).digest()
