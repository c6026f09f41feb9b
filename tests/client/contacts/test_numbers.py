import pytest

from client.contacts.numbers import is_region, number_in, region_of
from client.errors import PhoneNumberError


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("0151 12345678", "DE", "+4915112345678"),
        ("+49 (0)151 12345678", "US", "+4915112345678"),
        ("0049 151 12345678", "DE", "+4915112345678"),
        ("011 49 151 12345678", "US", "+4915112345678"),
        ("(202) 555-0143", "US", "+12025550143"),
        ("tel:+33-1-23-45-67-89;ext=5", "DE", "+33123456789"),
        ("+1 202 555 0143 ext. 7", None, "+12025550143"),
        ("\u202a+49 151 12345678\u202c", None, "+4915112345678"),
        ("+4915112345678", None, "+4915112345678"),
    ],
)
def test_numbers_are_read_as_they_are_written_there(text: str, region: str | None, number: str) -> None:
    assert number_in(text, region) == number


@pytest.mark.parametrize(
    ("text", "region", "reason"),
    [
        ("0151 12345678", None, r"must start with \+"),
        ("112", "DE", "no such number exists"),
        ("1-800-FLOWERS", "US", "letters"),
        ("+999 1234567", "DE", "no country has"),
        ("+49 1", "DE", "too short"),
        ("0151 12345678901234567890", "DE", "too long"),
        ("*#06#", "DE", "no phone number|too short"),
        ("", "DE", "no phone number"),
    ],
)
def test_what_cannot_be_a_number_says_why(text: str, region: str | None, reason: str) -> None:
    with pytest.raises(PhoneNumberError, match=reason):
        number_in(text, region)


@pytest.mark.parametrize(
    ("number", "region"),
    [("+4915112345678", "DE"), ("+12025550143", "US"), ("+14165550143", "CA"), ("x", None)],
)
def test_ones_own_number_says_whose_national_numbers_are_meant(number: str, region: str | None) -> None:
    assert region_of(number) == region


def test_regions_are_known_by_their_letters() -> None:
    assert is_region("DE")
    assert not is_region("XX")
