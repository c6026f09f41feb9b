"""Checks a phone number that a peer sent, and says what is wrong with the ones that cannot be.

A client checks its user's number before it sends it; this is the relay's own word, because clients are
written by others too. Numbers are kept and compared in E.164 form (+4915112345678) only.
"""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from protocol import NumberProblem
from relay.errors import WrongNumberError

MAX_PHONE_CHARACTERS = 32
"""E.164 has at most 15 digits; spaces and brackets around them are taken, an essay is not."""

_PROBLEMS = {
    ValidationResult.TOO_SHORT: NumberProblem.TOO_SHORT,
    ValidationResult.TOO_LONG: NumberProblem.TOO_LONG,
    ValidationResult.INVALID_LENGTH: NumberProblem.WRONG_LENGTH,
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: NumberProblem.NO_AREA_CODE,
    ValidationResult.INVALID_COUNTRY_CODE: NumberProblem.UNKNOWN_COUNTRY_CODE,
}

_UNPARSED = {
    NumberParseException.INVALID_COUNTRY_CODE: NumberProblem.UNKNOWN_COUNTRY_CODE,
    NumberParseException.TOO_LONG: NumberProblem.TOO_LONG,
    NumberParseException.TOO_SHORT_AFTER_IDD: NumberProblem.TOO_SHORT,
    NumberParseException.TOO_SHORT_NSN: NumberProblem.TOO_SHORT,
}


def check_phone(text: str) -> str:
    """Return the number in E.164 form.

    Raises:
        WrongNumberError: it cannot be anybody's number, and why.
    """
    if len(text) > MAX_PHONE_CHARACTERS:
        raise WrongNumberError(NumberProblem.TOO_LONG)
    if not text.startswith("+"):
        raise WrongNumberError(NumberProblem.NO_COUNTRY_CODE)
    try:
        number = phonenumbers.parse(text, None)
    except NumberParseException as error:
        raise WrongNumberError(_UNPARSED.get(error.error_type, NumberProblem.UNREADABLE)) from None
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != ValidationResult.IS_POSSIBLE:
        raise WrongNumberError(_PROBLEMS.get(reason, NumberProblem.UNREADABLE))
    if not phonenumbers.is_valid_number(number):
        raise WrongNumberError(NumberProblem.NO_SUCH_NUMBER)
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def mask_phone(phone: str) -> str:
    """The number for logs: enough to recognise one's own, too little to call anybody."""
    return f"{phone[:3]}…{phone[-2:]}"
