"""Phone numbers as the relay takes them: E.164 in, a reason out when it cannot be."""

import pytest

from relay.phones import check_phone, mask_phone


@pytest.mark.parametrize("text", ["+491713920001", "+49 171 3920001", "+49 (171) 392-0001"])
def test_a_number_is_kept_in_one_form(text: str) -> None:
    assert check_phone(text) == "+491713920001"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("01713920001", "must begin with +"),
        ("", "must begin with +"),
        ("+4917", "from nearby"),
        ("+441", "too short"),
        ("+49", "not a phone number"),
        ("+49171392000112345678", "too long"),
        ("+999123456789", "no country"),
        ("+19991234567", "no such numbers"),
        ("+hello", "not a phone number"),
        ("+49171392000" * 10, "far too long"),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_phone(text)


def test_the_reason_does_not_repeat_the_number() -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  (the text is what is looked at)
        check_phone("+19991234567")
    assert "9991234567" not in str(refusal.value)


def test_a_log_sees_too_little_of_a_number_to_call_it() -> None:
    assert mask_phone("+491713920001") == "+49…01"
