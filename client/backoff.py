"""How long to wait before dialling again: exponential, with full jitter.

Full jitter (a random wait between nothing and the ceiling) spreads the phones of a relay that restarts over
the whole interval instead of having them all return in the same second:
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from actors.ports import Entropy

FIRST_CEILING_SECONDS = 0.5
LAST_CEILING_SECONDS = 30.0  # a person who looks at the phone again should not wait longer than this
HINT_JITTER = 0.25  # a relay's "come back in n seconds" is stretched by up to a quarter, for the same reason


class Backoff:
    """Counts failures in a row and turns them into waits."""

    __slots__ = ("_entropy", "failures")

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self.failures = 0  # since the last reset

    def reset(self) -> None:
        """The connection works: the next failure begins at the short end again."""
        self.failures = 0

    def next_wait(self, hint: float | None = None) -> float:
        """Seconds to wait after one more failure; ``hint`` is what the relay asked for, if it did."""
        self.failures += 1
        if hint is not None:
            return hint * (1 + HINT_JITTER * self._fraction())
        # The exponent is capped so that a night without a network does not compute 2**10000.
        ceiling = min(LAST_CEILING_SECONDS, FIRST_CEILING_SECONDS * 2.0 ** min(self.failures - 1, 16))
        return ceiling * self._fraction()

    def _fraction(self) -> float:
        return int.from_bytes(self._entropy(4), "big") / 2**32
