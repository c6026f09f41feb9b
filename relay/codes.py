"""Verification codes as pure decisions: how one is made, when a new one may be had, whether a guess is right.

`relay/registration.py` is the actor that carries them out; `storage/codes.py` says what is kept of a code and
why it is worthless to whoever reads the store.
"""

from collections.abc import Callable
from dataclasses import replace
from math import ceil

from protocol import ErrorCode
from relay.config import CODE_DIGITS, CODE_GUESSES, CODE_RESEND_SECONDS, CODE_SECONDS
from relay.errors import RefusalError
from storage.codes import SALT_BYTES, CodeRecord, code_matches, hash_code

Entropy = Callable[[int], bytes]


def make_code(entropy: Entropy) -> str:
    """Draw a code, each of the million equally likely."""
    span = 10**CODE_DIGITS
    # 2^32 is no multiple of a million: the last, incomplete run of numbers is thrown away and drawn again,
    # or small codes would be a little likelier.
    limit = 2**32 - 2**32 % span
    while True:
        number = int.from_bytes(entropy(4))
        if number < limit:
            return f"{number % span:0{CODE_DIGITS}d}"


def new_record(entropy: Entropy, secret: bytes, phone: str, code: str, now: float) -> CodeRecord:
    """What is kept of a code that is sent now."""
    salt, second = entropy(SALT_BYTES), int(now)
    return CodeRecord(
        salt=salt,
        digest=hash_code(secret, salt, phone, code),
        created_at=second,
        expires_at=second + CODE_SECONDS,
        guesses_left=CODE_GUESSES,
        next_request_at=second + CODE_RESEND_SECONDS,
    )


def check_resend(record: CodeRecord | None, now: float) -> None:
    """Allow a new code, or say how long to wait.

    Raises:
        RefusalError: `wait`, with the seconds.
    """
    # A clock that was set back must not lock anybody out for longer than the rule says.
    if record is not None and record.created_at <= now < record.next_request_at:
        raise RefusalError(ErrorCode.WAIT, ceil(record.next_request_at - now))


def check_guess(
    record: CodeRecord | None, secret: bytes, phone: str, code: str, now: float
) -> CodeRecord | None:
    """Judge a guess.

    Returns:
        None if it is right: the code is used up. Otherwise what is left of the code after a wrong guess.

    Raises:
        RefusalError: `code-expired` or `too-many-guesses`; nothing changes.
    """
    if record is None or now >= record.expires_at:
        raise RefusalError(ErrorCode.CODE_EXPIRED)
    if record.guesses_left == 0:
        raise RefusalError(ErrorCode.TOO_MANY_GUESSES)
    if code_matches(secret, record, phone, code):
        return None
    return replace(record, guesses_left=record.guesses_left - 1)
