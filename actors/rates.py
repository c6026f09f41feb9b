"""How many messages a second, decayed over 1, 10 and 100 seconds, at no cost to an actor that is idle.

Each handled message adds its share to three numbers that fade exponentially; what they have faded to is
computed when somebody adds or looks, so an idle actor pays nothing. Messages of the same quarter of a second
are added together, so that a busy actor pays an addition and no exponential.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

FOLD_SECONDS = 0.25
"""How long messages are merely counted before they are folded in; short against the shortest window."""


@dataclass(frozen=True, slots=True)
class RateSnapshot:
    """Messages a second over three windows."""

    over_1_s: float
    over_10_s: float
    over_100_s: float


NO_RATES = RateSnapshot(0.0, 0.0, 0.0)


class Rates:
    """The decayed counters of one actor."""

    __slots__ = ("_counted", "_moment", "_over_1", "_over_10", "_over_100")

    def __init__(self, now: float) -> None:
        self._moment = now  # what the three rates are as of
        self._counted = 0  # messages since then
        self._over_1 = 0.0
        self._over_10 = 0.0
        self._over_100 = 0.0

    def note(self, count: int, now: float) -> None:
        """Messages were handled just now."""
        self._counted += count
        if now - self._moment > FOLD_SECONDS:
            self._fold(now)

    def read(self, now: float) -> RateSnapshot:
        """The rates as of now."""
        self._fold(now)
        return RateSnapshot(self._over_1, self._over_10, self._over_100)

    def _fold(self, now: float) -> None:
        passed, count = max(0.0, now - self._moment), self._counted
        self._moment, self._counted = now, 0
        self._over_1 = self._over_1 * exp(-passed) + count
        self._over_10 = self._over_10 * exp(-passed / 10) + count / 10
        self._over_100 = self._over_100 * exp(-passed / 100) + count / 100
