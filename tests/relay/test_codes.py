"""Verification codes: fair to draw, useless to read, few guesses, one a minute."""

from dataclasses import replace

import pytest

from protocol import ErrorCode
from relay.codes import check_guess, check_resend, make_code, new_record
from relay.config import CODE_GUESSES, CODE_RESEND_SECONDS, CODE_SECONDS
from relay.errors import RefusalError
from storage.codes import CodeRecord

SECRET = b"k" * 32
PHONE = "+491713920001"
RIGHT = "123456"
WRONG = "654321"
NOW = 1_000_000.0
RECORD = new_record(bytes, SECRET, PHONE, RIGHT, NOW)


def guess(record: CodeRecord | None, code: str, now: float) -> CodeRecord | None:
    return check_guess(record, SECRET, PHONE, code, now)


def test_a_code_has_six_digits_even_when_small() -> None:
    assert make_code(lambda size: bytes(size)) == "000000"


def test_numbers_that_would_make_small_codes_likelier_are_drawn_again() -> None:
    draws = [b"\xff\xff\xff\xff", (123456).to_bytes(4)]
    assert make_code(lambda size: draws.pop(0)) == "123456"
    assert draws == []


def test_the_code_is_not_in_the_record() -> None:
    assert RIGHT not in repr(RECORD)


def test_a_code_is_no_good_for_another_phone_or_node() -> None:
    assert check_guess(RECORD, SECRET, "+491713920002", RIGHT, NOW) is not None
    assert check_guess(RECORD, b"x" * 32, PHONE, RIGHT, NOW) is not None


def test_the_right_code_is_used_up() -> None:
    assert guess(RECORD, RIGHT, NOW + 1) is None


def test_a_wrong_guess_costs_one() -> None:
    left = guess(RECORD, WRONG, NOW + 1)
    assert left == replace(RECORD, guesses_left=CODE_GUESSES - 1)


def test_after_five_wrong_guesses_even_the_right_code_is_refused() -> None:
    record: CodeRecord | None = RECORD
    for _ in range(CODE_GUESSES):
        record = guess(record, WRONG, NOW)
    with pytest.raises(RefusalError) as refusal:
        guess(record, RIGHT, NOW)
    assert refusal.value.code is ErrorCode.TOO_MANY_GUESSES


@pytest.mark.parametrize("record", [None, RECORD])
def test_a_code_that_is_too_old_or_was_never_asked_for_has_expired(record: CodeRecord | None) -> None:
    with pytest.raises(RefusalError) as refusal:
        guess(record, RIGHT, NOW + CODE_SECONDS)
    assert refusal.value.code is ErrorCode.CODE_EXPIRED


def test_a_second_code_within_a_minute_has_to_wait_the_rest_of_it() -> None:
    with pytest.raises(RefusalError) as refusal:
        check_resend(RECORD, NOW + 20.5)
    assert refusal.value.code is ErrorCode.WAIT
    assert refusal.value.detail == 40


def test_the_first_code_and_one_after_a_minute_are_given() -> None:
    check_resend(None, NOW)
    check_resend(RECORD, NOW + CODE_RESEND_SECONDS)


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    check_resend(RECORD, NOW - 86_400)
