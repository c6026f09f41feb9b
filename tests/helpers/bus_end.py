"""One end of the bus, without the rest of a worker: peers whose links are made of nothing."""

from pathlib import Path
from typing import Any, cast

from actors import ActorRef
from actors.network import Link
from relay.bus import Bus, Peer
from relay.bus.codec import FrameReader


class TurnlessNetwork:
    """Runs at once, or when told, what should run at the end of a turn."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def call_at_turn_end(self, fn: Any) -> None:
        self.calls.append(fn)

    def end_turn(self) -> None:
        calls, self.calls = self.calls, []
        for fn in calls:
            fn()


class RecordingLink:
    """A link that remembers the messages written to it."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.is_aborted = False
        self._reader = FrameReader()

    def write(self, data: bytes) -> None:
        self.said += self._reader.feed(data)

    def abort(self) -> None:
        self.is_aborted = True


class Owner:
    """Stands for a link's actor."""


class BusEnd:
    """Worker 0 of two, as worker 1 would meet it."""

    def __init__(self) -> None:
        self.network = TurnlessNetwork()
        self.bus = Bus(cast("Any", self.network), Path("nowhere"), 0, 2, bytes, lambda: False)
        self.peer: Peer = self.bus.peers[1]
        self.link = RecordingLink()
        self.owner = cast("ActorRef", Owner())

    def come_up(self) -> None:
        """Begin an era on a new link."""
        self.link, self.owner = RecordingLink(), cast("ActorRef", Owner())
        self.peer.came_up(self.owner, cast("Link", self.link), 0)

    def said(self) -> list[Any]:
        """What was said to worker 1 since this was asked last, less the Ready."""
        self.network.end_turn()
        said, self.link.said = self.link.said, []
        return [message for message in said if type(message).__name__ != "Ready"]
