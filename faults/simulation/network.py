"""A network in memory: deterministic, on trio's (virtual) clock, with faults on demand.

It keeps the contract of ``actors/network.py`` (the same tests check it), so real relay and client actors run
over it unchanged. Each side of a connection is a ``SimLink``; bytes travel through the ``Courier``, in
order, ``latency`` seconds late.

Faults: ``latency`` (of local links: ``local_latency``), ``draw_jitter`` (what is added to it, for each
piece), ``segment_bytes`` (how much one read gives at most: 1 is byte by byte), ``cut`` (both sides see a
reset), ``silence`` (half-open: nothing arrives any more, and nobody is told), ``hold`` / ``release`` (a
partition: what is sent arrives when it is over), ``stall`` / ``unstall`` (a reader that does not read),
``unreachable`` (hosts and local paths that cannot be connected to).
"""

import errno
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from actors.network import Detached
from actors.turn_end import TurnEnd
from faults.simulation.courier import Courier
from faults.simulation.link import READ_BYTES, DetachedSimLink, SimLink

# The port of a listener that has a path instead of a host.
LOCAL = 0

# Owners are looked at after one second, then ever more rarely while no link tells anything, so that thirty
# virtual days of silence do not cost millions of steps.
ORPHAN_CHECK_SECONDS = 1.0
ORPHAN_CHECK_MAX_SECONDS = 512.0


@asynccontextmanager
async def open_sim_network() -> AsyncIterator["SimNetwork"]:
    """Open a network of its own; leaving the block aborts all its links."""
    network = SimNetwork()
    async with trio.open_nursery() as nursery:
        network.start(nursery)
        try:
            yield network
        finally:
            network.shut_down()
            nursery.cancel_scope.cancel()


