"""vCards as they are found: three versions, folded, quoted, in old charsets, and broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.contacts.records import BadLine, Card, WrittenNumber
from client.contacts.vcard import read_vcards


def people(text: str | bytes) -> list[tuple[str, list[str]]]:
    data = text if isinstance(text, bytes) else text.encode()
    return [(card.name, [number.text for number in card.numbers]) for card in read_vcards(data).cards]


def test_a_card_of_a_nokia_version_2_1() -> None:
    card = (
        "BEGIN:VCARD\r\nVERSION:2.1\r\n"
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg=\r\n"
        "-Peter;;;\r\n"
        "TEL;CELL;PREF:0151 12345678\r\nTEL;WORK;VOICE:+49 30 901820\r\n"
        "PHOTO;ENCODING=BASE64;JPEG:/9j/4AAQSkZJRgABAQ\r\n AAAQABAAD\r\n\r\nEND:VCARD\r\n"
    )
    assert people(card) == [("Jörg-Peter Müller", ["0151 12345678", "+49 30 901820"])]


def test_a_card_of_google_version_3() -> None:
    card = (
        "BEGIN:VCARD\nVERSION:3.0\nFN:Ann \\, the\n  first\nN:Example;Ann;;;\n"
        'item1.TEL:+1 202-555-0143\nitem1.X-ABLabel:"Main: x"\nTEL;TYPE=CELL:(0151) 1234-5678\nEND:VCARD\n'
    )
    assert people(card) == [("Ann , the first", ["+1 202-555-0143", "(0151) 1234-5678"])]


def test_a_card_of_version_4_with_addresses_for_numbers() -> None:
    card = (
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN;LANGUAGE=fr:Hélène\r\n"
        'TEL;VALUE=uri;PREF=1;TYPE="voice,home":tel:+33-1-23-45-67-89;ext=5\r\n'
        'TEL;TYPE="a:b;c":+49 151 12345678\r\nEND:VCARD\r\n'
    )
    assert people(card) == [("Hélène", ["tel:+33-1-23-45-67-89;ext=5", "+49 151 12345678"])]


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "cp1252", "utf-8"])
def test_a_file_in_another_charset(charset: str) -> None:
    card = "BEGIN:VCARD\r\nFN:Jörg\r\nTEL:1\r\nEND:VCARD\r\n"
    assert people(card.encode(charset)) == [("Jörg", ["1"])]


def test_a_line_names_its_own_charset() -> None:
    card = b"BEGIN:VCARD\nFN;CHARSET=ISO-8859-2:\xb3ukasz\nTEL:1\nEND:VCARD\n"
    assert people(card) == [("łukasz", ["1"])]


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("N:Example;Ann", "Ann Example"),
        ("N:Example;Ann\nFN:Annie", "Annie"),
        ("ORG:Roost\\; Ltd;Sales", "Roost; Ltd"),
        ("NICKNAME:nan\nORG:Roost", "nan"),
        ("FN:\nORG:Roost", "Roost"),
        ("", ""),
    ],
)
def test_the_best_name_that_there_is(lines: str, name: str) -> None:
    assert people(f"BEGIN:VCARD\n{lines}\nTEL:1\nEND:VCARD")[0][0] == name


def test_lines_are_counted_as_an_editor_does_and_bad_ones_cost_themselves() -> None:
    data = (
        b"stray\r\nBEGIN:VCARD\r\nFN:An\r\n n\r\nno line of a vCard\r\n"
        b"TEL;CHARSET=klingon:5\r\nTEL:6\r\nEND:VCARD\r\n"
    )
    contents = read_vcards(data)
    assert contents.cards == (Card("Ann", (WrittenNumber("6", 7),)),)
    assert contents.bad_lines == (
        BadLine(1, "this is no line of a vCard"),
        BadLine(5, "this is no line of a vCard"),
        BadLine(6, "nobody knows the charset 'klingon'"),
    )


def test_cards_that_do_not_end_are_taken_and_named() -> None:
    contents = read_vcards(b"BEGIN:VCARD\nTEL:1\nBEGIN:VCARD\nTEL:2")
    assert [card.numbers[0].text for card in contents.cards] == ["1", "2"]
    assert [bad.line for bad in contents.bad_lines] == [1, 3]


def test_a_picture_of_megabytes_is_passed_over() -> None:
    folded = b"\n ".join([b"A" * 75] * 40_000)
    data = b"BEGIN:VCARD\nPHOTO;ENCODING=b;TYPE=JPEG:" + folded + b"\nTEL:1\nEND:VCARD\n"
    assert people(data) == [("", ["1"])]


@given(st.binary(max_size=400) | st.text('BEGINVCARDTLFN:;=\n\\ \t"', max_size=200).map(str.encode))
def test_whatever_the_bytes_are_nothing_is_raised(data: bytes) -> None:
    read_vcards(data)
    read_vcards(b"BEGIN:VCARD\n" + data)
