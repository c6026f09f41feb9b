"""Checks the phone numbers a person types, and says what is wrong with the ones that cannot be.

Numbers travel in E.164 form (+4915112345678). They are checked here before anything is sent, so that a slip
of the finger costs no round trip and no verification code.
"""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType, ValidationResult

from client.errors import PhoneNumberError

_LOCAL_ONLY = (ValidationResult.INVALID_LENGTH, ValidationResult.IS_POSSIBLE_LOCAL_ONLY)


def checked_number(text: str) -> str:
    """Return ``text`` as E.164 (``+4915112345678``); spaces, dashes and brackets in it are fine.

    Raises:
        PhoneNumberError: the number cannot exist; the message names the reason.
    """
    typed = text.strip()
    if typed.startswith("00"):
        raise PhoneNumberError(text, "write + instead of 00 before the country code")
    if not typed.startswith("+"):
        raise PhoneNumberError(text, "it must start with + and the country code, as in +4915112345678")
    number = _parsed(typed)
    _check_length(text, number)
    if not phonenumbers.is_valid_number(number):
        raise PhoneNumberError(text, f"no such number exists under +{number.country_code}{_example(number)}")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def readable_number(e164: str) -> str:
    """The number as people write it (``+49 1511 2345678``); text that is no number comes back as it is."""
    try:
        number = phonenumbers.parse(e164, None)
    except NumberParseException:
        return e164
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def _parsed(typed: str) -> phonenumbers.PhoneNumber:
    """Take the number apart, letters refused (the library would read them as a telephone's keys)."""
    if any(character.isalpha() for character in typed):
        raise PhoneNumberError(typed, "it has letters in it")
    try:
        return phonenumbers.parse(typed, None)
    except NumberParseException as refusal:
        if refusal.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            raise PhoneNumberError(typed, "no country has this country code") from None
        if refusal.error_type == NumberParseException.TOO_LONG:
            raise PhoneNumberError(typed, "it is too long") from None
        raise PhoneNumberError(typed, "it is too short") from None


def _check_length(text: str, number: phonenumbers.PhoneNumber) -> None:
    country = f"for a number under +{number.country_code}"
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible == ValidationResult.TOO_SHORT:
        raise PhoneNumberError(text, f"it is too short {country}{_example(number)}")
    if possible == ValidationResult.TOO_LONG:
        raise PhoneNumberError(text, f"it is too long {country}{_example(number)}")
    if possible in _LOCAL_ONLY:
        raise PhoneNumberError(text, f"it has the wrong length {country}{_example(number)}")


def _example(number: phonenumbers.PhoneNumber) -> str:
    """A pattern to compare one's own number with, where the numbering plan has one."""
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    if example is None:
        return ""
    return f" (one looks like {phonenumbers.format_number(example, PhoneNumberFormat.E164)})"
