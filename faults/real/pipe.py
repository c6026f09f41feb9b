"""One direction of a connection through the proxy: reads, keeps for as long as the rules say, writes.

What is kept is bounded: whoever writes feels a slow reader, or a line that is held, as on a real network.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from random import Random

import trio

from faults.real.frames import Alteration, Alterations
from faults.real.rules import Pace, Rules, Valve
from faults.real.sides import Side

READ_BYTES = 65_536
BUFFER_BYTES = 262_144
"""How many bytes are on their way at the most: TCP's window."""


class End(Enum):
    """How a direction ends."""

    FINISHED = auto()
    RESET = auto()


class Pipe:
    """Carries bytes from a source to a sink.

    Args:
        rules: what holds for this direction of all connections of a port.
        preamble_bytes: how many bytes come before the first frame.
        on_change: told when the source has ended, and when the sink has.
    """

    def __init__(
        self, rules: Rules, preamble_bytes: int, random: Random, on_change: Callable[[], None]
    ) -> None:
        self.rules = rules
        self.valve = Valve()
        self.carried_bytes = 0
        self.is_silenced = False
        """Nothing arrives any more, not even an end; what is sent goes nowhere."""
        self.end: End | None = None
        """How its source has ended, from the moment the proxy knows."""
        self.is_done = False
        """Whether its sink has been told of that."""
        self.is_broken = False
        """Whether its sink takes no more."""
        self._on_change = on_change
        self._alterations = Alterations(preamble_bytes)
        self._pace = Pace(rules, random)
        self._waiting: deque[tuple[float, bytes | End]] = deque()
        self._waiting_bytes = 0
        self._arrivals = trio.lowlevel.ParkingLot()
        self._departures = trio.lowlevel.ParkingLot()

    async def read(self, source: Side) -> None:
        """Take in what the source says, to its end."""
        while True:
            while self._waiting_bytes >= BUFFER_BYTES:
                await self._departures.park()
            try:
                data = await source.receive(READ_BYTES)
            except trio.BrokenResourceError:
                self.finish(End.RESET)
                return
            if not data:
                self.finish(End.FINISHED)
                return
            if not self.is_silenced:
                self._take_altered(data)

    async def write(self, sink: Side) -> None:
        """Give the sink what was taken in, each piece in its time, to the end."""
        while True:
            due, piece = await self._next()
            if due > trio.current_time():
                await trio.sleep_until(due)
            await self.let_through()
            if self.is_silenced:
                continue
            if isinstance(piece, End):
                break
            self.carried_bytes += len(piece)
            try:
                await sink.send(piece)
            except trio.BrokenResourceError:
                self.is_broken = True
                self._on_change()
                return
        if piece is End.RESET:
            sink.reset()
        else:
            sink.finish()
        self.is_done = True
        self._on_change()

    def finish(self, end: End) -> None:
        """Let it end so, after what is on its way."""
        if self.end is None:
            self.end = end
            self._put(end, self._pace.due(0, trio.current_time()))
            self._on_change()

    def alter(self, alteration: Alteration | None) -> None:
        """Send others in the place of the frames that come from now on; None: none any more."""
        kept = self._alterations.set(alteration)
        if kept:
            self._take(kept)

    @property
    def frames(self) -> int:
        """How many frames its source has said, the preamble included."""
        return self._alterations.count

    @property
    def is_shut(self) -> bool:
        return self.valve.is_shut or self.rules.valve.is_shut

    async def let_through(self) -> None:
        """Wait until nothing holds what goes this way."""
        while self.is_shut:
            await self.valve.passed()
            await self.rules.valve.passed()

    def _take_altered(self, data: bytes) -> None:
        for piece in self._alterations.apply(data):
            self._take(piece)

    def _take(self, data: bytes) -> None:
        now = trio.current_time()
        size = self.rules.piece_bytes or len(data)
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            self._waiting_bytes += len(piece)
            self._put(piece, self._pace.due(len(piece), now))

    def _put(self, piece: bytes | End, due: float) -> None:
        self._waiting.append((due, piece))
        self._arrivals.unpark()

    async def _next(self) -> tuple[float, bytes | End]:
        while not self._waiting:
            await self._arrivals.park()
        due, piece = self._waiting.popleft()
        if isinstance(piece, bytes):
            self._waiting_bytes -= len(piece)
            self._departures.unpark()
        return due, piece
