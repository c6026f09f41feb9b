"""A contact out of a vCard file (RFC 6350, and 2.1 and 3.0 before it): the name and the phone numbers.

Only these are read, and only they are sent: a card may also hold a home address, a birthday, a photo.
"""

import re
from pathlib import Path
from typing import NamedTuple

from client.errors import ContentError, PhoneNumberError
from client.phone_numbers import checked_number

MAX_FILE_BYTES = 1_000_000  # a card with a large photo in it; more is another kind of file

_FOLD = re.compile(r"\r?\n[ \t]")
_ESCAPE = re.compile(r"\\(.)")


class Card(NamedTuple):
    """Somebody's name and numbers."""

    name: str
    phones: tuple[str, ...]


def read_card(path: Path) -> Card:
    """The first card of a file.

    Raises:
        ContentError: there is no such file, or no card with a number in international writing in it.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES).decode(errors="replace")
    except OSError as error:
        raise ContentError(f"{path} cannot be read: {error.strerror}") from None
    name, phones = "", []
    for line in _FOLD.sub("", text).splitlines():
        field, _, value = line.partition(":")
        match field.split(";")[0].rpartition(".")[2].upper():
            case "FN":
                name = name or _ESCAPE.sub(r"\1", value).strip()
            case "TEL":
                phones += _numbers(value)
            case "END":
                break
    if not phones:
        raise ContentError(f"{path} has no phone number with + and country code")
    return Card(name or phones[0], tuple(dict.fromkeys(phones)))


def _numbers(value: str) -> list[str]:
    """The number of a TEL line; none if it cannot be called from elsewhere."""
    try:
        return [checked_number(value.strip().removeprefix("tel:"))]
    except PhoneNumberError:
        return []
