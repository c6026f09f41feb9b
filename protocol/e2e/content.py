"""What is inside a ciphertext: a CBOR array ``[kind, id, sent_at, ...]``.

``id`` is 8 random bytes: the id that people and histories use, the same on both sides. ``sent_at`` counts
seconds since 2026-01-01T00:00:00Z by the sender's clock, which keeps it to 5 bytes until 2162. What follows
belongs to the kind. A kind that this version does not know is kept whole, as ``Unknown``, so that a later
version can show what it was; further fields of a known kind are skipped.
"""

from dataclasses import dataclass, field
from typing import Any

import cbor2

from protocol.e2e.errors import BadContentError, MisuseError
from protocol.e2e.profile import PROFILE_KEY_BYTES
from protocol.limits import MAX_CIPHERTEXT_BYTES

EPOCH_UNIX_SECONDS = 1_767_225_600
"""2026-01-01T00:00:00Z."""

CONTENT_ID_BYTES = 8
MAX_SENT_AT = 2**32 - 1
TEXT_KIND = 0

MAX_CONTENT_BYTES = MAX_CIPHERTEXT_BYTES - 256
"""What fits a ciphertext as a prekey message, whose keys, numbers and MAC take less than 256 bytes."""

MAX_TEXT_BYTES = 16_384
"""UTF-8 bytes. Four times the 4,096 characters at which WhatsApp folds a message; longer is a file."""

MAX_KIND = 2**16 - 1


@dataclass(frozen=True, slots=True)
class Text:
    """A text message."""

    id: bytes
    sent_at: int
    text: str = field(repr=False)
    profile_key: bytes | None = field(default=None, repr=False)
    """What opens the sender's profile; travels with the first text, and with one after it has changed."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Content of a kind that this version does not know."""

    id: bytes
    sent_at: int
    kind: int
    encoded: bytes = field(repr=False)
    """The whole content as it came."""


Content = Text | Unknown


def sent_at_from_unix(unix_seconds: float) -> int:
    """The ``sent_at`` of a moment; a clock far off is cut to what can be written."""
    return min(max(int(unix_seconds) - EPOCH_UNIX_SECONDS, 0), MAX_SENT_AT)


def sent_at_to_unix(sent_at: int) -> float:
    """The moment that a ``sent_at`` names, in Unix seconds."""
    return float(sent_at + EPOCH_UNIX_SECONDS)


def encode(content: Content) -> bytes:
    """The bytes to be encrypted.

    Raises:
        MisuseError: an id, time or text outside its limits.
    """
    if isinstance(content, Unknown):
        return content.encoded
    if len(content.id) != CONTENT_ID_BYTES or not 0 <= content.sent_at <= MAX_SENT_AT:
        raise MisuseError("a content id has 8 bytes, and a time fits 32 bits")
    try:
        size = len(content.text.encode())
    except UnicodeEncodeError:
        raise MisuseError("the text contains half a surrogate pair, which is no character") from None
    if size > MAX_TEXT_BYTES:
        raise MisuseError(f"a text of {size} bytes; the limit is {MAX_TEXT_BYTES}")
    key = content.profile_key
    return cbor2.dumps(
        [TEXT_KIND, content.id, content.sent_at, content.text, *([] if key is None else [key])]
    )


def decode(data: bytes) -> Content:
    """Read what was decrypted.

    Raises:
        BadContentError: it is not content; whatever the bytes are, nothing else is raised.
    """
    kind, content_id, sent_at, *rest = _read_array(data)
    if not (_is_uint(kind, MAX_KIND) and _is_uint(sent_at, MAX_SENT_AT)):
        raise BadContentError("the content's kind or time is not a number in range")
    if not isinstance(content_id, bytes) or len(content_id) != CONTENT_ID_BYTES:
        raise BadContentError("the content's id is not 8 bytes")
    if kind != TEXT_KIND:
        return Unknown(content_id, sent_at, kind, data)
    return Text(content_id, sent_at, _read_text(rest), _read_profile_key(rest))


def _read_array(data: bytes) -> list[Any]:
    if len(data) > MAX_CONTENT_BYTES:
        raise BadContentError(f"content of {len(data)} bytes; the limit is {MAX_CONTENT_BYTES}")
    try:
        array = cbor2.loads(data)
    # cbor2 wraps most faults of the input; deep nesting and odd tags (dates, fractions, regular expressions)
    # come out as these. The sender chose every byte, so none of them may pass for a bug of ours.
    except Exception:
        raise BadContentError("the content is not CBOR") from None
    if not isinstance(array, list) or len(array) < 3:
        raise BadContentError("the content is not an array of three fields or more")
    return array


def _read_text(fields: list[Any]) -> str:
    if not fields or not isinstance(fields[0], str):
        raise BadContentError("a text message without text")
    text = fields[0]
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise BadContentError("a text message that is too long")
    return text


def _read_profile_key(fields: list[Any]) -> bytes | None:
    """A key that is none is no reason not to show the text."""
    key = fields[1] if len(fields) > 1 else None
    return key if isinstance(key, bytes) and len(key) == PROFILE_KEY_BYTES else None


def _is_uint(value: object, largest: int) -> bool:
    # bool is an int in Python, but `true` is not a number on the wire.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest
