"""The types that stanza fields are made of: each checks a CBOR value and returns it as Roost's own type.

`read(value)` accepts what cbor2 decoded (ints, bytes, str, tuples, None) and equally what our own side is
about to send; it raises FieldError, with the limit in its text, for everything else. `text` describes the
type for docs/wire-protocol.md. A bool is not an int here, although Python says so.
Not here: which stanza has which fields (schema.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

from protocol.codes import known_code
from protocol.errors import InvalidAddressError
from protocol.ids import Address, address_from_bytes, address_to_bytes
from protocol.limits import MAX_HANDLE


class FieldError(ValueError):
    """A value that is not of the field's type or not within its limits."""


class FieldType(Protocol):
    """What every field type offers."""

    @property
    def text(self) -> str:
        """Description for the tables of the documentation."""

    def read(self, value: object) -> object:
        """Return the value as Roost's own type; raise FieldError if it is not one."""


@dataclass(frozen=True, slots=True)
class Uint:
    """An unsigned integer."""

    maximum: int
    minimum: int = 0

    @property
    def text(self) -> str:
        """Description for the tables of the documentation."""
        return f"uint {_number_text(self.minimum)}..{_number_text(self.maximum)}"

    def read(self, value: object) -> int:
        """Return the integer."""
        if type(value) is int and self.minimum <= value <= self.maximum:
            return value
        raise FieldError(f"not a {self.text}")


@dataclass(frozen=True, slots=True)
class Code:
    """An error code; one that this version does not know stays a plain int."""

    text: str = "uint, an error code"

    def read(self, value: object) -> int:
        """Return the ErrorCode, or the integer."""
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_CODE:
            return known_code(value)
        raise FieldError(f"not a uint 0..{_MAX_CODE}")


@dataclass(frozen=True, slots=True)
class Bytes:
    """A byte string."""

    maximum: int
    minimum: int = 0

    @property
    def text(self) -> str:
        """Description for the tables of the documentation."""
        if self.minimum == self.maximum:
            return f"bytes, exactly {self.maximum}"
        return f"bytes, {self.minimum} to {self.maximum:,}"

    def read(self, value: object) -> bytes:
        """Return the bytes."""
        if type(value) is bytes and self.minimum <= len(value) <= self.maximum:
            return value
        raise FieldError(f"not {self.text}")


@dataclass(frozen=True, slots=True)
class Text:
    """A UTF-8 string, limited in characters."""

    maximum: int

    @property
    def text(self) -> str:
        """Description for the tables of the documentation."""
        return f"text, up to {self.maximum} characters"

    def read(self, value: object) -> str:
        """Return the text."""
        if type(value) is str and len(value) <= self.maximum:
            return value
        raise FieldError(f"not {self.text}")


@dataclass(frozen=True, slots=True)
class OneOf:
    """A string out of a fixed few, read as the member of a StrEnum or as plain text."""

    members: tuple[str, ...]

    @property
    def text(self) -> str:
        """Description for the tables of the documentation."""
        return "text, " + " or ".join(f"`{member}`" for member in map(str, self.members))

    def read(self, value: object) -> str:
        """Return the member that equals the value."""
        for member in self.members:
            if member == value:
                return member
        raise FieldError(f"not {self.text}")


@dataclass(frozen=True, slots=True)
class ListOf:
    """An array of equal items, limited in length, read as a tuple."""

    item: FieldType
    maximum: int

    @property
    def text(self) -> str:
        """Description for the tables of the documentation."""
        return f"array of up to {self.maximum}: {self.item.text}"

    def read(self, value: object) -> tuple[object, ...]:
        """Return the items as a tuple."""
        if isinstance(value, (tuple, list)) and len(value) <= self.maximum:
            read = self.item.read
            return tuple([read(item) for item in value])
        raise FieldError(f"not an array of up to {self.maximum}")


