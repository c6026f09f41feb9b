"""Reads contacts from CSV files, as Google, Outlook and address books on phones write them.

The first line says what the columns are. Which of them are numbers and names is told by their titles, in the
languages below; a file without titles is taken for names and numbers, whichever way round.
"""

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from client.contacts.records import BadLine, Card, ContactFile, WrittenNumber, tidy_name
from client.errors import ContactFileError

_NUMBER_TITLE = re.compile(
    r"(?i)phone|mobile|\btel|telefon|handy|mobil|téléphone|portable|teléfono|móvil|telefono|cellulare|numm?er"
)
_NOT_A_NUMBER = re.compile(r"(?i)\b(?:type|label|typ|e-?mail|fax type)\b|yomi|phonetic")
_FULL_NAME = re.compile(r"(?i)^(?:full |display |file as|anzeige)?name$|^nom$|^nombre completo$")
_NAME_PARTS = (
    re.compile(r"(?i)^(?:first|given)[ _-]?name$|^vorname$|^prénom$|^nombre$"),
    re.compile(r"(?i)^(?:middle|additional)[ _-]?name$"),
    re.compile(r"(?i)^(?:last|family)[ _-]?name$|^surname$|^nachname$|^nom de famille$|^apellidos?$"),
)
_COMPANY = re.compile(r"(?i)^(?:company|organi[sz]ation(?: name| 1 - name)?|firma)$")
_LOOKS_LIKE_A_NUMBER = re.compile(r"^\s*[+(]?[\d][\d\s()./-]{4,}$")
_SEVERAL = " ::: "
"""What Google puts between several numbers with the same label."""

csv.field_size_limit(1 << 20)  # notes in an address book can be long


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which column holds what."""

    numbers: tuple[int, ...]
    full_name: int | None
    name_parts: tuple[int, ...]
    company: int | None

    def card(self, row: Sequence[str], line: int) -> Card:
        texts = [
            text.strip()
            for column in self.numbers
            if column < len(row)
            for text in row[column].split(_SEVERAL)
        ]
        return Card(self._name(row), tuple(WrittenNumber(text, line) for text in texts if text))

    def _name(self, row: Sequence[str]) -> str:
        whole = _at(row, self.full_name)
        parts = " ".join(_at(row, column) for column in self.name_parts)
        return tidy_name(whole) or tidy_name(parts) or tidy_name(_at(row, self.company))


def read_csv(data: bytes) -> ContactFile:
    """All rows of a file.

    Raises:
        ContactFileError: nothing in it can be told for a number.
    """
    text = _decoded(data)
    rows = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text))
    cards: list[Card] = []
    bad: list[BadLine] = []
    columns: _Columns | None = None
    line = 1
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return ContactFile(tuple(cards), tuple(bad))
        except csv.Error as error:
            bad.append(BadLine(line, str(error)))
            line = rows.line_num + 1
            continue
        line, begin = rows.line_num + 1, line
        if columns is None:
            if not any(map(str.strip, row)):
                continue
            columns, has_titles = _columns(row)
            if has_titles:
                continue
        if (card := columns.card(row, begin)).numbers:
            cards.append(card)


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _delimiter(text: str) -> str:
    """Whichever stands most often in the first line that has something in it."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)


def _columns(first: Sequence[str]) -> tuple[_Columns, bool]:
    """What the columns are by the first row, and whether it is their titles.

    Raises:
        ContactFileError: no column can be told for a number.
    """
    titles = [title.strip() for title in first]
    numbers = tuple(i for i, title in enumerate(titles) if _is_number_title(title))
    if numbers:
        parts = tuple(column for part in _NAME_PARTS if (column := _where(titles, part)) is not None)
        return _Columns(numbers, _where(titles, _FULL_NAME), parts, _where(titles, _COMPANY)), True
    numbers = tuple(i for i, title in enumerate(titles) if _LOOKS_LIKE_A_NUMBER.match(title))
    if not numbers:
        raise ContactFileError(f"no column of {', '.join(titles) or 'this file'} is called a phone number")
    names = tuple(i for i in range(len(titles)) if i not in numbers)
    return _Columns(numbers, None, names, None), False


def _is_number_title(title: str) -> bool:
    return bool(_NUMBER_TITLE.search(title)) and not _NOT_A_NUMBER.search(title)


def _where(titles: Sequence[str], pattern: re.Pattern[str]) -> int | None:
    return next((i for i, title in enumerate(titles) if pattern.search(title)), None)


def _at(row: Sequence[str], column: int | None) -> str:
    return row[column] if column is not None and column < len(row) else ""
