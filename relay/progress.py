"""Shows on the terminal how far long work is, for backup, restore and doctor.

On a terminal one line is written over and over; elsewhere (a log, a cron mail) nothing, because there only
the result matters.
"""

import sys
from typing import TextIO

COLUMNS = 60


class Progress:
    """Called with what is done, how much of it so far and of how much. `done` leaves the line empty."""

    __slots__ = ("_is_shown", "_stream")

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._is_shown = self._stream.isatty()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show it."""
        if not self._is_shown:
            return
        percent = 100 * done // total if total else 100
        self._write(f"{what}: {percent} % ({done:,} of {total:,})" if total > 1 else f"{what} ...")

    def done(self) -> None:
        """Take the line away: what comes next is the result."""
        if self._is_shown:
            self._write("")

    def _write(self, text: str) -> None:
        self._stream.write(f"\r{text:<{COLUMNS}}\r")
        self._stream.flush()
