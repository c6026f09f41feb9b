"""Random bytes for vectors: the same in every run, and noted, so that the files can say what was drawn."""

import random
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


class Draws:
    """A source of entropy that remembers what it gave."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.drawn: list[bytes] = []

    def __call__(self, size: int) -> bytes:
        """The next bytes."""
        drawn = self._random.randbytes(size)
        self.drawn.append(drawn)
        return drawn

    def noted(self) -> list[str]:
        """All that was drawn since the last question, in hex."""
        noted, self.drawn = [drawn.hex() for drawn in self.drawn], []
        return noted


class Replay:
    """A source of entropy that gives what a file says was drawn, in order and in the same sizes."""

    def __init__(self, drawn: list[str]) -> None:
        self._drawn = iter(drawn)

    def __call__(self, size: int) -> bytes:
        """The next bytes."""
        drawn = bytes.fromhex(next(self._drawn))
        assert len(drawn) == size
        return drawn
