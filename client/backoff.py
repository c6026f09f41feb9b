"""How long to wait before trying again: exponential, with full jitter.

Full jitter (a random wait between nothing and the ceiling) spreads the phones of a relay that restarts over
the whole interval instead of having them all return in the same second:
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from actors.ports import Entropy

QUICK_SECONDS = 0.3  # the ceiling of the first try after a connection that had worked: most breaks are short
FIRST_CEILING_SECONDS = 1.0
LAST_CEILING_SECONDS = 30.0  # a person who looks at the phone again should not wait longer than this
CROWDED_CEILING_SECONDS = 4.0  # at least, when the relay says that too many come: 15,000 need 8 seconds
HINT_JITTER = 0.25  # a relay's "come back in n seconds" is stretched by up to a quarter, for the same reason


class Backoff:
    """Counts failures in a row and turns them into waits.

    Args:
        entropy: where the jitter comes from.
        quick: the ceiling of the first wait.
        first: that of the second, which doubles with each further one.
        last: what it never goes beyond.
    """

    __slots__ = ("_entropy", "_first", "_last", "_quick", "failures")

    def __init__(
        self,
        entropy: Entropy,
        quick: float = QUICK_SECONDS,
        first: float = FIRST_CEILING_SECONDS,
        last: float = LAST_CEILING_SECONDS,
    ) -> None:
        self._entropy = entropy
        self._quick = quick
        self._first = first
        self._last = last
        self.failures = 0  # since the last reset

    def reset(self) -> None:
        """The connection works: the next failure begins at the short end again."""
        self.failures = 0

    def next_wait(self, hint: float | None = None, *, is_crowded: bool = False) -> float:
        """Seconds to wait after one more failure.

        Args:
            hint: what the relay asked for, if it did: never less, and up to a quarter more.
            is_crowded: whether too many come at once; then even the first wait is spread.
        """
        self.failures += 1
        if hint is not None:
            return hint * (1 + HINT_JITTER * self._fraction())
        ceiling = self._ceiling()
        return (max(ceiling, CROWDED_CEILING_SECONDS) if is_crowded else ceiling) * self._fraction()

    def _ceiling(self) -> float:
        if self.failures == 1:
            return self._quick
        # The exponent is capped so that a night without a network does not compute 2**10000.
        return min(self._last, self._first * 2.0 ** min(self.failures - 2, 16))

    def _fraction(self) -> float:
        return int.from_bytes(self._entropy(4), "big") / 2**32
