"""What the devices of one account tell each other: kinds of content that nobody sees.

    [34, id, sent_at, chat, is_group, content, phone or null]      this was sent from here: the whole content
    [35, id, sent_at, [[chat, device, number], ...]]               these were seen: up to this number
    [36, id, sent_at, device, sent, total, is_last, [line, ...]]   some of the history, for this device
    [36, id, sent_at, device]                                      what this was is for that device alone
    [37, id, sent_at, [[device, name, linked_at or null], ...]]    this is what the person calls the devices

They travel in the chat with oneself, encrypted for each device like any content; from anybody else they mean
nothing. In a group a ``device`` of 0 and a ``number`` of the group's timeline take the place of a sender's.

A line of the history is

    [chat, phone, outgoing, device, number, id, kind, content, stored_at, accepted_at, state, error,
     edit or null, [[reactor, emoji, sent_at], ...], author, gseq]

with times in milliseconds, and an edit ``[content, sent_at, arrived_at]``. Only what came in a group has the
last two: who wrote it, and its place in the timeline. The newest lines come first.
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import cbor2

from protocol.e2e.content_kinds import Content, Unknown
from protocol.e2e.errors import BadContentError
from protocol.e2e.linking import MAX_NAME_CHARS
from protocol.ids import DeviceId, UserId

SENT_KIND: Final = 34
SEEN_KIND: Final = 35
HISTORY_KIND: Final = 36
NAMES_KIND: Final = 37

MAX_NAMES: Final = 64
MAX_SEEN_MARKS: Final = 1_024
MAX_LINES: Final = 4_096

_MAX_UINT = 2**63 - 1
_LINE_FIELDS = 14
_KINDS = (SENT_KIND, SEEN_KIND, HISTORY_KIND, NAMES_KIND)


@dataclass(frozen=True, slots=True)
class Sent:
    """This account has sent something, from another device."""

    id: bytes
    sent_at: int
    chat: UserId
    """To whom; a group's id stands there as well."""
    is_group: bool
    content: bytes = field(repr=False)
    phone: str | None = None
    """The other side's number, which this device may not know."""


class SeenMark(NamedTuple):
    """Up to where a sender's messages were seen."""

    chat: UserId
    device: int
    number: int


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody has seen messages on another device of this account."""

    id: bytes
    sent_at: int
    marks: tuple[SeenMark, ...]


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One message of the history with what was said about it."""

    chat: UserId
    phone: str | None
    outgoing: bool
    device: int | None
    number: int | None
    id: bytes
    kind: int
    content: bytes | None = field(repr=False)
    stored_at: int
    accepted_at: int | None
    state: int
    error_name: str | None
    edit: tuple[bytes, int, int] | None = field(default=None, repr=False)
    reactions: tuple[tuple[UserId, str, int], ...] = field(default=(), repr=False)
    author: int | None = None
    """Who wrote what came in a group."""
    gseq: int | None = None
    """And where that is in the group's timeline."""


@dataclass(frozen=True, slots=True)
class History:
    """Some of the history for a new device, and how far that brings it."""

    id: bytes
    sent_at: int
    device: DeviceId
    sent: int
    """Lines so far, these included."""
    total: int
    is_last: bool
    lines: tuple[bytes, ...] = field(repr=False)
    """Encoded, so that what one of them is worth can be weighed before they are put together."""


@dataclass(frozen=True, slots=True)
class Aside:
    """What this was is for another device of the same user."""

    id: bytes
    sent_at: int
    device: DeviceId


class DeviceName(NamedTuple):
    """What a device of the account is called."""

    device: DeviceId
    name: str
    linked_at: int | None
    """In seconds; None if whoever says it does not know."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the person calls the devices of the account."""

    id: bytes
    sent_at: int
    names: tuple[DeviceName, ...]


Sibling = Sent | Seen | History | Aside | Names


def encode_sibling(service: Sibling) -> bytes:
    """The bytes to be encrypted."""
    match service:
        case Sent(content_id, sent_at, chat, is_group, content, phone):
            return cbor2.dumps([SENT_KIND, content_id, sent_at, chat, is_group, content, phone])
        case Seen(content_id, sent_at, marks):
            return cbor2.dumps([SEEN_KIND, content_id, sent_at, [list(mark) for mark in marks]])
        case History(content_id, sent_at, device, sent, total, is_last, lines):
            head = [HISTORY_KIND, content_id, sent_at, device, sent, total, is_last]
            return cbor2.dumps([*head, list(lines)])
        case Aside(content_id, sent_at, device):
            return cbor2.dumps([HISTORY_KIND, content_id, sent_at, device])
        case Names(content_id, sent_at, names):
            return cbor2.dumps([NAMES_KIND, content_id, sent_at, [list(name) for name in names]])


