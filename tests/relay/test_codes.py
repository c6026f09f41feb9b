"""Verification codes: fair to draw, useless to read, few guesses, one a minute."""

from dataclasses import replace

import pytest

from protocol import ErrorCode
from relay.codes import PendingCode, check_guess, check_resend, digest_code, make_code
from relay.config import CODE_GUESSES, CODE_RESEND_SECONDS, CODE_SECONDS
from relay.errors import RefusalError

KEY = b"k" * 32
PHONE = "+491713920001"
RIGHT = digest_code(KEY, PHONE, "123456")
WRONG = digest_code(KEY, PHONE, "654321")
NOW = 1_000_000.0
PENDING = PendingCode(RIGHT, NOW)


def test_a_code_has_six_digits_even_when_small() -> None:
    assert make_code(lambda size: bytes(size)) == "000000"


def test_numbers_that_would_make_small_codes_likelier_are_drawn_again() -> None:
    draws = [b"\xff\xff\xff\xff", (123456).to_bytes(4)]
    assert make_code(lambda size: draws.pop(0)) == "123456"
    assert draws == []


def test_the_digest_depends_on_phone_code_and_key() -> None:
    others = [
        digest_code(KEY, "+491713920002", "123456"),
        digest_code(b"x" * 32, PHONE, "123456"),
        WRONG,
    ]
    assert RIGHT not in others


def test_the_right_code_is_used_up() -> None:
    assert check_guess(PENDING, RIGHT, NOW + 1) is None


def test_a_wrong_guess_costs_one() -> None:
    left = check_guess(PENDING, WRONG, NOW + 1)
    assert left == replace(PENDING, guesses_left=CODE_GUESSES - 1)


def test_after_five_wrong_guesses_even_the_right_code_is_refused() -> None:
    pending: PendingCode | None = PENDING
    for _ in range(CODE_GUESSES):
        pending = check_guess(pending, WRONG, NOW)
    with pytest.raises(RefusalError) as refusal:
        check_guess(pending, RIGHT, NOW)
    assert refusal.value.code is ErrorCode.TOO_MANY_GUESSES


@pytest.mark.parametrize("pending", [None, PENDING])
def test_a_code_that_is_too_old_or_was_never_asked_for_has_expired(pending: PendingCode | None) -> None:
    with pytest.raises(RefusalError) as refusal:
        check_guess(pending, RIGHT, NOW + CODE_SECONDS)
    assert refusal.value.code is ErrorCode.CODE_EXPIRED


def test_a_second_code_within_a_minute_has_to_wait_the_rest_of_it() -> None:
    with pytest.raises(RefusalError) as refusal:
        check_resend(PENDING, NOW + 20.5)
    assert refusal.value.code is ErrorCode.WAIT
    assert refusal.value.detail == 40


def test_the_first_code_and_one_after_a_minute_are_given() -> None:
    check_resend(None, NOW)
    check_resend(PENDING, NOW + CODE_RESEND_SECONDS)


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    check_resend(PENDING, NOW - 86_400)
