"""What a power loss leaves of a file: everything that was synced, and anything of the rest.

A disk may write what it was not told to sync at any time, in any order, or never; a page of the kernel's in
parts, a sector of its own whole. Not here: where the writes come from (strace.py), and what is looked for in
what is left (power_loss.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import TypeAlias

from faults.real.strace import Event, Renamed, Said, Sync, Write

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


@dataclass(slots=True)
class _File:
    """What is on the disk of a file, and what might be."""

    durable: bytearray = field(default_factory=bytearray)
    at_risk: list[Piece] = field(default_factory=list)

    def write(self, write: Write) -> None:
        first, end = write.offset, write.offset + len(write.data)
        if not write.is_synced:
            self.at_risk.append((first, write.data))
            return
        # It alone is on the disk: what was written before it still waits, if not for the same place.
        _put(self.durable, (first, write.data))
        self.at_risk = [left for piece in self.at_risk for left in _beside(piece, first, end)]

    def sync(self) -> None:
        for piece in self.at_risk:
            _put(self.durable, piece)
        self.at_risk.clear()


class Platter:
    """Files on a disk, while they are written to; what becomes of one of them is asked.

    Args:
        file: its path, as events name it; a file that is renamed to it later is meant then.
        before: what was in it, and on the disk, at the beginning.
    """

    def __init__(self, file: str, before: bytes = b"") -> None:
        self._asked = file
        self._files = {file: _File(bytearray(before))}

    def happens(self, event: Event) -> None:
        """Something is done to a file."""
        match event:
            case Write(name):
                self._file(name).write(event)
            case Sync(name):
                self._file(name).sync()
            case Renamed(old, new):
                # A power loss before the name is on the disk is one before this.
                self._files[new] = self._files.pop(old, _File())
            case Said():
                pass

    def _file(self, name: str) -> _File:
        return self._files.setdefault(name, _File())

    @property
    def bytes_at_risk(self) -> int:
        """How much of it a power loss could take now."""
        return sum(len(data) for _, data in self._file(self._asked).at_risk)

    def after(self, loss: Loss, random: Random, during: Event | None = None) -> bytes:
        """The file as the power comes back.

        Args:
            loss: how much is gone of what was not synced.
            random: draws what exactly.
            during: what was being done as the power went: a write may be on the disk in part, even one that
                would have been synced when it returned.
        """
        file = self._file(self._asked)
        at_risk = list(file.at_risk)
        if isinstance(during, Write) and during.file == self._asked:
            at_risk.append((during.offset, during.data))
        image = bytearray(file.durable)
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
