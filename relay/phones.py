"""Checks a phone number that a peer sent, and says what is wrong with the ones that cannot be.

A client checks its user's number before it sends it; this is the relay's own word, because clients are
written by others too. Numbers are kept and compared in E.164 form (+4915112345678) only.
"""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

MAX_PHONE_CHARACTERS = 32
"""E.164 has at most 15 digits; spaces and brackets around them are taken, an essay is not."""

_REASONS = {
    ValidationResult.TOO_SHORT: "it is too short for its country code",
    ValidationResult.TOO_LONG: "it is too long for its country code",
    ValidationResult.INVALID_LENGTH: "no number of its country code has this length",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "it can only be called from nearby: the area code is missing",
    ValidationResult.INVALID_COUNTRY_CODE: "no country has this country code",
}


def check_phone(text: str) -> str:
    """Return the number in E.164 form.

    Raises:
        ValueError: it cannot be anybody's number; the text says why and does not repeat the number.
    """
    if len(text) > MAX_PHONE_CHARACTERS:
        raise ValueError("it is far too long")
    if not text.startswith("+"):
        raise ValueError("it must begin with + and the country code")
    try:
        number = phonenumbers.parse(text, None)
    except NumberParseException as error:
        raise ValueError(_unreadable(error)) from None
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != ValidationResult.IS_POSSIBLE:
        raise ValueError(_REASONS.get(reason, "it cannot exist"))
    if not phonenumbers.is_valid_number(number):
        raise ValueError("its country has no such numbers")
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def mask_phone(phone: str) -> str:
    """The number for logs: enough to recognise one's own, too little to call anybody."""
    return f"{phone[:3]}…{phone[-2:]}"


def _unreadable(error: NumberParseException) -> str:
    if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
        return "no country has this country code"
    if error.error_type == NumberParseException.TOO_LONG:
        return "it is too long"
    if error.error_type in (NumberParseException.TOO_SHORT_AFTER_IDD, NumberParseException.TOO_SHORT_NSN):
        return "it is too short"
    return "it is not a phone number"
