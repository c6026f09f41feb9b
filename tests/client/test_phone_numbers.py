import pytest

from client.errors import PhoneNumberError
from client.phone_numbers import checked_number, readable_number


@pytest.mark.parametrize(
    "typed", ["+4915112345678", " +49 1511 2345678 ", "+49 (1511) 234-5678", "+49.1511.2345678"]
)
def test_a_number_comes_back_as_e164_however_it_was_written(typed: str) -> None:
    assert checked_number(typed) == "+4915112345678"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("015112345678", r"must start with \+ and the country code"),
        ("", r"must start with \+"),
        ("004915112345678", r"write \+ instead of 00"),
        ("+999123456789", "no country has this country code"),
        ("+1", "too short"),
        ("+", "too short"),
        ("+491", "too short"),
        ("+1202555012", r"too short for a number under \+1 \(one looks like \+1"),
        ("+120255501234", r"too long for a number under \+1 \(one looks like \+1"),
        ("+4915112345678901234567890", "too long"),
        ("+15551234567", r"no such number exists under \+1"),
        ("+49151CALLME", "letters"),
    ],
)
def test_a_wrong_number_is_refused_with_its_reason(typed: str, reason: str) -> None:
    with pytest.raises(PhoneNumberError, match=reason) as caught:
        checked_number(typed)
    assert caught.value.name == "invalid-number"


def test_a_number_is_shown_the_way_people_write_it() -> None:
    assert readable_number("+4915112345678") == "+49 1511 2345678"


def test_text_that_is_no_number_is_shown_as_it_is() -> None:
    assert readable_number("somebody") == "somebody"
