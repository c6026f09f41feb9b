"""What a power loss leaves of a file: everything that was synced, and anything of the rest.

A disk may write what it was not told to sync at any time, in any order, or never; a page of the kernel's in
parts, a sector of its own whole. Not here: where the writes come from (strace.py), and what is looked for in
what is left (power_loss.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from random import Random
from typing import TypeAlias

from faults.real.strace import Event, Said, Sync, Write

PAGE_BYTES = 4096
SECTOR_BYTES = 512

Piece: TypeAlias = tuple[int, bytes]
"""An offset in the file, and what is written there."""


class Loss(Enum):
    """How much of what was not synced is lost."""

    ALL = "all that was not synced"
    TAIL = "the end of it, from some write on"
    PAGES = "pages of it, at random"
    SECTORS = "sectors of it, at random"


class Platter:
    """One file on a disk, while it is being written to.

    Args:
        file: its path, as events name it.
        before: what was in it, and on the disk, at the beginning.
    """

    def __init__(self, file: str, before: bytes = b"") -> None:
        self._file = file
        self._durable = bytearray(before)
        self._at_risk: list[Piece] = []

    def happens(self, event: Event) -> None:
        """Something is done to a file; if it is another one, nothing changes."""
        match event:
            case Write(file, offset, data, is_synced) if file == self._file:
                if is_synced:
                    # It alone is on the disk: what was written before it still waits.
                    _put(self._durable, (offset, data))
                    # And whatever waits for the same place is older.
                    self._at_risk = [
                        left for piece in self._at_risk for left in _beside(piece, offset, offset + len(data))
                    ]
                else:
                    self._at_risk.append((offset, data))
            case Sync(file) if file == self._file:
                self.settle()
            case Write() | Sync() | Said():
                pass

    def settle(self) -> None:
        """All that was written is on the disk."""
        for piece in self._at_risk:
            _put(self._durable, piece)
        self._at_risk.clear()

    @property
    def bytes_at_risk(self) -> int:
        """How much a power loss could take now."""
        return sum(len(data) for _, data in self._at_risk)

    def after(self, loss: Loss, random: Random, during: Event | None = None) -> bytes:
        """The file as the power comes back.

        Args:
            loss: how much is gone of what was not synced.
            random: draws what exactly.
            during: what was being done as the power went: a write may be on the disk in part, even one that
                would have been synced when it returned.
        """
        at_risk = list(self._at_risk)
        if isinstance(during, Write) and during.file == self._file:
            at_risk.append((during.offset, during.data))
        image = bytearray(self._durable)
        for piece in survivors(at_risk, loss, random):
            _put(image, piece)
        return bytes(image)


def survivors(at_risk: Sequence[Piece], loss: Loss, random: Random) -> list[Piece]:
    """What is on the disk all the same, in the order in which it was written."""
    match loss:
        case Loss.ALL:
            return []
        case Loss.TAIL:
            return list(at_risk[: random.randint(0, len(at_risk))])
        case Loss.PAGES:
            unit = PAGE_BYTES
        case Loss.SECTORS:
            unit = SECTOR_BYTES
    chance = random.random()  # from nearly nothing to nearly all
    parts = [part for piece in at_risk for part in _parts(piece, unit)]
    return [part for part in parts if random.random() < chance]


def _parts(piece: Piece, unit: int) -> Iterator[Piece]:
    """A piece, cut where the file's units begin."""
    offset, data = piece
    first = unit - offset % unit
    for start, end in _cuts(len(data), first, unit):
        yield offset + start, data[start:end]


def _cuts(length: int, first: int, unit: int) -> Iterator[tuple[int, int]]:
    start, end = 0, min(first, length)
    while start < length:
        yield start, end
        start, end = end, min(end + unit, length)


def _beside(piece: Piece, first: int, end: int) -> Iterator[Piece]:
    """What of a piece lies before `first`, and what from `end` on."""
    offset, data = piece
    if offset < first:
        yield offset, data[: first - offset]
    if offset + len(data) > end:
        yield max(offset, end), data[max(0, end - offset) :]


def _put(file: bytearray, piece: Piece) -> None:
    offset, data = piece
    if len(file) < offset:
        file.extend(bytes(offset - len(file)))  # a hole
    file[offset : offset + len(data)] = data
