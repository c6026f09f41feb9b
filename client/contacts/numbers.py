"""Reads phone numbers as address books have them: national or international, with whatever is around them."""

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from client.errors import PhoneNumberError

_URI = re.compile(r"(?i)^tel:")
_EXTENSION = re.compile(r"(?i)(?:;|,|\s*(?:ext\.?|x|durchwahl)\s*\d+$).*")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def region_of(e164: str) -> str | None:
    """The region (DE, US, ...) of a number, in which national numbers are read beside it."""
    try:
        number = phonenumbers.parse(e164, None)
    except NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number)
    return region or phonenumbers.region_code_for_country_code(number.country_code or 0)


def is_region(text: str) -> bool:
    """Whether there is such a region."""
    return text in phonenumbers.SUPPORTED_REGIONS


def number_in(text: str, region: str | None) -> str:
    """The number as E.164. An extension behind it is left out: the service has no extensions.

    Args:
        text: as somebody has written it; ``tel:`` before it is fine.
        region: whose national numbers these are; None: only international ones can be read.

    Raises:
        PhoneNumberError: it cannot be anybody's; the message names the reason.
    """
    written = _EXTENSION.sub("", _URI.sub("", _INVISIBLE.sub("", text).strip())).strip()
    if any(character.isalpha() for character in written):
        raise PhoneNumberError(text, "it has letters in it")
    try:
        number = phonenumbers.parse(written, region)
    except NumberParseException as refusal:
        raise PhoneNumberError(text, _reason(refusal, region)) from None
    if not phonenumbers.is_valid_number(number):
        raise PhoneNumberError(text, f"no such number exists under +{number.country_code}")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _reason(refusal: NumberParseException, region: str | None) -> str:
    if refusal.error_type == NumberParseException.INVALID_COUNTRY_CODE:
        if region is None:
            return "it must start with + and the country code"
        return "no country has this country code"
    if refusal.error_type == NumberParseException.TOO_LONG:
        return "it is too long"
    if refusal.error_type == NumberParseException.NOT_A_NUMBER:
        return "it is no phone number"
    return "it is too short"
