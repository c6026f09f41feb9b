"""What files of contacts are read into, and what of them could not be read."""

from dataclasses import dataclass, field

MAX_NAME_CHARACTERS = 200
"""Longer ones are cut: nobody has such a name, and a line of the history would be nothing else."""


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A number as somebody has written it, and in which line of the file."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Card:
    """One person in a file."""

    name: str = field(repr=False)
    """'' if the file has none."""
    numbers: tuple[WrittenNumber, ...]


@dataclass(frozen=True, slots=True)
class BadLine:
    """Something in a file that was skipped, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ContactFile:
    """All that could be read of a file."""

    cards: tuple[Card, ...]
    bad_lines: tuple[BadLine, ...]


@dataclass(frozen=True, slots=True)
class Contact:
    """One number of the address book."""

    phone: str
    name: str = field(repr=False)
    is_found: bool
    """Whether somebody who uses the service has it, as far as the relay told."""
    is_due: bool
    """Whether the relay is still to be asked."""


def tidy_name(text: str) -> str:
    """A name on one line, without what surrounds it, and of bearable length."""
    return " ".join(text.split())[:MAX_NAME_CHARACTERS]
