"""The second step of a registration as pure decisions: who may guess a PIN, for how long it is in the way.

`relay/pin_guard.py` is the actor that carries them out, `relay/pin_hash.py` the hash.

Rule 1: a guess is spent, durably, before it is looked at: neither a crash nor haste gives one back.
Rule 2: who has proved the number and does not know the PIN waits `PIN_RESET_SECONDS`. If no device of the
    account comes by in that time, its owner has left or forgotten, and the number starts anew, with nothing
    of the old account. A login of any of its devices ends the waiting: a number that was stolen for a week
    does not get a PIN out of the way.
"""

from dataclasses import replace
from math import ceil

from protocol import ErrorCode
from relay.config import DAY_SECONDS, PIN_DIGITS, PIN_GUESSES_A_DAY, PIN_RESET_SECONDS
from relay.errors import RefusalError
from storage.pins import NOBODY_WAITS, PinRecord


def check_form(pin: str) -> None:
    """A PIN has six digits.

    Raises:
        RefusalError: `pin-invalid`.
    """
    if len(pin) != PIN_DIGITS or not (pin.isascii() and pin.isdigit()):
        raise RefusalError(ErrorCode.PIN_INVALID)


def new_record(salt: bytes, digest: bytes, now: float) -> PinRecord:
    """What is kept of a PIN that is set now."""
    return PinRecord(salt, digest, int(now), PIN_GUESSES_A_DAY, int(now))


def spend_guess(record: PinRecord, now: float) -> PinRecord:
    """What is left after one more guess.

    Raises:
        RefusalError: `pin-locked`, with the seconds until there are guesses again.
    """
    # A clock that was set back must not lock anybody out for longer than the rule says.
    if not record.day_began_at <= now < record.day_began_at + DAY_SECONDS:
        record = replace(record, guesses_left=PIN_GUESSES_A_DAY, day_began_at=int(now))
    if record.guesses_left == 0:
        raise RefusalError(ErrorCode.PIN_LOCKED, ceil(record.day_began_at + DAY_SECONDS - now))
    return replace(record, guesses_left=record.guesses_left - 1)


def after_right_guess(record: PinRecord, now: float) -> PinRecord:
    """Whoever knows the PIN is its owner: all guesses are back, and nobody waits."""
    return replace(record, guesses_left=PIN_GUESSES_A_DAY, day_began_at=int(now), waiting_since=NOBODY_WAITS)


def begin_waiting(record: PinRecord, now: float) -> PinRecord:
    """Somebody does not know the PIN; the time counts from the first who did not."""
    return record if NOBODY_WAITS < record.waiting_since <= now else replace(record, waiting_since=int(now))


def nobody_waits(record: PinRecord) -> PinRecord:
    """A device of the account has come by (rule 2)."""
    return replace(record, waiting_since=NOBODY_WAITS)


def seconds_to_reset(record: PinRecord, now: float) -> int:
    """After how many seconds the account starts anew, for whoever waits; 0: it does."""
    return max(0, ceil(record.waiting_since + PIN_RESET_SECONDS - now))
