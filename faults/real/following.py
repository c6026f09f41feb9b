"""Follows the ledgers of a crowd while it writes them: who is back, and how long that has taken.

A device is back when a message that it has written after some moment has got to whom it was for, and the
device has heard so: ✓✓. Only what is new in the files is read, each time.
Not here: the figures of recovery that a report has (recovery.py), and whether anything was lost (checker.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import trio

from faults.real.ledger import Life, Record, Tick, Wrote, from_line

POLL_SECONDS = 0.1  # files that other processes write: there is no event to wait for

ARRIVED = ("delivered", "read")
"""States of a message that has got to whom it was for."""

TICKED = ("accepted", *ARRIVED)
"""States of a message that the relay has accepted."""


class Tail:
    """A ledger that is being written: what is new in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def news(self) -> Iterator[Record]:
        """Records that were not there the last time; a line that is not finished comes another time."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                content = file.read()
        except FileNotFoundError:
            return
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            yield from_line(line)


class Following:
    """What all devices of a crowd have said so far, as far as somebody waits for it.

    Args:
        ledgers: their files.
    """

    def __init__(self, ledgers: Sequence[Path]) -> None:
        self._tails = [Tail(path) for path in ledgers]
        self._since = 0.0
        self._mine: dict[str, dict[str, None]] = {}
        """{device: messages that it has written since}"""
        self.devices: dict[str, None] = {}
        self.accepted: dict[str, None] = {}
        """Messages that have had a tick."""
        self.back: dict[str, float] = {}
        """{device: seconds after the moment at which it was back}"""

    def start_from(self, moment: float) -> None:
        """From here on it is about messages that are written after this moment (monotonic clock)."""
        self.look()
        self._since = moment
        self._mine = {}
        self.back = {}

    def look(self) -> None:
        """Read what is new."""
        self._take(record for tail in self._tails for record in tail.news())

    def _take(self, records: Iterable[Record]) -> None:
        for record in records:
            if isinstance(record, Life):
                self.devices[record.who] = None
            elif isinstance(record, Wrote) and record.at > self._since:
                self._mine.setdefault(record.who, {})[record.id] = None
            elif isinstance(record, Tick):
                self._take_tick(record)

    def _take_tick(self, tick: Tick) -> None:
        if tick.state in TICKED:
            self.accepted[tick.id] = None
        if tick.state in ARRIVED and tick.id in self._mine.get(tick.who, {}):
            self.back.setdefault(tick.who, tick.at - self._since)

    @property
    def missing(self) -> list[str]:
        """Devices that are not back yet."""
        return [who for who in self.devices if who not in self.back]

    async def until_all_back(self, seconds: float) -> list[str]:
        """Wait until all devices are back, or the time is up; those who are not."""
        with trio.move_on_after(seconds):
            while self.missing:
                await trio.sleep(POLL_SECONDS)
                self.look()
        return self.missing
