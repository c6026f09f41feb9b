"""When a supervisor gives up: too many restarts within too short a time.

Pure: the caller says what time it is. OTP's rule to the letter: the supervisor gives up when *more than*
`restarts` restarts fall within the last `seconds`. The default is Elixir's 3 in 5 seconds (OTP's is 1 in 5,
which a single flapping dependency uses up).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from supervisors.errors import ChildSpecError

DEFAULT_RESTARTS = 3
DEFAULT_PERIOD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Intensity:
    """How many restarts a supervisor grants within how many seconds."""

    restarts: int = DEFAULT_RESTARTS
    seconds: float = DEFAULT_PERIOD_SECONDS

    def __post_init__(self) -> None:
        if not is_count(self.restarts):
            raise ChildSpecError("intensity", self.restarts, "a whole number, 0 or more")
        if not is_duration(self.seconds) or self.seconds == 0:
            raise ChildSpecError("period", self.seconds, "a number of seconds above 0")


def is_count(value: object) -> bool:
    """Whether `value` is a whole number of 0 or more (True is not a number here)."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_duration(value: object) -> bool:
    """Whether `value` is a finite number of seconds, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value >= 0


def record_restart(history: deque[float], now: float, limit: Intensity) -> bool:
    """Add a restart at `now` to `history`; whether it is within the limit.

    Args:
        history: the times of earlier restarts, oldest first. Times that have left the period are dropped, so
            it never holds more than `limit.restarts + 1` entries, and a call costs amortised constant time.
        now: the present, on the clock that the earlier times were taken from.
        limit: what is granted.

    Returns:
        True if the child may be restarted; False if the supervisor has to give up.
    """
    history.append(now)
    oldest_that_counts = now - limit.seconds
    while history[0] < oldest_that_counts:
        history.popleft()
    return len(history) <= limit.restarts
