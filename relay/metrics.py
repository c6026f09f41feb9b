"""The node's counters: plain integers, so that counting costs a few nanoseconds on the hot path.

Owned by the node, written by its actors (one thread), read by the admin endpoint. Counters only grow; what
is a level (connections, queued messages) is read from its owner when somebody asks.
"""

from collections import deque

MAX_REASONS = 100
"""Reasons that are counted by name: twice as many as there are codes."""


class Counters:
    """What has happened since the node started."""

    __slots__ = (
        "accepted",
        "connections_closed",
        "connections_opened",
        "crashes",
        "cut_off",
        "delivered",
        "duplicates",
        "expired",
        "frames_in",
        "frames_out",
        "handed_over",
        "handshakes",
        "logins",
        "pushed",
        "received",
        "refused",
        "registrations",
        "taken_over",
    )

    def __init__(self) -> None:
        self.connections_opened = 0
        self.connections_closed: dict[str, int] = {}  # {reason: count}
        self.cut_off = 0  # peers that there was no descriptor for, not even for a word
        self.handed_over = 0  # connections accepted here whose user another worker owns
        self.taken_over = 0  # connections that another worker has accepted
        self.handshakes = 0
        self.logins = 0
        self.frames_in = 0  # reads from sockets: under load one carries several frames
        self.frames_out = 0  # writes to sockets, likewise
        self.received = 0  # stanzas
        self.accepted = 0  # messages made durable (✓)
        self.duplicates = 0  # messages that had been accepted before
        self.pushed = 0  # deliveries sent to devices, repeated ones included
        self.delivered = 0  # deliveries acknowledged (✓✓)
        self.expired = 0  # messages dropped because nobody fetched them in time
        self.refused: dict[str, int] = {}  # {wire name of the code: count}
        self.registrations = 0
        self.crashes = 0  # actors of connections and mailboxes

    def refuse(self, name: str) -> None:
        """Count a refusal by the wire name of its code."""
        self.refused[name] = self.refused.get(name, 0) + 1

    def close(self, reason: str) -> None:
        """Count the end of a connection by its reason. A peer can make reasons up; it cannot fill memory."""
        if reason not in self.connections_closed and len(self.connections_closed) >= MAX_REASONS:
            reason = "other"
        self.connections_closed[reason] = self.connections_closed.get(reason, 0) + 1

    def as_dict(self) -> dict[str, int | dict[str, int]]:
        """All counters by name, as a copy."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}


class Rate:
    """How many of something a second, over the last ten samples of a counter (one a sweep)."""

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=11)  # (when, counter)

    def sample(self, when: float, counter: int) -> None:
        """Remember the counter; the eleventh sample pushes out the first."""
        self._samples.append((when, counter))

    def per_second(self) -> float:
        """The rate over what is remembered; 0 before there are two samples."""
        if len(self._samples) < 2:
            return 0.0
        (start, before), (end, after) = self._samples[0], self._samples[-1]
        return (after - before) / (end - start) if end > start else 0.0
