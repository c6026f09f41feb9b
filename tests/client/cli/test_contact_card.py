from pathlib import Path

import pytest

from client.cli.contact_card import ContactCard, read_card
from client.errors import ContentError

CARD = """BEGIN:VCARD\r
VERSION:3.0\r
FN:Ben\\, the baker\r
item1.TEL;TYPE=CELL:+49 1511 234\r
 5679\r
TEL:tel:+4930222222\r
TEL:110\r
ADR:;;Somewhere 1\r
END:VCARD\r
BEGIN:VCARD\r
FN:Somebody else\r
TEL:+4915112345678\r
END:VCARD\r
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "card.vcf"
    path.write_bytes(text.encode())
    return path


def test_name_and_numbers_of_the_first_card_are_read_and_nothing_else(tmp_path: Path) -> None:
    card = read_card(written(tmp_path, CARD))
    assert card == ContactCard("Ben, the baker", ("+4915112345679", "+4930222222"))


def test_a_card_without_a_name_is_named_by_its_number(tmp_path: Path) -> None:
    assert read_card(written(tmp_path, "BEGIN:VCARD\nTEL:+4930222222\nEND:VCARD\n")).name == "+4930222222"


def test_what_has_no_number_or_cannot_be_read_is_refused(tmp_path: Path) -> None:
    local = written(tmp_path, "BEGIN:VCARD\nFN:Nobody\nTEL:110\nEND:VCARD\n")
    for path in (local, tmp_path / "missing.vcf", tmp_path):
        with pytest.raises(ContentError):
            read_card(path)


def test_a_file_that_is_no_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="no phone number"):
        read_card(written(tmp_path, "number,name\n+4930222222,Ben\n"))
