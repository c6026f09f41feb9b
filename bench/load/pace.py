"""When messages at a fixed rate are due, whether or not anybody is able to send them then."""

from __future__ import annotations

MESSAGES_A_TURN = 256
"""What is due beyond that waits for the next turn, and counts as late. A load that has no core for a while
would otherwise send for longer and longer at a time, and hear nothing: neither the relay nor the bench."""


class Pace:
    """When the messages of a process are due at a fixed rate: evenly, from `began` on.

    Args:
        began: when the first is due.
        rate: how many a second; 0 for none.
    """

    __slots__ = ("_began", "_sent", "rate")

    def __init__(self, began: float, rate: float) -> None:
        self._began = began
        self.rate = rate
        self._sent = 0

    def due(self, now: float) -> list[tuple[int, float]]:
        """Take messages that are due by now, MESSAGES_A_TURN at most: (number, when it was due)."""
        if now < self._began or not self.rate:
            return []
        upto = min(int((now - self._began) * self.rate) + 1, self._sent + MESSAGES_A_TURN)
        taken = [(number, self._began + number / self.rate) for number in range(self._sent, upto)]
        self._sent = max(self._sent, upto)
        return taken
