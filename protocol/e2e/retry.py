"""Asking again for messages that could not be opened, and the answer: two kinds of content that nobody sees.

    [32, id, sent_at, device, [number, ...], group?]            please send these again
    [33, id, sent_at, [number, ...], content or null, group?]   here is one of them again; null: it is gone

Both travel encrypted like any content, so the relay can neither forge nor answer them. A request names the
sender's device and the numbers under which the relay delivered its messages: the ids are inside what could
not be opened. An answer repeats the *whole* content with its old id, which is how nothing is shown twice.
With a group the numbers are those of that device's messages to the group.
An answer may itself be asked for again; the next one then names both numbers, and their count is what ends a
loop: after ``MAX_RESENT_NUMBERS`` the message is given up.

This module only knows the format. Who may ask, and how often, is decided in the phone:
``client/resending.py`` and ``client/lost_messages.py``.
"""

from dataclasses import dataclass, field
from typing import Any

import cbor2

from protocol.e2e import BadContentError, Content, Unknown
from protocol.ids import DeviceId, GroupId, MessageNumber

REQUEST_KIND = 32
RESENT_KIND = 33

MAX_REQUESTED_NUMBERS = 256
"""As many as a sender keeps ready to send again: to ask for more at once would be in vain."""

MAX_RESENT_NUMBERS = 6
"""The message itself and five times its repetition: as WhatsApp, five times at most."""

_MAX_DEVICE = 2**16 - 1
_MAX_NUMBER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """The sender of this could not open these messages of ours."""

    id: bytes
    sent_at: int
    device: DeviceId
    """Which device of the receiver's sent them; the others have nothing to do with it."""
    numbers: tuple[MessageNumber, ...]
    group: GroupId | None = None


@dataclass(frozen=True, slots=True)
class Resent:
    """A message once more."""

    id: bytes
    """Of this answer; the message's own id is in its content."""
    sent_at: int
    numbers: tuple[MessageNumber, ...]
    """Under what it was sent before: first the message itself, then each answer that was lost as well."""
    content: bytes | None = field(repr=False)
    """What was encrypted the first time; None if the sender has it no more."""
    group: GroupId | None = None


Service = RetryRequest | Resent


def encode_service(service: Service) -> bytes:
    """The bytes to be encrypted."""
    match service:
        case RetryRequest(content_id, sent_at, device, numbers, group):
            fields: list[object] = [REQUEST_KIND, content_id, sent_at, device, list(numbers)]
        case Resent(content_id, sent_at, numbers, content, group):
            fields = [RESENT_KIND, content_id, sent_at, list(numbers), content]
    return cbor2.dumps(fields if group is None else [*fields, group])


def read_service(content: Content) -> Service | None:
    """What decoded content asks of this device; None if it is for people.

    Raises:
        BadContentError: it is of one of the two kinds, and malformed.
    """
    if not isinstance(content, Unknown) or content.kind not in (REQUEST_KIND, RESENT_KIND):
        return None
    fields = cbor2.loads(content.encoded)[3:]  # it has been decoded before: it is an array
    if len(fields) < 2:
        raise BadContentError("a request for a repetition, or its answer, without its fields")
    group = _read_group(fields[2]) if len(fields) > 2 else None
    if content.kind == REQUEST_KIND:
        return _read_request(content, fields[0], fields[1], group)
    return _read_resent(content, fields[0], fields[1], group)


def _read_group(group: Any) -> GroupId | None:
    if group is not None and not _is_uint(group, 1, _MAX_NUMBER):
        raise BadContentError("a repetition in something that is no group")
    return None if group is None else GroupId(group)


def _read_request(content: Unknown, device: Any, numbers: Any, group: GroupId | None) -> RetryRequest:
    if not _is_uint(device, 1, _MAX_DEVICE):
        raise BadContentError("a request for a repetition that names no device")
    wanted = _read_numbers(numbers, MAX_REQUESTED_NUMBERS)
    return RetryRequest(content.id, content.sent_at, DeviceId(device), wanted, group)


def _read_resent(content: Unknown, numbers: Any, repeated: Any, group: GroupId | None) -> Resent:
    if repeated is not None and not isinstance(repeated, bytes):
        raise BadContentError("a repetition of something that is no content")
    return Resent(content.id, content.sent_at, _read_numbers(numbers, MAX_RESENT_NUMBERS), repeated, group)


def _read_numbers(numbers: Any, limit: int) -> tuple[MessageNumber, ...]:
    if not isinstance(numbers, list) or not 1 <= len(numbers) <= limit:
        raise BadContentError(f"not 1 to {limit} message numbers")
    if not all(_is_uint(number, 1, _MAX_NUMBER) for number in numbers):
        raise BadContentError("a message number out of range")
    return tuple(MessageNumber(number) for number in numbers)


def _is_uint(value: object, least: int, largest: int) -> bool:
    # bool is an int in Python, but `true` is not a number on the wire.
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= largest
