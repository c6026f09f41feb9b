"""Where frames end in a stream of bytes that nobody here can read, and what is sent in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from protocol.limits import FRAME_HEADER_BYTES, MAX_FRAME_BYTES

PREAMBLE_BYTES = 4

Alteration: TypeAlias = Callable[[bytes], Iterable[bytes]]
"""Given a whole frame with its header (or the preamble), what is sent in its place."""


class FrameEnds:
    """Follows one direction of a connection from its first byte.

    Args:
        preamble_bytes: how many bytes come before the first frame.
    """

    def __init__(self, preamble_bytes: int) -> None:
        self._rest = preamble_bytes  # of what has begun
        self._header = b""
        self.is_lost = False
        """Whether this cannot be a stream of frames; no more ends are found."""
        self.is_between = True
        """Whether all that has begun has ended."""
        self.count = 0
        """How many have ended, the preamble included."""

    def find(self, data: bytes) -> list[int]:
        """The places in the next bytes at which a frame, or the preamble, has just ended."""
        ends = []
        place = 0
        while place < len(data) and not self.is_lost:
            if self._rest == 0:
                place = self._read_header(data, place)
                continue
            taken = min(self._rest, len(data) - place)
            place += taken
            self._rest -= taken
            if self._rest == 0:
                ends.append(place)
        self.is_between = bool(ends) and ends[-1] == len(data)
        self.count += len(ends)
        return ends

    def _read_header(self, data: bytes, place: int) -> int:
        missing = FRAME_HEADER_BYTES - len(self._header)
        self._header += data[place : place + missing]
        if len(self._header) == FRAME_HEADER_BYTES:
            self._rest = int.from_bytes(self._header, "big")
            self._header = b""
            self.is_lost = not 0 < self._rest <= MAX_FRAME_BYTES
        return place + missing


class Alterations:
    """Hands whole frames to an alteration while there is one; else lets pass the bytes as they are."""

    def __init__(self, preamble_bytes: int) -> None:
        self._ends = FrameEnds(preamble_bytes)
        self._alter: Alteration | None = None
        self._begun = b""  # a frame for it that has not ended
        self._is_halfway = False  # through a frame that began before it, and goes on as it is

    @property
    def count(self) -> int:
        """How many frames have come, the preamble included."""
        return self._ends.count

    def set(self, alter: Alteration | None) -> bytes:
        """From the next frame on; returns what was kept of a frame that will not be altered now."""
        kept, self._begun = self._begun, b""
        self._is_halfway = not self._ends.is_between
        self._alter = alter
        return kept

    def apply(self, data: bytes) -> list[bytes]:
        """What is sent in the place of these bytes."""
        ends = self._ends.find(data)
        if self._alter is None:
            return [data]
        if self._ends.is_lost:
            return [self.set(None) + data]
        sent: list[bytes] = []
        start = 0
        for end in ends:
            sent += self._end_frame(data[start:end], self._alter)
            start = end
        if self._is_halfway:
            sent.append(data[start:])
        else:
            self._begun += data[start:]
        return [piece for piece in sent if piece]

    def _end_frame(self, piece: bytes, alter: Alteration) -> Iterable[bytes]:
        if self._is_halfway:
            self._is_halfway = False
            return (piece,)
        frame, self._begun = self._begun + piece, b""
        return alter(frame)
