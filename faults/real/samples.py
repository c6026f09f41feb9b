"""Values for the fields of stanzas, by their types in the table: right ones, the largest, wrong ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from protocol.fields import (
    AddressBytes,
    Bytes,
    Chat,
    Code,
    Either,
    FieldType,
    ListOf,
    Names,
    Null,
    OneOf,
    Record,
    Text,
    Uint,
)
from protocol.limits import MAX_HANDLE

MOST_ITEMS: Final = 64
"""Of a list of large things that is as long as it may be; of small things it has all that it may have."""

SMALL_BYTES: Final = 40

UNBOUND: Final = MAX_HANDLE - 1
"""An even handle that nobody binds here."""

Handles = Mapping[Names, int]
"""{what it names: a handle that an intruder has bound to such a thing}."""


def right(kind: FieldType, handles: Handles, *, largest: bool = False) -> Any:
    """A value that the type allows: the smallest, or the largest."""
    match kind:
        case Uint(maximum, minimum):
            return maximum if largest else minimum
        case Code():
            return 65_535 if largest else 1
        case Bytes(maximum, minimum):
            return b"x" * (maximum if largest else minimum)
        case Text(maximum):
            return "x" * (maximum if largest else 1)
        case OneOf(members):
            return str(members[-1 if largest else 0])
        case ListOf(item, maximum):
            return _list(item, maximum, handles) if largest else ()
        case Record(_, fields):
            return tuple(right(field, handles, largest=largest) for _, field in fields)
        case Either(choices):
            return right(choices[-1 if largest else 0], handles, largest=largest)
        case Null():
            return None
        case AddressBytes():
            return b"\x00" * 7 + b"\x01"
        case Chat(from_client, _):
            return next((handles[names] for names in from_client if names in handles), UNBOUND)
    raise AssertionError(f"no value for {kind}")


def _list(item: FieldType, maximum: int, handles: Handles) -> tuple[Any, ...]:
    """As many as there may be; of what is large not so many that no frame could hold them."""
    one = right(item, handles)
    is_small = not isinstance(one, (bytes, tuple)) or len(repr(one)) < SMALL_BYTES
    return (one,) * (maximum if is_small else min(maximum, MOST_ITEMS))


def wrong(kind: FieldType, handles: Handles) -> Iterator[tuple[str, Any]]:
    """Values that the type does not allow, with what is wrong with each."""
    yield "a float", 1.5
    yield "a map", {"x": 1}
    match kind:
        case Uint(maximum, minimum):
            yield "too large", maximum + 1
            yield "too small", minimum - 1
            yield "a truth value", True
            yield "text", "1"
        case Code():
            yield "too large", 65_536
            yield "negative", -1
        case Bytes(maximum, minimum):
            yield "too long", b"x" * (maximum + 1)
            if minimum:
                yield "too short", b"x" * (minimum - 1)
            yield "text", "x" * max(1, minimum)
        case Text(maximum):
            yield "too long", "x" * (maximum + 1)
            yield "bytes", b"x"
        case OneOf():
            yield "another word", "nonsense"
        case ListOf(item, maximum):
            yield "too many", (right(item, handles),) * (maximum + 1)
            yield "one that is wrong", (1.5,)
            yield "no list", 1
        case Record(_, fields, optional):
            yield "too short", tuple(right(field, handles) for _, field in fields)[: -1 - optional]
        case Chat(from_client, _):
            yield "an unbound handle", UNBOUND
            yield "too large", MAX_HANDLE + 1
            yield from (
                (f"a handle of a {names.text}", handle)
                for names, handle in handles.items()
                if names not in from_client
            )
        case AddressBytes():
            yield "too short", b"x" * 3
            yield "nobody", bytes(8)
