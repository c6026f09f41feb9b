"""PINs as decisions: how many guesses there are, when they come back, how long a PIN is in the way."""

import pytest

from protocol import ErrorCode
from relay import pins
from relay.config import DAY_SECONDS, PIN_GUESSES_A_DAY, PIN_RESET_SECONDS
from relay.errors import RefusalError
from storage.pins import PinRecord

NOW = 1_790_000_000.0
FRESH = pins.new_record(b"s" * 16, b"d" * 32, NOW)


def spend(record: PinRecord, guesses: int, now: float = NOW) -> PinRecord:
    for _ in range(guesses):
        record = pins.spend_guess(record, now)
    return record


@pytest.mark.parametrize("pin", ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", " 12345"])
def test_a_pin_has_six_digits_and_nothing_else(pin: str) -> None:
    with pytest.raises(RefusalError) as refusal:
        pins.check_form(pin)
    assert refusal.value.code is ErrorCode.PIN_INVALID


def test_guesses_run_out_and_the_refusal_says_until_when() -> None:
    record = spend(FRESH, PIN_GUESSES_A_DAY)
    with pytest.raises(RefusalError) as refusal:
        pins.spend_guess(record, NOW + 100.5)
    assert (refusal.value.code, refusal.value.detail) == (ErrorCode.PIN_LOCKED, DAY_SECONDS - 100)


def test_a_day_later_all_guesses_are_back() -> None:
    record = pins.spend_guess(spend(FRESH, PIN_GUESSES_A_DAY), NOW + DAY_SECONDS)
    assert record.guesses_left == PIN_GUESSES_A_DAY - 1


def test_a_clock_that_was_set_back_locks_nobody_out_for_longer() -> None:
    assert pins.spend_guess(spend(FRESH, PIN_GUESSES_A_DAY), NOW - 10).guesses_left == PIN_GUESSES_A_DAY - 1


def test_the_right_pin_gives_all_guesses_back_and_ends_the_waiting() -> None:
    record = pins.begin_waiting(spend(FRESH, 3), NOW)
    assert pins.after_right_guess(record, NOW) == FRESH


def test_the_time_without_the_pin_counts_from_the_first_who_did_not_know_it() -> None:
    record = pins.begin_waiting(FRESH, NOW)
    assert pins.begin_waiting(record, NOW + 500) is record
    assert pins.seconds_to_reset(record, NOW + 500) == PIN_RESET_SECONDS - 500
    assert pins.seconds_to_reset(record, NOW + PIN_RESET_SECONDS) == 0


def test_a_login_of_the_old_phone_has_the_time_begin_again() -> None:
    record = pins.nobody_waits(pins.begin_waiting(FRESH, NOW))
    again = pins.begin_waiting(record, NOW + PIN_RESET_SECONDS)
    assert pins.seconds_to_reset(again, NOW + PIN_RESET_SECONDS) == PIN_RESET_SECONDS
