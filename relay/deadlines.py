"""When each connection is looked at next: a timer wheel, a bucket a beat.

A connection that nobody has reason to doubt costs nothing between two looks, however many there are. It is
not moved when its peer is heard: a look that comes too early for that finds `heard_at` and plans the next.

Invariant: every connection here is in exactly one bucket, that of its `look_at`. So whoever leaves is found
without a search, and nothing of a connection is kept until its beat comes.
"""

from collections.abc import Iterator

from relay.outgoing import Outgoing


class Deadlines:
    """Connections by the beat of their next look."""

    __slots__ = ("_buckets", "_count")

    def __init__(self) -> None:
        self._buckets: dict[int, dict[int, Outgoing]] = {}  # {beat: {connection number: its outgoing side}}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Outgoing]:
        """All of them, as they are when asked."""
        return iter([outgoing for bucket in self._buckets.values() for outgoing in bucket.values()])

    def put(self, outgoing: Outgoing, beat: int) -> None:
        """Look at a connection at a beat that is still to come, and not before."""
        self.remove(outgoing)
        outgoing.look_at = beat
        self._buckets.setdefault(beat, {})[outgoing.number] = outgoing
        self._count += 1

    def move(self, outgoing: Outgoing, beat: int) -> None:
        """As `put`, for one that is here. Who has left because of the look that led to this stays away."""
        if self.remove(outgoing):
            self.put(outgoing, beat)

    def remove(self, outgoing: Outgoing) -> bool:
        """Look at it no more; says whether it was here."""
        bucket = self._buckets.get(outgoing.look_at)
        if bucket is None or bucket.pop(outgoing.number, None) is None:
            return False
        if not bucket:
            del self._buckets[outgoing.look_at]
        self._count -= 1
        return True

    def due(self, beat: int) -> list[Outgoing]:
        """Whom to look at in this beat. Each of them is to be moved, or removed."""
        return list(self._buckets.get(beat, {}).values())
