"""What the network does to the bytes of one direction: rules that can change at any moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import trio

RETRANSMISSION_SECONDS = 0.2
"""How long TCP on Linux waits for an acknowledgement at least, before it sends once more."""
MOST_RETRANSMISSIONS = 6
PACED_PIECES_A_SECOND = 20


class Valve:
    """Lets bytes through, or holds them until it is opened again."""

    def __init__(self) -> None:
        self._opening: trio.Event | None = None

    @property
    def is_shut(self) -> bool:
        return self._opening is not None

    def shut(self) -> None:
        if self._opening is None:
            self._opening = trio.Event()

    def open(self) -> None:
        if self._opening is not None:
            self._opening.set()
            self._opening = None

    async def passed(self) -> None:
        """Wait until it is open; at once, and without a checkpoint, if it is."""
        while self._opening is not None:
            await self._opening.wait()


@dataclass(slots=True)
class Rules:
    """The weather in one direction of many connections. As it stands: none at all."""

    latency: float = 0.0
    jitter: float = 0.0
    """Up to so much more, drawn for each piece. Nothing overtakes: this is TCP."""
    bytes_per_second: float | None = None
    """Of each connection."""
    segment_bytes: int | None = None
    """At most so many bytes at a time,"""
    segment_seconds: float = 0.0
    """and so long between them."""
    loss: float = 0.0
    """How probable it is that a piece is lost. TCP sends it once more, so loss is seen as a standstill of
    0.2 s, of 0.6 s if that is lost too, then of 1.4 s, and so on."""
    valve: Valve = field(default_factory=Valve)

    def clear(self) -> None:
        """Fair weather; what is held goes on."""
        self.latency = self.jitter = self.loss = self.segment_seconds = 0.0
        self.bytes_per_second = self.segment_bytes = None
        self.valve.open()

    @property
    def piece_bytes(self) -> int | None:
        """How much goes at once at the most, so that what is slow trickles; None: as it comes."""
        if self.bytes_per_second is None:
            return self.segment_bytes
        paced = max(1, int(self.bytes_per_second / PACED_PIECES_A_SECOND))
        return paced if self.segment_bytes is None else min(paced, self.segment_bytes)

    @property
    def is_fair(self) -> bool:
        """Whether what comes goes on at once."""
        return not (self.latency or self.jitter or self.loss or self.piece_bytes or self.valve.is_shut)


class Pace:
    """When each piece of one connection's direction arrives. Pure: it is told the time."""

    def __init__(self, rules: Rules, random: Random) -> None:
        self._rules = rules
        self._random = random
        self._last = float("-inf")  # when the piece before arrives
        self._line_is_free_at = float("-inf")

    def due(self, size: int, now: float) -> float:
        """When a piece that was sent now arrives, never before the one before it."""
        rules = self._rules
        sent = max(now, self._line_is_free_at)
        if rules.bytes_per_second is not None:
            sent += size / rules.bytes_per_second
        if rules.segment_bytes is not None:
            sent += rules.segment_seconds
        self._line_is_free_at = sent
        arrival = sent + rules.latency + self._standstill()
        if rules.jitter:
            arrival += rules.jitter * self._random.random()
        self._last = max(self._last, arrival)
        return self._last

    def _standstill(self) -> float:
        if not self._rules.loss:
            return 0.0
        waited, timeout = 0.0, RETRANSMISSION_SECONDS
        for _ in range(MOST_RETRANSMISSIONS):
            if self._random.random() >= self._rules.loss:
                break
            waited += timeout
            timeout *= 2
        return waited
