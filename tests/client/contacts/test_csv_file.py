"""CSV files of address books: titles in several languages, several numbers, delimiters and charsets."""

import pytest

from client.contacts.csv_file import read_csv
from client.contacts.records import BadLine, Card, WrittenNumber
from client.errors import ContactFileError

GOOGLE = (
    "First Name,Middle Name,Last Name,Phonetic First Name,Organization Name,E-mail 1 - Value,"
    "Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value\n"
    'Ann,,Example,,,ann@example.org,Mobile,0151 12345678 ::: +49 30 901820,Work,"+1 (202) 555-0143"\n'
    ",,,,Roost Ltd,,Work,+44 20 7946 0018,,\n"
    "Nobody,,,,,,,,,\n"
)
OLD_GOOGLE = "Name,Given Name,Family Name,Phone 1 - Type,Phone 1 - Value\nAnn E,Ann,E,Mobile,1\n"
OUTLOOK = '"Vorname";"Nachname";"Firma";"Mobiltelefon";"Telefon geschäftlich"\n"Jörg";"Müller";"";"1";"2"\n'


def people(text: str | bytes) -> list[tuple[str, list[str]]]:
    data = text if isinstance(text, bytes) else text.encode()
    return [(card.name, [number.text for number in card.numbers]) for card in read_csv(data).cards]


def test_a_file_of_google() -> None:
    assert people(GOOGLE) == [
        ("Ann Example", ["0151 12345678", "+49 30 901820", "+1 (202) 555-0143"]),
        ("Roost Ltd", ["+44 20 7946 0018"]),
    ]
    assert people(OLD_GOOGLE) == [("Ann E", ["1"])]


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_file_of_outlook(charset: str) -> None:
    assert people(OUTLOOK.encode(charset)) == [("Jörg Müller", ["1", "2"])]


@pytest.mark.parametrize("line", ["Ann Example,+4915112345678", "+4915112345678\tAnn Example"])
def test_a_file_without_titles_is_names_and_numbers(line: str) -> None:
    assert people(f"\n{line}\n") == [("Ann Example", ["+4915112345678"])]


def test_lines_are_counted_although_a_note_has_several() -> None:
    contents = read_csv(b'Notes,Name,Phone\n"a\nb\nc",Ann,1\n,Ben,2\n')
    assert [card.numbers for card in contents.cards] == [(WrittenNumber("1", 2),), (WrittenNumber("2", 5),)]


def test_a_row_that_is_no_csv_is_named_and_skipped() -> None:
    contents = read_csv(b"Name,Phone\n" + b'"' + b"x" * (1 << 20) + b'y",1\nBen,2\n')
    assert contents.cards == (Card("Ben", (WrittenNumber("2", 3),)),)
    assert contents.bad_lines == (BadLine(2, "field larger than field limit (1048576)"),)


def test_short_rows_have_no_number_and_need_none() -> None:
    assert people("Name,Phone\nAnn\n\nBen,2\n") == [("Ben", ["2"])]


@pytest.mark.parametrize("text", ["Name,E-mail\nAnn,a@example.org\n", "just words\n"])
def test_a_file_in_which_nothing_is_a_number_is_refused(text: str) -> None:
    with pytest.raises(ContactFileError, match="no column of"):
        read_csv(text.encode())