@dataclass(frozen=True, slots=True)
class Record:
    """An array with a meaning for each place, read as a NamedTuple; unknown trailing places are skipped."""

    build: Callable[..., tuple[Any, ...]]
    fields: tuple[tuple[str, FieldType], ...]
    optional: int = 0
    """How many places at the end may be absent: an older peer does not have them."""

    @property
    def text(self) -> str:
        """Description for the tables of the documentation."""
        required = len(self.fields) - self.optional
        places = [
            f"{name}{'' if place < required else '?'}: {kind.text}"
            for place, (name, kind) in enumerate(self.fields)
        ]
        return "[" + ", ".join(places) + "]"

    def read(self, value: object) -> tuple[object, ...]:
        """Return the record as its NamedTuple."""
        if not isinstance(value, (tuple, list)) or len(value) < len(self.fields) - self.optional:
            raise FieldError(f"not an array of {len(self.fields) - self.optional}")
        # strict=False is the rule of the wire: what a newer peer added at the end is skipped.
        return self.build(*[kind.read(item) for (_, kind), item in zip(self.fields, value, strict=False)])


@dataclass(frozen=True, slots=True)
class Either:
    """One of several types, tried in order; the first that fits reads it."""

    choices: tuple[FieldType, ...]

    @property
    def text(self) -> str:
        """Description for the tables of the documentation."""
        return "; or ".join(choice.text for choice in self.choices)

    def read(self, value: object) -> object:
        """Return what the first fitting choice makes of it."""
        for choice in self.choices:
            try:
                return choice.read(value)
            except FieldError:
                continue
        raise FieldError(f"not {self.text}")


@dataclass(frozen=True, slots=True)
class Null:
    """CBOR's null."""

    text: str = "null"

    def read(self, value: object) -> None:
        """Return None."""
        if value is not None:
            raise FieldError("not null")


@dataclass(frozen=True, slots=True)
class AddressBytes:
    """An address in its wire form."""

    text: str = "bytes, 8 (a user), 10 (a device), 9 (a group) or 19 (a device in a group)"

    def read(self, value: object) -> Address:
        """Return the address."""
        try:
            if type(value) is bytes:
                return address_from_bytes(value)
        except InvalidAddressError as error:
            raise FieldError(str(error)) from None
        raise FieldError(f"not {self.text}")

    def write(self, address: Address) -> bytes:
        """Return the wire form."""
        return address_to_bytes(address)


class Names(Enum):
    """What the address behind a handle names."""

    USER = auto()
    DEVICE = auto()
    GROUP = auto()
    MEMBER = auto()

    @property
    def text(self) -> str:
        """What the documentation calls it."""
        return "device in a group" if self is Names.MEMBER else self.name.lower()


@dataclass(frozen=True, slots=True)
class Chat:
    """A handle on the wire, an address in the stanza.

    Attributes:
        from_client: what it may name in a client's stanza; nothing if no client sends one.
        from_relay: what it may name in a relay's stanza; nothing if no relay sends one.
    """

    from_client: tuple[Names, ...]
    from_relay: tuple[Names, ...]

    @property
    def text(self) -> str:
        """Description for the tables of the documentation."""
        sides = (("C", self.from_client), ("R", self.from_relay))
        kinds = [f"a {' or a '.join(name.text for name in names)} ({side})" for side, names in sides if names]
        return f"handle 0..{MAX_HANDLE} of " + ", ".join(kinds)

    def read(self, value: object) -> int:
        """Return the handle; the connection's handle table turns it into an address."""
        if type(value) is int and 0 <= value <= MAX_HANDLE:
            return value
        raise FieldError(f"not a handle 0..{MAX_HANDLE}")


_MAX_CODE = 65_535


def _number_text(number: int) -> str:
    """Large powers of two are easier to read as such."""
    for bits in (63, 32):
        if number == 2**bits - 1:
            return f"2^{bits}-1"
    return f"{number:,}"
