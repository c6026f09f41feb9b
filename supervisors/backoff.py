"""How long to wait before a child that keeps dying is started again. Pure; the randomness is handed in.

Beyond OTP, which restarts at once and gives up soon. A child whose trouble lies outside (a database, a
gateway) deserves patience, and a thousand such children must not come back in the same instant: hence the
jitter. The wait does not replace the intensity: it makes restarts rarer, so that giving up takes longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from supervisors.errors import ChildSpecError
from supervisors.intensity import is_duration

Entropy = Callable[[int], bytes]

_JITTER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential waits between restarts: initial, initial·factor, initial·factor², ... up to maximum.

    A child that has lived for `maximum` seconds since its last start is taken to be well: its next crash
    waits the initial time again.
    """

    entropy: Entropy
    # Seconds before the first restart.
    initial: float = 0.1
    factor: float = 2.0
    # Seconds; also how long a child has to live for its earlier crashes to be forgotten.
    maximum: float = 30.0
    # The share of the wait that is drawn by lot: 0 = none, 1 = anything between nothing and the full wait.
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if not is_duration(self.initial):
            raise ChildSpecError("backoff.initial", self.initial, "a number of seconds, 0 or more")
        if not is_duration(self.factor) or self.factor < 1:
            raise ChildSpecError("backoff.factor", self.factor, "a number, 1 or more")
        if not is_duration(self.maximum) or self.maximum < self.initial:
            raise ChildSpecError("backoff.maximum", self.maximum, "a number of seconds, initial or more")
        if not is_duration(self.jitter) or self.jitter > 1:
            raise ChildSpecError("backoff.jitter", self.jitter, "a number from 0 to 1")


def delay_before_restart(backoff: Backoff, attempt: int) -> float:
    """Seconds to wait before restart number `attempt` (0 is the first after a healthy life)."""
    full = _without_jitter(backoff, attempt)
    lot = int.from_bytes(backoff.entropy(_JITTER_BYTES), "big") / (1 << (8 * _JITTER_BYTES))
    return full * (1 - backoff.jitter * lot)


def _without_jitter(backoff: Backoff, attempt: int) -> float:
    try:
        return min(backoff.maximum, backoff.initial * backoff.factor**attempt)
    except OverflowError:  # factor**attempt leaves the floats after some hundred crashes
        return backoff.maximum


def next_attempt(backoff: Backoff, attempt: int, lived: float) -> int:
    """The attempt number for a child that died after `lived` seconds, having been restarted `attempt` times.

    Returns:
        0 if the child had lived long enough to count as healthy, else `attempt` unchanged.
    """
    return 0 if lived >= backoff.maximum else attempt
