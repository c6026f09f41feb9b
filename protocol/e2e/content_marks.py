"""What holds for a content whatever its kind: how long it lives, whether it is shown once, and more.

Marks are a CBOR map with small integers as keys, and stand as the last place of a content's array. A kind
that this version does not know has them all the same, so that what it cannot show yet disappears in time; and
a reader that knows no marks skips them as a further field. A mark that is not known, or cannot be read, is
left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from protocol.fields import FieldError, FieldType, Uint
from protocol.limits import MAX_LIFE_SECONDS

MAX_FORWARDS: Final = 255
"""Enough to tell a rumour; the count stays there."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one content."""

    life: int | None = None
    """Seconds from sending after which it is deleted on both sides; None: it stays."""
    view_once: int = 0
    """1: it is shown once, and is gone then."""
    forwards: int = 0
    """How often it was forwarded before it came here."""


NO_MARKS: Final = Marks()


@dataclass(frozen=True, slots=True)
class MarkSpec:
    """One row of the table."""

    number: int
    name: str
    type: FieldType
    meaning: str


MARKS: Final[tuple[MarkSpec, ...]] = (
    MarkSpec(
        0, "life", Uint(MAX_LIFE_SECONDS, minimum=1),
        "Seconds from sending after which both sides delete it. Without it a content stays.",
    ),
    MarkSpec(1, "view_once", Uint(1), "1: shown once, and gone then. 0 is the same as none."),
    MarkSpec(2, "forwards", Uint(MAX_FORWARDS), "How often it was forwarded before it came here."),
)  # fmt: skip


def written_marks(marks: Marks) -> list[dict[int, int]]:
    """What stands at the end of the array: one map, or nothing.

    Raises:
        FieldError: a mark is outside its limits.
    """
    if marks == NO_MARKS:
        return []
    found: dict[int, int] = {}
    for spec in MARKS:
        value = getattr(marks, spec.name)
        if value:
            spec.type.read(value)
            found[spec.number] = value
    return [found]


def read_marks(marks: Mapping[Any, Any]) -> Marks:
    """The marks that a map means. Whatever is in it, nothing is raised."""
    values: dict[str, Any] = {}
    for spec in MARKS:
        if spec.number in marks:
            try:
                values[spec.name] = spec.type.read(marks[spec.number])
            except FieldError:
                continue
    return Marks(**values)
