"""A contact out of a vCard file: the name and the phone numbers.

Only these are read, and only they are sent: a card may also hold a home address, a birthday, a photo.
"""

from pathlib import Path
from typing import NamedTuple

from client.contacts.numbers import number_in
from client.contacts.records import Card
from client.contacts.vcard import read_vcards
from client.errors import ContentError, PhoneNumberError

MAX_FILE_BYTES = 1_000_000  # a card with a large photo in it; more is another kind of file


class ContactCard(NamedTuple):
    """Somebody's name and numbers."""

    name: str
    phones: tuple[str, ...]


def read_card(path: Path) -> ContactCard:
    """The first card of a file.

    Raises:
        ContentError: there is no such file, or no card with a number in international writing in it.
    """
    try:
        with path.open("rb") as file:
            cards = read_vcards(file.read(MAX_FILE_BYTES)).cards
    except OSError as error:
        raise ContentError(f"{path} cannot be read: {error.strerror}") from None
    phones = _callable_numbers(cards[0]) if cards else ()
    if not phones:
        raise ContentError(f"{path} has no phone number with + and country code")
    return ContactCard(cards[0].name or phones[0], phones)


def _callable_numbers(card: Card) -> tuple[str, ...]:
    """The numbers that can be called from elsewhere, each once."""
    numbers: dict[str, None] = {}
    for written in card.numbers:
        try:
            numbers[number_in(written.text, None)] = None
        except PhoneNumberError:
            continue
    return tuple(numbers)
