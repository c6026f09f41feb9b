"""The trace of a history: every event that anybody could tell from outside, with its time, line by line.

Frames out, commits, deliveries, ticks, faults. Two runs of one seed give the same bytes. Lines about frames
and commits are only counted into the digest unless all are asked for: they are nine of ten, and a person
reads the rest as a timeline.
"""

import hashlib
import zlib
from collections.abc import Sequence

import trio

from faults.simulation.link import SimLink
from storage import Op


class Trace:
    """What has happened so far."""

    def __init__(self, *, keep_all: bool = False) -> None:
        self.story: list[str] = []
        """What a person reads."""
        self.lines: list[str] = []
        """Everything, if it is kept."""
        self.frames = 0
        self.commits = 0
        self._keep_all = keep_all
        self._digest = hashlib.blake2b(digest_size=16)

    @property
    def digest(self) -> str:
        """A name for all that has happened: equal for equal histories."""
        return self._digest.hexdigest()

    def tell(self, what: str) -> None:
        """Something that a person wants to read."""
        line = f"{trio.current_time():10.3f}  {what}"
        self.story.append(line)
        self._add(line)

    def note_frame(self, link: SimLink, data: bytes) -> None:
        """Bytes were handed to the network."""
        self.frames += 1
        there = link.remote.rpartition("/")[2]  # of a local one the name: its folder is another one each time
        self._add(f"{trio.current_time():.6f} {link.name}>{there} {len(data)} {zlib.crc32(data):08x}")

    def note_commit(self, number: int, batches: Sequence[Sequence[Op]]) -> None:
        """Something is on a disk."""
        self.commits += 1
        self._add(f"{trio.current_time():.6f} disk {number} {zlib.crc32(repr(batches).encode()):08x}")

    def _add(self, line: str) -> None:
        self._digest.update(line.encode())
        if self._keep_all:
            self.lines.append(line)
