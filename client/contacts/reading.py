"""Turns a file of contacts into an address book: names by number, and by line what of it was skipped."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from client.contacts.csv_file import read_csv
from client.contacts.numbers import number_in
from client.contacts.records import BadLine, Card, ContactFile
from client.contacts.vcard import read_vcards
from client.errors import ContactFileError, PhoneNumberError

MAX_FILE_BYTES = 256 * 1024 * 1024
"""Ten thousand cards with pictures of 20 KB each."""


@dataclass(slots=True)
class Reading:
    """What was found in a file."""

    names: dict[str, str] = field(default_factory=dict, repr=False)  # {number in E.164: name, or ''}
    people: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)

    def take(self, card: Card, region: str | None) -> None:
        """Enter one person. Of two names for a number the first stays."""
        numbers: list[str] = []
        for written in card.numbers:
            try:
                numbers.append(number_in(written.text, region))
            except PhoneNumberError as error:
                self.bad_lines.append(BadLine(written.line, str(error)))
        for number in numbers:
            self.names[number] = self.names.get(number) or card.name
        self.people += bool(numbers)


def read_contacts(path: Path, region: str | None) -> Reading:
    """Read a vCard or CSV file.

    Args:
        path: the file; what it is, its name says, or its beginning.
        region: whose national numbers are in it; None: only international ones can be read.

    Raises:
        ContactFileError: it cannot be read, or there is nobody in it.
    """
    reading = Reading()
    contents = _parsed(path, _bytes_of(path))
    reading.bad_lines += contents.bad_lines
    for card in contents.cards:
        reading.take(card, region)
    reading.bad_lines.sort(key=lambda bad: bad.line)
    if not contents.cards:
        raise ContactFileError(f"there are no contacts in {path}")
    return reading


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
                raise ContactFileError(f"{path} has more than {MAX_FILE_BYTES:,} bytes")
            return file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise ContactFileError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None


def _parsed(path: Path, data: bytes) -> ContactFile:
    kind = path.suffix.lower()
    if kind == ".csv" or (kind not in (".vcf", ".vcard") and b"BEGIN:VCARD" not in data[:4096].upper()):
        return read_csv(data)
    return read_vcards(data)
