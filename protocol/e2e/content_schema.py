"""The table of content kinds: number, class, fields with their types and limits, as data.

Codec, documentation, test vectors and fuzzers work from this one table. The numbers are fixed for ever, a
kind grows by optional fields at its end, and each addition raises ``SCHEMA_VERSION``: ``since`` tells a
reader of the documentation which versions know a kind. Nothing negotiates it: a kind that a phone does not
know is kept, and shown once it does (content.py).
Not here: what holds for every kind (content_marks.py).
"""

from dataclasses import MISSING, dataclass, fields
from operator import attrgetter
from typing import Any, Final

from protocol.e2e import content_kinds as kinds
from protocol.e2e.profile import PROFILE_KEY_BYTES
from protocol.fields import Bytes, FieldError, FieldType, ListOf, Record, Uint
from protocol.fields import Text as Chars
from protocol.limits import MAX_LIFE_SECONDS, MAX_PHONE_CHARS, MAX_UINT63

SCHEMA_VERSION: Final = 2
"""The newest ``since`` of the table."""

CONTENT_ID_BYTES: Final = 8

MAX_TEXT_BYTES: Final = 16_384
"""UTF-8 bytes. Four times the 4,096 characters at which WhatsApp folds a message; longer is a file."""

MAX_EMOJI_BYTES: Final = 64
"""The longest sequences of Unicode's own list, families with skin tones, take half of it."""

MAX_MENTIONS: Final = 64
MAX_NAME_BYTES: Final = 256
MAX_CONTACT_PHONES: Final = 16

MICRODEGREES: Final = 1_000_000
"""In a degree."""

_COMMON_FIELDS: Final = ("id", "sent_at")


@dataclass(frozen=True, slots=True)
class Utf8:
    """A string, limited in bytes of UTF-8."""

    maximum: int
    minimum: int = 0

    @property
    def text(self) -> str:
        """Description for the tables of the documentation."""
        return f"text, {self.minimum} to {self.maximum:,} bytes of UTF-8"

    def read(self, value: object) -> str:
        """Return the text."""
        if type(value) is not str:
            raise FieldError(f"not {self.text}")
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            raise FieldError("half a surrogate pair, which is no character") from None
        if not self.minimum <= size <= self.maximum:
            raise FieldError(f"{size} bytes, not {self.text}")
        return value


@dataclass(frozen=True, slots=True)
class Int:
    """An integer that may be negative; the limit is the same on both sides of zero."""

    maximum: int

    @property
    def text(self) -> str:
        """Description for the tables of the documentation."""
        return f"int, at most {self.maximum:,} either way"

    def read(self, value: object) -> int:
        """Return the integer."""
        if type(value) is int and -self.maximum <= value <= self.maximum:
            return value
        raise FieldError(f"not {self.text}")


@dataclass(frozen=True, slots=True)
class ContentField:
    """One field of a kind, behind ``id`` and ``sent_at``."""

    name: str
    type: FieldType
    default: object = MISSING

    @property
    def is_optional(self) -> bool:
        """Whether it may be absent, or null where another one follows it."""
        return self.default is not MISSING


class KindSpec:
    """One row of the table.

    Attributes:
        number: the kind on the wire.
        content: its class.
        since: the version of the schema that brought it.
        fields: in wire order; the optional ones are last.
        required: how many fields must be there.
    """

    __slots__ = ("_get", "content", "fields", "number", "required", "since")

    def __init__(self, number: int, content: type[Any], since: int, types: dict[str, FieldType]) -> None:
        defaults = {each.name: each.default for each in fields(content)}
        self.number = number
        self.content = content
        self.since = since
        self.fields = tuple(ContentField(name, kind, defaults[name]) for name, kind in types.items())
        self.required = sum(not each.is_optional for each in self.fields)
        self._get = attrgetter(*_COMMON_FIELDS, *types)  # two names at least, hence a tuple

    @property
    def name(self) -> str:
        """The name of the kind's class."""
        return self.content.__name__

    def values(self, content: object) -> tuple[object, ...]:
        """The values of all fields of a content, in order."""
        taken: tuple[object, ...] = self._get(content)
        return taken[len(_COMMON_FIELDS) :]


def _row(number: int, content: type[Any], /, since: int, **types: FieldType) -> KindSpec:
    return KindSpec(number, content, since, types)


_ID: Final = Bytes(CONTENT_ID_BYTES, minimum=CONTENT_ID_BYTES)
_USER: Final = Uint(MAX_UINT63, minimum=1)
_REF: Final = Record(kinds.MessageRef, (("sender", _USER), ("id", _ID)))
_TEXT: Final = Utf8(MAX_TEXT_BYTES)
_NAME: Final = Utf8(MAX_NAME_BYTES)
_MENTIONS: Final = ListOf(_USER, MAX_MENTIONS)

CONTENT_SCHEMA: Final[tuple[KindSpec, ...]] = (
    _row(
        0, kinds.Text, since=1,
        text=_TEXT, profile_key=Bytes(PROFILE_KEY_BYTES, minimum=PROFILE_KEY_BYTES), reply_to=_REF,
        mentions=_MENTIONS,
    ),
    _row(1, kinds.Reaction, since=1, target=_REF, emoji=Utf8(MAX_EMOJI_BYTES, minimum=1)),
    _row(2, kinds.Edit, since=1, target=_ID, text=_TEXT, mentions=_MENTIONS),
    _row(3, kinds.Deletion, since=1, target=_ID),
    _row(4, kinds.Contact, since=1, name=_NAME, phones=ListOf(Chars(MAX_PHONE_CHARS), MAX_CONTACT_PHONES)),
    _row(
        5, kinds.Location, since=1,
        latitude=Int(90 * MICRODEGREES), longitude=Int(180 * MICRODEGREES), name=_NAME,
    ),
    _row(6, kinds.ChatTimer, since=2, seconds=Uint(MAX_LIFE_SECONDS)),
    _row(7, kinds.KeepHere, since=2, on=Uint(1)),
    _row(8, kinds.Opened, since=2, target=_REF),
    _row(44, kinds.NumberChanged, since=2, old=Chars(MAX_PHONE_CHARS), new=Chars(MAX_PHONE_CHARS)),
)  # fmt: skip

KIND_BY_NUMBER: Final = {spec.number: spec for spec in CONTENT_SCHEMA}
KIND_BY_CLASS: Final[dict[type[Any], KindSpec]] = {spec.content: spec for spec in CONTENT_SCHEMA}
