"""Says on stderr what a run does, and for how long yet: a line now and then, overwritten on a terminal.

pairs 1/5: warming up, 2 s left: 9,870 messages a second, 1,600 on their way
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import TextIO

LINE_SECONDS = 5.0
"""How often a reader that is no terminal (a CI log) gets a line."""


class Progress:
    """What a run says while it runs.

    Args:
        out: where; None for stderr.
        quiet: say nothing at all.
        now: a clock in seconds, from any beginning.
    """

    def __init__(
        self,
        out: TextIO | None = None,
        *,
        quiet: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = out if out is not None else sys.stderr
        self._overwrites = self._out.isatty()
        self._quiet = quiet
        self._now = now
        self._prefix = ""
        self._phase = ""
        self._ends_at: float | None = None
        self._said_at = float("-inf")

    def begin(self, prefix: str) -> None:
        """What all that follows is about: the scenario, and which repetition."""
        self._prefix, self._phase, self._ends_at = prefix, "", None
        self._said_at = float("-inf")

    def phase(self, name: str, seconds: float | None = None) -> None:
        """What is done from now on; said at once.

        Args:
            name: in a few words.
            seconds: how long it takes; None for until it is done.
        """
        self._phase = name
        self._ends_at = None if seconds is None else self._now() + seconds
        self._said_at = float("-inf")
        if seconds != 0:
            self.say("")

    def say(self, text: str) -> None:
        """How far the phase has come; may be lost if more comes soon."""
        if self._quiet:
            return
        line = self._prefix + ": ".join(part for part in (self._where(), text) if part)
        if self._overwrites:
            print(f"\r\x1b[K{line}", end="", file=self._out, flush=True)
        elif self._now() - self._said_at >= LINE_SECONDS:
            self._said_at = self._now()
            print(line, file=self._out, flush=True)

    def _where(self) -> str:
        if self._ends_at is None:
            return self._phase
        return f"{self._phase}, {max(0, math.ceil(self._ends_at - self._now()))} s left"

    def clear(self) -> None:
        """Leave a terminal's line empty for what comes next."""
        if self._overwrites and not self._quiet:
            print("\r\x1b[K", end="", file=self._out, flush=True)