class SimNetwork:
    """A ``Network`` whose wires are lists, and whose faults a test commands."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.local_latency = 0.0  # of local links, which have no network between their ends
        self.segment_bytes = READ_BYTES
        self.draw_jitter: Callable[[], float] = _no_jitter  # for links that are not local
        self.on_write: Callable[[SimLink, bytes], None] = _not_told  # told of all that is written
        self.unreachable: dict[str, None] = {}  # hosts and local paths: connecting to one fails
        self.courier = Courier()
        self._listeners: dict[tuple[str, int], deque[SimListener]] = {}  # several if they share a port
        self._links: dict[SimLink, None] = {}
        self._ports = itertools.count(40_000)
        self._turn_end = TurnEnd()
        self._quiet_seconds = ORPHAN_CHECK_SECONDS

    # -- Network --

    async def listen(self, host: str, port: int, backlog: int, *, reuse_port: bool = False) -> "SimListener":
        await trio.lowlevel.checkpoint()
        port = port or next(self._ports)
        return self._open_listener(SimListener(self, host, port, backlog, reuse_port=reuse_port))

    async def listen_local(self, path: Path, backlog: int) -> "SimListener":
        await trio.lowlevel.checkpoint()
        return self._open_listener(SimListener(self, str(path), LOCAL, backlog))

    async def connect(self, host: str, port: int, origin: str | None = None) -> SimLink:
        """As every network; ``origin`` is the host that connects, if it matters."""
        await trio.sleep(self.latency)  # the SYN
        if host in self.unreachable:
            raise OSError(errno.EHOSTUNREACH, f"{host} is unreachable")
        near = SimLink(self, f"{host}:{port}")
        far = SimLink(self, f"{origin or host}:{next(self._ports)}")
        return await self._join(near, far, self._find_listener(host, port))

    async def connect_local(self, path: Path) -> SimLink:
        await trio.sleep(self.local_latency)
        if str(path) in self.unreachable:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody answers at {path.name}")
        near = SimLink(self, f"local:{path}", is_local=True)
        far = SimLink(self, f"local:{next(self._ports)}", is_local=True)
        return await self._join(near, far, self._find_listener(str(path), LOCAL))

    def adopt(self, detached: Detached) -> SimLink:
        assert isinstance(detached, DetachedSimLink), "a stream of another kind of network"
        return detached.take()

    @property
    def open_links(self) -> int:
        return len(self._links)

    def call_at_turn_end(self, fn: Callable[[], None]) -> None:
        self._turn_end.call(fn)

    def _open_listener(self, listener: "SimListener") -> "SimListener":
        place = listener.host, listener.port
        sharers = self._listeners.setdefault(place, deque())
        if any(not (sharer.reuse_port and listener.reuse_port) for sharer in sharers):
            raise OSError(errno.EADDRINUSE, f"{listener.host}:{listener.port} is in use")
        sharers.append(listener)
        return listener

    def _find_listener(self, host: str, port: int) -> "SimListener":
        sharers = self._listeners.get((host, port))
        if not sharers:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens on {host}:{port}")
        sharers.rotate(-1)  # a kernel chooses by a hash of the addresses: in turns is as fair, and repeatable
        return sharers[-1]

    async def _join(self, near: SimLink, far: SimLink, listener: "SimListener") -> SimLink:
        near.join(far)
        self._links[near] = self._links[far] = None
        try:
            await listener.put(far)
            await trio.sleep(near.latency)  # the answer
        except BaseException:
            near.abort()
            self.forget(far)
            raise
        return near

    # -- faults --

    @property
    def links(self) -> "list[SimLink]":
        """All sides of all connections that have not ended, oldest first."""
        return list(self._links)

    def cut(self, link: SimLink) -> None:
        """Break the connection now: both sides see a reset, what was on the way is lost."""
        for side in (link, link.peer):
            side.break_off("reset")

    def cut_all(self) -> None:
        """Break every connection."""
        for link in self.links:
            self.cut(link)

    def silence(self, link: SimLink) -> None:
        """Make the connection half-open: from now on nothing arrives at either side, not even an end."""
        link.silenced = link.peer.silenced = True

    def hold(self, link: SimLink) -> None:
        """Let nothing that this side sends arrive until ``release``: a partition, in one direction."""
        link.held = link.held if link.held is not None else []

    def release(self, link: SimLink) -> None:
        """Let arrive what was held, in order, as what a sender repeats does."""
        held, link.held = link.held, None
        for arrive in held or ():
            arrive()

    def stall(self, link: SimLink) -> None:
        """Let this side read nothing, whatever its owner asks for, until ``unstall``."""
        link.stalled = True

    def unstall(self, link: SimLink) -> None:
        """Let this side read again."""
        link.stalled = False
        link.read()

    # -- life --

    def start(self, nursery: trio.Nursery) -> None:
        nursery.start_soon(self._turn_end.run)
        nursery.start_soon(self.courier.run)
        nursery.start_soon(self._abort_orphans_forever)

    def shut_down(self) -> None:
        for listener in [listener for sharers in self._listeners.values() for listener in sharers]:
            listener.close()
        for link in self.links:
            link.abort()

    def has(self, link: SimLink) -> bool:
        """Whether this side of a connection has neither ended nor been handed on."""
        return link in self._links

    def forget(self, link: SimLink) -> None:
        self._links.pop(link, None)

    def replace(self, link: SimLink, heir: SimLink) -> None:
        """Put the heir of a detached link in its place, so that faults find it."""
        self._links = {heir if side is link else side: None for side in self._links}

    def forget_listener(self, listener: "SimListener") -> None:
        sharers = self._listeners.get((listener.host, listener.port))
        if sharers is not None and listener in sharers:
            sharers.remove(listener)

    def note_activity(self) -> None:
        self._quiet_seconds = ORPHAN_CHECK_SECONDS

    async def _abort_orphans_forever(self) -> None:
        while True:
            await trio.sleep(self._quiet_seconds)
            self._quiet_seconds = min(self._quiet_seconds * 2, ORPHAN_CHECK_MAX_SECONDS)
            self.abort_orphans()

    def abort_orphans(self) -> None:
        """End the links whose owners are dead, as the system does when a process has ended."""
        for link in self.links:
            if link.is_orphaned:
                link.abort()


class SimListener:
    """A ``Listener`` whose backlog is a memory channel."""

    def __init__(
        self, network: SimNetwork, host: str, port: int, backlog: int, *, reuse_port: bool = False
    ) -> None:
        self.host = host
        self.port = port
        self.reuse_port = reuse_port
        self._network = network
        self._arrivals, self._waiting = trio.open_memory_channel[SimLink](backlog)

    async def put(self, link: SimLink) -> None:
        """Hand in a connection; waits while the backlog is full, as a SYN that is not answered does."""
        try:
            await self._arrivals.send(link)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            raise ConnectionRefusedError(errno.ECONNREFUSED, "the listener was closed") from None

    async def accept(self) -> SimLink:
        return await self._waiting.receive()

    def vanish(self) -> None:
        """Take nobody any more, as when the process was killed: who waits in ``accept`` is not told."""
        self._network.forget_listener(self)
        for link in _drain(self._waiting):
            link.abort()

    def close(self) -> None:
        self.vanish()
        self._waiting.close()  # first: who waits in accept() is told of our closing, not of an end of channel
        self._arrivals.close()


def _no_jitter() -> float:
    return 0.0


def _not_told(_link: SimLink, _data: bytes) -> None:
    pass


def _drain(channel: trio.MemoryReceiveChannel[SimLink]) -> list[SimLink]:
    drained = []
    while True:
        try:
            drained.append(channel.receive_nowait())
        except (trio.WouldBlock, trio.ClosedResourceError, trio.EndOfChannel):
            return drained
