"""Phone numbers as the relay takes them: E.164 in, a reason out when it cannot be."""

import pytest

from protocol import NumberProblem
from relay.errors import WrongNumberError
from relay.phones import check_phone, mask_phone


@pytest.mark.parametrize("text", ["+491713920001", "+49 171 3920001", "+49 (171) 392-0001"])
def test_a_number_is_kept_in_one_form(text: str) -> None:
    assert check_phone(text) == "+491713920001"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("01713920001", NumberProblem.NO_COUNTRY_CODE),
        ("", NumberProblem.NO_COUNTRY_CODE),
        ("+4917", NumberProblem.NO_AREA_CODE),
        ("+441", NumberProblem.TOO_SHORT),
        ("+49", NumberProblem.UNREADABLE),
        ("+49171392000112345678", NumberProblem.TOO_LONG),
        ("+999123456789", NumberProblem.UNKNOWN_COUNTRY_CODE),
        ("+19991234567", NumberProblem.NO_SUCH_NUMBER),
        ("+hello", NumberProblem.UNREADABLE),
        ("+49171392000" * 10, NumberProblem.TOO_LONG),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_what_is_wrong(text: str, problem: NumberProblem) -> None:
    with pytest.raises(WrongNumberError) as refusal:
        check_phone(text)
    assert refusal.value.problem is problem


def test_the_reason_does_not_repeat_the_number() -> None:
    with pytest.raises(WrongNumberError) as refusal:
        check_phone("+19991234567")
    assert "9991234567" not in str(refusal.value)


def test_a_log_sees_too_little_of_a_number_to_call_it() -> None:
    assert mask_phone("+491713920001") == "+49…01"
