from pathlib import Path

import pytest

from client.contacts import reading
from client.contacts.reading import read_contacts
from client.contacts.records import BadLine
from client.errors import ContactFileError


def test_the_same_number_in_two_cards_is_one_and_keeps_its_first_name(tmp_path: Path) -> None:
    file = tmp_path / "book.vcf"
    file.write_text(
        "BEGIN:VCARD\nTEL:0151 12345678\nEND:VCARD\n"
        "BEGIN:VCARD\nFN:Ann\nTEL:+49 151 12345678\nTEL:112\nEND:VCARD\n"
        "BEGIN:VCARD\nFN:Anna\nTEL:+49 151 12345678\nEND:VCARD\n"
        "BEGIN:VCARD\nFN:Nobody\nEND:VCARD\n"
    )
    found = read_contacts(file, "DE")
    assert found.names == {"+4915112345678": "Ann"}
    assert found.people == 3
    assert found.bad_lines == [BadLine(7, "112 is not a phone number: no such number exists under +49")]


@pytest.mark.parametrize("name", ["book.csv", "book.txt", "book"])
def test_what_a_file_is_its_name_or_its_beginning_says(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("Name,Phone\nAnn,+4915112345678\n")
    assert read_contacts(file, None).names == {"+4915112345678": "Ann"}


def test_a_vcard_is_known_without_its_ending(tmp_path: Path) -> None:
    file = tmp_path / "export"
    file.write_text("begin:vcard\nfn:Ann\ntel:+4915112345678\nend:vcard\n")
    assert read_contacts(file, None).names == {"+4915112345678": "Ann"}


def test_a_file_with_nobody_in_it_or_that_is_not_there_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty := tmp_path / "empty.vcf").write_text("")
    with pytest.raises(ContactFileError, match="there are no contacts in"):
        read_contacts(empty, "DE")
    with pytest.raises(ContactFileError, match="cannot be read: no such file"):
        read_contacts(tmp_path / "missing.vcf", "DE")
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 4)
    (large := tmp_path / "large.vcf").write_text("BEGIN:VCARD")
    with pytest.raises(ContactFileError, match="more than 4 bytes"):
        read_contacts(large, "DE")
