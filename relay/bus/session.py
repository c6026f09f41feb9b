"""One link to another worker: says hello, reads what the peer says, and ends the era when it ends.

An actor because it owns a link, and because whatever goes wrong here ends this link and nothing else.

    on_start: Hello ──►   ◄── Hello: the peer is up, Ready ──►   ◄── Ready: all that we say from now on is
    heard

A worker tells things to its peer as soon as it has heard the peer's hello; but what it told before the peer
had heard its own was told to nobody. So what may be lost is settled only upon Ready: from then on ticks come
by themselves, and what was durable before then is seen by whoever looks into the store. Restarts as:
temporary. One side calls anew (neighbour.py). Not here: who dials (neighbour.py, reception.py), what is done
about messages (Bus.on).
"""

import logging
from dataclasses import dataclass

from actors import Actor, ActorRef, ExitReason
from actors.network import Link, LinkClosed, Received
from relay.bus.bus import Bus
from relay.bus.codec import FrameReader, encode, frame
from relay.bus.errors import BusProtocolError
from relay.bus.messages import BusMessage, Hello, Ready, Taken
from relay.bus.peer import TAKEN_EVERY_BYTES, Peer
from relay.config import BACKLOG_PAUSE_SECONDS
from supervisors import ChildSpec, Restart

log = logging.getLogger("roost.relay")

SUPERVISOR_NAME = "bus links"
"""What the registry knows the supervisor of all links as."""

HELLO_SECONDS = 5.0
"""A sibling on the same machine that has not said hello by then is stopped, or is none."""


class Resume:
    """A link's note to itself: read on."""


class HelloIsDue:
    """A link's note to itself: has the peer said hello?"""


RESUME = Resume()
HELLO_IS_DUE = HelloIsDue()


@dataclass(frozen=True, slots=True)
class Met:
    """Told to the neighbour (neighbour.py): this link's actor has heard the hello of its peer."""

    session: ActorRef


def neighbour_name(peer: int) -> tuple[str, int]:
    """What the registry knows the actor as that sees to the links to a peer."""
    return ("neighbour", peer)


def child_spec(bus: Bus, link: Link, expected: int | None) -> ChildSpec:
    """One link.

    Args:
        bus: whose.
        link: made, and nobody's yet.
        expected: the worker that we have called; None if it has called us.
    """
    return ChildSpec(
        id=f"link to {expected}" if expected is not None else "link from a worker",
        start=lambda: Session(bus, link, expected),
        restart=Restart.TEMPORARY,
    )


class Session(Actor):
    """One link's life."""

    __slots__ = ("_bus", "_expected", "_is_over", "_link", "_peer", "_reader", "_reported", "_total")

    def __init__(self, bus: Bus, link: Link, expected: int | None) -> None:
        self._bus = bus
        self._link = link
        self._expected = expected
        self._peer: Peer | None = None  # once it has said hello
        self._reader = FrameReader()
        self._total = 0  # bytes read and dealt with
        self._reported = 0  # of those, what the peer was told of
        self._is_over = False

    async def on_start(self) -> None:
        """Introduce ourselves, and listen."""
        self._link.activate(self.ref)
        self._link.write(_hello_frame(self._bus))
        self.send_after(HELLO_SECONDS, HELLO_IS_DUE)

    def handle(self, message: object) -> None:
        """Bytes, the end of the link, or a note to itself."""
        match message:
            case Received(data):
                self._received(data)
            case LinkClosed(reason):
                self._end(reason)
            case Resume():
                self._read_on()
            case HelloIsDue():
                if self._peer is None:
                    self._end("hello-timeout")
            case _:
                self.unexpected(message)

    async def on_stop(self, reason: ExitReason) -> None:
        """The era ends with its link; a worker that drains has had its last words sent."""
        if not reason.is_abnormal:
            self._link.close()
        self._end("crashed" if reason.is_abnormal else "stopped")

    def _received(self, data: bytes) -> None:
        try:
            for message in self._reader.feed(data):
                self._hear(message)
                if self._is_lost():
                    return
        except BusProtocolError as error:
            log.error("bus_broken", extra={"peer": self._number, "why": str(error)})
            self._end("protocol")
            return
        self._total += len(data)
        if self._peer is not None and self._total - self._reported >= TAKEN_EVERY_BYTES:
            self._reported = self._total
            self._peer.tell(Taken(self._total))
        self._read_on()

    def _is_lost(self) -> bool:
        """Whether the era of this link is over: nothing that it says counts any more."""
        return self._is_over or (self._peer is not None and self._peer.owner is not self.ref)

    def _hear(self, message: BusMessage) -> None:
        """What comes before hello, or twice, is from no worker."""
        peer = self._peer
        if peer is None:
            self._meet(message)
        elif type(message) is Taken:
            peer.has_taken(message.total)
        elif type(message) is Ready:
            self._bus.ready(peer)
        elif type(message) is Hello:
            raise BusProtocolError("hello again")
        else:
            self._bus.hear(peer, message)

    def _meet(self, hello: BusMessage) -> None:
        """The peer has introduced itself."""
        if type(hello) is not Hello:
            raise BusProtocolError("no hello")
        ours = self._bus.hello
        if (hello.version, hello.workers) != (ours.version, ours.workers):
            raise BusProtocolError(f"version {hello.version} of {hello.workers} workers")
        peer = self._bus.peers.get(hello.worker)
        if peer is None or self._expected not in (None, hello.worker):
            raise BusProtocolError(f"it calls itself worker {hello.worker}")
        self._peer = peer
        self.system.via(neighbour_name(peer.number)).tell_nowait(Met(self.ref))
        peer.came_up(self.ref, self._link, len(_hello_frame(self._bus)))

    def _read_on(self) -> None:
        """Read more, unless the disk is so far behind that more would only be refused."""
        if self._is_lost():
            self._end("replaced")
        elif self._bus.is_busy():
            self.send_after(BACKLOG_PAUSE_SECONDS, RESUME)
        else:
            self._link.resume()

    def _end(self, reason: str) -> None:
        if self._is_over:
            return
        self._is_over = True
        if reason != "stopped":
            self._link.abort()
        if self._peer is not None and self._peer.went_down(self.ref):
            level = logging.INFO if self._bus.is_ending else logging.WARNING
            log.log(level, "bus_down", extra={"peer": self._number, "reason": reason})
        self.stop()

    @property
    def _number(self) -> int | None:
        return self._peer.number if self._peer is not None else self._expected


def _hello_frame(bus: Bus) -> bytes:
    return frame([encode(bus.hello)])