def read_sibling(content: Content) -> Sibling | None:
    """What decoded content of another own device says; None if it is none of these kinds.

    Raises:
        BadContentError: it is of one of the kinds, and malformed.
    """
    if not isinstance(content, Unknown) or content.kind not in _KINDS:
        return None
    fields = cbor2.loads(content.encoded)[3:]  # it has been decoded before: it is an array
    match content.kind, fields:
        case 34, [int(chat), bool(is_group), bytes(inner), (str() | None) as phone, *_] if _is_uint(chat):
            return Sent(content.id, content.sent_at, UserId(chat), is_group, inner, phone)
        case 35, [list(marks), *_] if len(marks) <= MAX_SEEN_MARKS:
            return Seen(content.id, content.sent_at, tuple(map(_read_mark, marks)))
        case 36, [int(device)] if _is_uint(device):
            return Aside(content.id, content.sent_at, DeviceId(device))
        case 36, [int(device), int(sent), int(total), bool(is_last), list(lines), *_] if (
            _is_uint(device, sent, total) and len(lines) <= MAX_LINES
        ):
            if not all(isinstance(line, bytes) for line in lines):
                raise BadContentError("a history with a line that is none")
            return History(content.id, content.sent_at, DeviceId(device), sent, total, is_last, tuple(lines))
        case 37, [list(names), *_] if len(names) <= MAX_NAMES:
            return Names(content.id, content.sent_at, tuple(map(_read_name, names)))
    raise BadContentError(f"a message between own devices, of kind {content.kind}, without its fields")


def encode_line(line: HistoryLine) -> bytes:
    """A line as it stands in a ``History``."""
    return cbor2.dumps(
        [
            line.chat,
            line.phone,
            line.outgoing,
            line.device,
            line.number,
            line.id,
            line.kind,
            line.content,
            line.stored_at,
            line.accepted_at,
            line.state,
            line.error_name,
            None if line.edit is None else list(line.edit),
            [list(reaction) for reaction in line.reactions],
            *(() if line.author is None else (line.author, line.gseq)),
        ]
    )


def decode_line(encoded: bytes) -> HistoryLine:
    """Read a line.

    Raises:
        BadContentError: it is none.
    """
    try:
        fields = cbor2.loads(encoded)
    except Exception:  # cbor2 raises what it likes on foreign bytes
        raise BadContentError("a line of the history that is not CBOR") from None
    if not isinstance(fields, list) or len(fields) < _LINE_FIELDS:
        raise BadContentError("a line of the history without its fields")
    *plain, edit, reactions = fields[:_LINE_FIELDS]
    for value, types in zip(plain, _LINE_TYPES, strict=True):
        if not isinstance(value, types) or (isinstance(value, int) and not _fits(value)):
            raise BadContentError("a line of the history with a field that is none")
    place = _read_place(fields[_LINE_FIELDS:])
    values: list[Any] = [*plain, _read_edit(edit), _read_reactions(reactions), *place]
    return HistoryLine(*values)


_LINE_TYPES: tuple[Any, ...] = (
    int,
    str | None,
    bool,
    int | None,
    int | None,
    bytes,
    int,
    bytes | None,
    int,
    int | None,
    int,
    str | None,
)


def _read_mark(mark: object) -> SeenMark:
    match mark:
        case [int(chat), int(device), int(number), *_] if _is_uint(chat, device, number):
            return SeenMark(UserId(chat), device, number)
    raise BadContentError("a mark of what was seen that is none")


def _read_name(name: object) -> DeviceName:
    match name:
        case [int(device), str(called), (int() | None) as linked_at, *_] if (
            _is_uint(device, linked_at or 0) and 0 < len(called) <= MAX_NAME_CHARS and called.isprintable()
        ):
            return DeviceName(DeviceId(device), called, linked_at)
    raise BadContentError("a name of a device that is none")


def _read_edit(edit: object) -> tuple[bytes, int, int] | None:
    match edit:
        case None:
            return None
        case [bytes(content), int(sent_at), int(arrived_at)] if _is_uint(sent_at, arrived_at):
            return content, sent_at, arrived_at
    raise BadContentError("an edit of a line of the history that is none")


def _read_reactions(reactions: object) -> tuple[tuple[UserId, str, int], ...]:
    if not isinstance(reactions, list):
        raise BadContentError("reactions to a line of the history that are none")
    return tuple(map(_read_reaction, reactions))


def _read_place(rest: list[object]) -> tuple[int | None, int | None]:
    match rest:
        case []:
            return None, None
        case [int(author), (int() | None) as gseq, *_] if _is_uint(author, gseq or 0):
            return author, gseq
    raise BadContentError("a line of a group's history without its author")


def _read_reaction(reaction: object) -> tuple[UserId, str, int]:
    match reaction:
        case [int(reactor), str(emoji), int(sent_at)] if _is_uint(reactor, sent_at):
            return UserId(reactor), emoji, sent_at
    raise BadContentError("a reaction to a line of the history that is none")


def _is_uint(*values: int) -> bool:
    return all(type(value) is int and 0 <= value <= _MAX_UINT for value in values)


def _fits(value: int) -> bool:
    return 0 <= value <= _MAX_UINT
