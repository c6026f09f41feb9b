"""Says on stderr how far a run has come: on a terminal one line, overwritten; else a line now and then."""

from __future__ import annotations

import sys
import time
from typing import TextIO

LINE_SECONDS = 5.0
"""How often a reader that is no terminal (a CI log) gets a line."""


class Progress:
    """What a run says while it runs.

    Args:
        out: where; None for stderr.
        quiet: say nothing at all.
    """

    def __init__(self, out: TextIO | None = None, *, quiet: bool = False) -> None:
        self._out = out if out is not None else sys.stderr
        self._overwrites = self._out.isatty()
        self._quiet = quiet
        self._prefix = ""
        self._said_at = float("-inf")

    def begin(self, prefix: str) -> None:
        """What all that follows is about: the scenario, and which repetition."""
        self._prefix = prefix
        self._said_at = float("-inf")

    def say(self, text: str) -> None:
        """How far it has come; may be lost if more comes soon."""
        if self._quiet:
            return
        if self._overwrites:
            print(f"\r\x1b[K{self._prefix}{text}", end="", file=self._out, flush=True)
        elif time.monotonic() - self._said_at >= LINE_SECONDS:
            self._said_at = time.monotonic()
            print(f"{self._prefix}{text}", file=self._out, flush=True)

    def clear(self) -> None:
        """Leave a terminal's line empty for what comes next."""
        if self._overwrites and not self._quiet:
            print("\r\x1b[K", end="", file=self._out, flush=True)
