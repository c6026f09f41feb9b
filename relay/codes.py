"""Verification codes as pure decisions: how one is made, when a new one may be had, whether a guess is right.

`relay/registration.py` is the actor that owns the codes on their way. What is kept of a code is a keyed digest:
six digits have a million possibilities, so a plain hash would be a code in clear for whoever reads the store.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from math import ceil

from protocol import ErrorCode
from relay.config import CODE_DIGITS, CODE_GUESSES, CODE_RESEND_SECONDS, CODE_SECONDS
from relay.errors import RefusalError


@dataclass(frozen=True, slots=True)
class PendingCode:
    """What the relay remembers of a code that is on its way to a phone."""

    digest: bytes
    sent_at: float
    """Unix seconds."""
    guesses_left: int = CODE_GUESSES


def make_code(entropy: Callable[[int], bytes]) -> str:
    """Draw a code, each of the million equally likely."""
    span = 10**CODE_DIGITS
    # 2^32 is no multiple of a million: the last, incomplete run of numbers is thrown away and drawn again,
    # or small codes would be a little likelier.
    limit = 2**32 - 2**32 % span
    while True:
        number = int.from_bytes(entropy(4))
        if number < limit:
            return f"{number % span:0{CODE_DIGITS}d}"


def digest_code(key: bytes, phone: str, code: str) -> bytes:
    """What is kept of a code; useless without the node's key, and for any other phone."""
    return hmac.digest(key, f"{phone}\0{code}".encode(), sha256)


def check_resend(pending: PendingCode | None, now: float) -> None:
    """Allow a new code, or say how long to wait.

    Raises:
        RefusalError: `wait`, with the seconds.
    """
    if pending is None:
        return
    age = now - pending.sent_at
    # A clock that was set back must not lock anybody out for longer than the rule says.
    if 0 <= age < CODE_RESEND_SECONDS:
        raise RefusalError(ErrorCode.WAIT, ceil(CODE_RESEND_SECONDS - age))


def check_guess(pending: PendingCode | None, digest: bytes, now: float) -> PendingCode | None:
    """Judge a guess.

    Returns:
        None if it is right: the code is used up. Otherwise what is left of the code after a wrong guess.

    Raises:
        RefusalError: `code-expired` or `too-many-guesses`; nothing changes.
    """
    if pending is None or not 0 <= now - pending.sent_at < CODE_SECONDS:
        raise RefusalError(ErrorCode.CODE_EXPIRED)
    if pending.guesses_left == 0:
        raise RefusalError(ErrorCode.TOO_MANY_GUESSES)
    if hmac.compare_digest(pending.digest, digest):
        return None
    return replace(pending, guesses_left=pending.guesses_left - 1)
