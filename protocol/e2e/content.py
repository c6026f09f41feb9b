"""What is inside a ciphertext: a CBOR array ``[kind, id, sent_at, ...]``, to bytes and back.

``id`` is 8 random bytes: the id that people and histories use, the same on both sides. ``sent_at`` counts
seconds since 2026-01-01T00:00:00Z by the sender's clock, which keeps it to 5 bytes until 2162. What follows
belongs to the kind (content_schema.py); a map in the last place holds for any kind (content_marks.py).

Made to be added to. A kind that this version does not know is kept whole, as ``Unknown``, so that a later
version can show what it was; further fields of a known kind are skipped; and an optional field that cannot be
read is left out, because what is optional must not keep the rest from being shown.
"""

from typing import Any

import cbor2

from protocol.e2e.content_kinds import Content, Unknown
from protocol.e2e.content_marks import NO_MARKS, Marks, read_marks, written_marks
from protocol.e2e.content_schema import (
    CONTENT_ID_BYTES,
    KIND_BY_CLASS,
    KIND_BY_NUMBER,
    MAX_TEXT_BYTES,
    ContentField,
    KindSpec,
)
from protocol.e2e.errors import BadContentError, MisuseError
from protocol.fields import FieldError
from protocol.limits import MAX_CIPHERTEXT_BYTES

__all__ = [
    "CONTENT_ID_BYTES",
    "EPOCH_UNIX_SECONDS",
    "MAX_CONTENT_BYTES",
    "MAX_KIND",
    "MAX_SENT_AT",
    "MAX_TEXT_BYTES",
    "decode",
    "encode",
    "sent_at_from_unix",
    "sent_at_to_unix",
]

EPOCH_UNIX_SECONDS = 1_767_225_600
"""2026-01-01T00:00:00Z."""

MAX_SENT_AT = 2**32 - 1

MAX_CONTENT_BYTES = MAX_CIPHERTEXT_BYTES - 256
"""What fits a ciphertext as a prekey message, whose keys, numbers and MAC take less than 256 bytes."""

MAX_KIND = 2**16 - 1


def sent_at_from_unix(unix_seconds: float) -> int:
    """The ``sent_at`` of a moment; a clock far off is cut to what can be written."""
    return min(max(int(unix_seconds) - EPOCH_UNIX_SECONDS, 0), MAX_SENT_AT)


def sent_at_to_unix(sent_at: int) -> float:
    """The moment that a ``sent_at`` names, in Unix seconds."""
    return float(sent_at + EPOCH_UNIX_SECONDS)


def encode(content: Content) -> bytes:
    """The bytes to be encrypted.

    Raises:
        MisuseError: an id, a time or a field outside its limits.
    """
    if isinstance(content, Unknown):
        return content.encoded
    if len(content.id) != CONTENT_ID_BYTES or not 0 <= content.sent_at <= MAX_SENT_AT:
        raise MisuseError("a content id has 8 bytes, and a time fits 32 bits")
    spec = KIND_BY_CLASS[type(content)]
    fields = [*_written(spec, content), *_written_marks(content.marks)]
    return cbor2.dumps([spec.number, content.id, content.sent_at, *fields])


def _written(spec: KindSpec, content: Content) -> list[object]:
    """The values of the kind's own fields, without the defaults at the end."""
    written = [_checked(*pair) for pair in zip(spec.fields, spec.values(content), strict=True)]
    while len(written) > spec.required and written[-1] is None:
        written.pop()
    return written


def _written_marks(marks: Marks) -> list[dict[int, int]]:
    try:
        return written_marks(marks)
    except FieldError as error:
        raise MisuseError(f"a mark cannot be sent: {error}") from None


def _checked(field: ContentField, value: object) -> object:
    """A field's value as it is written; None for a default."""
    if field.is_optional and value == field.default:
        return None
    try:
        field.type.read(value)
    except FieldError as error:
        raise MisuseError(f"the {field.name} cannot be sent: {error}") from None
    return value


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
    marks = read_marks(rest.pop()) if rest and isinstance(rest[-1], dict) else NO_MARKS
    spec = KIND_BY_NUMBER.get(kind)
    if spec is None:
        return Unknown(content_id, sent_at, kind, data, marks)
    if len(rest) < spec.required:
        raise BadContentError(f"a {spec.name} of {len(rest)} fields, not {spec.required}")
    # strict=False: what is optional may be absent, and what a later version added is skipped.
    values = [_read(*pair) for pair in zip(spec.fields, rest, strict=False)]
    content: Content = spec.content(content_id, sent_at, *values, marks=marks)
    return content


def _read(field: ContentField, value: object) -> object:
    try:
        return field.type.read(value)
    except FieldError as error:
        if field.is_optional:
            return field.default
        raise BadContentError(f"the {field.name} of the content is {error}") from None


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


def _is_uint(value: object, largest: int) -> bool:
    # bool is an int in Python, but `true` is not a number on the wire.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest
