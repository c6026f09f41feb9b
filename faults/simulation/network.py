"""A network in memory: deterministic, on trio's (virtual) clock, with faults on demand.

It keeps the contract of ``actors/network.py`` (the same tests check it), so real relay and client actors run
over it unchanged. Each side of a connection is a ``SimLink``; bytes travel through the ``_Courier``, in
order, ``latency`` seconds late. Like TCP it has flow control: at most ``WINDOW_BYTES`` are on the way to or
waiting at a reader; the rest stays with the sender, as ``unsent_bytes``.

Faults: ``latency`` (of local links: ``local_latency``), ``draw_jitter`` (what is added to it, for each
piece), ``segment_bytes`` (how much one read gives at most: 1 is byte by byte), ``cut`` (both sides see a
reset), ``silence`` (half-open: nothing arrives any more, and nobody is told), ``hold`` / ``release`` (a
partition: what is sent arrives when it is over), ``stall`` / ``unstall`` (a reader that does not read),
``unreachable`` (hosts that cannot be connected to).
"""

import errno
import heapq
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import Enum, auto
from functools import partial
from pathlib import Path

import trio

from actors.errors import MailboxFullError
from actors.network import Detached, LinkClosed, LinkOwner, Received
from actors.turn_end import TurnEnd

# What one direction holds before the sender has to keep the rest; the order of size of a kernel's buffers.
WINDOW_BYTES = 262_144

# As actors/socket_link.py and actors/socket_network.py have them.
READ_BYTES = 16_384
FLUSH_SECONDS = 5.0
RETRY_SECONDS = 0.05

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
        self.unreachable: dict[str, None] = {}  # hosts; connecting to one fails with EHOSTUNREACH
        self.courier = _Courier()
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

    async def connect(self, host: str, port: int, origin: str | None = None) -> "SimLink":
        """As every network; ``origin`` is the host that connects, if it matters."""
        await trio.sleep(self.latency)  # the SYN
        if host in self.unreachable:
            raise OSError(errno.EHOSTUNREACH, f"{host} is unreachable")
        near = SimLink(self, f"{host}:{port}")
        far = SimLink(self, f"{origin or host}:{next(self._ports)}")
        return await self._join(near, far, self._find_listener(host, port))

    async def connect_local(self, path: Path) -> "SimLink":
        await trio.sleep(self.local_latency)
        near = SimLink(self, f"local:{path}", is_local=True)
        far = SimLink(self, f"local:{next(self._ports)}", is_local=True)
        return await self._join(near, far, self._find_listener(str(path), LOCAL))

    def adopt(self, detached: Detached) -> "SimLink":
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

    async def _join(self, near: "SimLink", far: "SimLink", listener: "SimListener") -> "SimLink":
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

    def cut(self, link: "SimLink") -> None:
        """Break the connection now: both sides see a reset, what was on the way is lost."""
        for side in (link, link.peer):
            side.break_off("reset")

    def cut_all(self) -> None:
        """Break every connection."""
        for link in self.links:
            self.cut(link)

    def silence(self, link: "SimLink") -> None:
        """Make the connection half-open: from now on nothing arrives at either side, not even an end."""
        link.silenced = link.peer.silenced = True

    def hold(self, link: "SimLink") -> None:
        """Let nothing that this side sends arrive until ``release``: a partition, in one direction."""
        link.held = link.held if link.held is not None else []

    def release(self, link: "SimLink") -> None:
        """Let arrive what was held, in order, as what a sender repeats does."""
        held, link.held = link.held, None
        for arrive in held or ():
            arrive()

    def stall(self, link: "SimLink") -> None:
        """Let this side read nothing, whatever its owner asks for, until ``unstall``."""
        link.stalled = True

    def unstall(self, link: "SimLink") -> None:
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

    def has(self, link: "SimLink") -> bool:
        """Whether this side of a connection has neither ended nor been handed on."""
        return link in self._links

    def forget(self, link: "SimLink") -> None:
        self._links.pop(link, None)

    def replace(self, link: "SimLink", heir: "SimLink") -> None:
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

    async def put(self, link: "SimLink") -> None:
        """Hand in a connection; waits while the backlog is full, as a SYN that is not answered does."""
        try:
            await self._arrivals.send(link)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            raise ConnectionRefusedError(errno.ECONNREFUSED, "the listener was closed") from None

    async def accept(self) -> "SimLink":
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


class _State(Enum):
    OPEN = auto()
    FLUSHING = auto()
    ENDED = auto()


class DetachedSimLink:
    """A ``Detached``: the side of a connection that no owner will ever be told of, until it is taken."""

    def __init__(self, link: "SimLink") -> None:
        self.remote = link.remote
        self._link: SimLink | None = link

    def take(self) -> "SimLink":
        assert self._link is not None, "adopted or discarded before"
        link, self._link = self._link, None
        return link

    def discard(self) -> None:
        if self._link is not None:
            self.take().abort()


class SimLink:
    """One side of a connection.

    Invariant: what is on the way to a link plus what it holds unread never exceeds ``WINDOW_BYTES``.
    """

    def __init__(self, network: SimNetwork, remote: str, *, is_local: bool = False) -> None:
        self.remote = remote
        self.is_local = is_local
        self.name = ""  # whose it is, for whoever writes a trace
        self.silenced = False  # see SimNetwork.silence
        self.stalled = False  # see SimNetwork.stall
        self.held: list[Callable[[], None]] | None = None  # see SimNetwork.hold
        self._arrives_at = 0.0  # when the last of what was sent arrives: nothing overtakes
        self.peer: SimLink = self  # until joined
        self._network = network
        self._owner: LinkOwner | None = None
        self._state = _State.OPEN
        self._wants = False
        self._unread: deque[bytes] = deque()  # arrived; what a kernel's receive buffer holds
        self._room = WINDOW_BYTES  # how much more the peer may send us
        self._last_word: str | None = None  # the reason to end with, once all that is unread has been told
        self._broken = False  # sending is in vain, since the peer is gone
        self._unsent: deque[memoryview] = deque()
        self._untold: Received | LinkClosed | None = None
        self._heir: SimLink | None = None  # who has the stream since it was detached

    def join(self, peer: "SimLink") -> None:
        self.peer = peer
        peer.peer = self

    # -- Link --

    @property
    def unsent_bytes(self) -> int:
        return sum(map(len, self._unsent))

    def activate(self, owner: LinkOwner) -> None:
        self._owner = owner
        if self._untold is not None:
            self._tell_untold()
        else:
            self.resume()

    def resume(self) -> None:
        if self._state is _State.OPEN and self._owner is not None and self._untold is None:
            self._wants = True
            self.read()

    def write(self, data: bytes) -> None:
        if self._state is _State.OPEN and not self._broken and data:
            self._network.on_write(self, data)
            self._unsent.append(memoryview(data))
            self.pump()

    def close(self) -> None:
        if self._state is not _State.OPEN:
            return
        self._state = _State.FLUSHING
        self._wants = False
        self._untold = None
        if self._unsent:
            self._network.courier.post(FLUSH_SECONDS, self._give_up_flushing)
        else:
            self._say_goodbye()

    def abort(self) -> None:
        if self._state is not _State.ENDED:
            self._send(lambda: self.peer.break_off("reset"))
            self._end("aborted")

    def detach(self) -> DetachedSimLink | None:
        if self._state is not _State.OPEN:
            return None
        # A link of its own, so that this one is at its end for whoever still has it. What is on its way
        # to this one is passed on (`_arrive`, `break_off`).
        heir = self._heir = SimLink(self._network, self.remote, is_local=self.is_local)
        heir.join(self.peer)
        heir.silenced, heir.stalled = self.silenced, self.stalled
        heir.held, heir._arrives_at, heir.name = self.held, self._arrives_at, self.name
        heir._unread, heir._room, heir._unsent = self._unread, self._room, self._unsent
        heir._last_word, heir._broken, heir._untold = self._last_word, self._broken, self._untold
        self._unread, self._unsent, self._untold = deque(), deque(), None
        self._state = _State.ENDED
        self._wants = False
        self._network.replace(self, heir)
        return DetachedSimLink(heir)

    # -- for the network and the other side --

    @property
    def latency(self) -> float:
        return self._network.local_latency if self.is_local else self._network.latency

    @property
    def is_orphaned(self) -> bool:
        return self._state is _State.OPEN and self._owner is not None and not self._owner.is_alive

    def break_off(self, reason: str) -> None:
        """The other side is gone; what had arrived before can still be read."""
        if self._heir is not None:
            self._heir.break_off(reason)
            return
        if reason == "eof" and self._state is _State.FLUSHING:
            return  # it reads on, into nothing, until we are done too
        if self._last_word is None:
            self._last_word = reason
        self._broken = True
        self._unsent.clear()
        if self._state is _State.FLUSHING:
            self._end(reason)
        else:
            self.read()

    def pump(self) -> None:
        """Send on its way what the reader's window takes."""
        while self._unsent and self.peer._room > 0:
            chunk = self._unsent.popleft()
            if len(chunk) > self.peer._room:
                self._unsent.appendleft(chunk[self.peer._room :])
                chunk = chunk[: self.peer._room]
            self.peer._room -= len(chunk)
            self._send(partial(self.peer._arrive, bytes(chunk)))
        if self._state is _State.FLUSHING and not self._unsent:
            self._say_goodbye()

    def read(self) -> None:
        """Tell the owner the next bytes, or the end, if it waits for that and there is any."""
        if not self._wants or self.stalled:
            return
        if self._unread:
            self._wants = False
            data = self._take(min(self._network.segment_bytes, READ_BYTES))
            self.peer.pump()
            self._tell(Received(data))
        elif self._last_word is not None:
            self._end(self._last_word)

    # -- private --

    def _send(self, arrive: Callable[[], None]) -> None:
        def arrive_unless_silenced() -> None:
            carrier = self  # of what was sent before a link was detached: whoever has the stream now
            while carrier._heir is not None:
                carrier = carrier._heir
            if carrier.held is not None:
                carrier.held.append(arrive)
            elif not carrier.silenced:
                arrive()

        jitter = 0.0 if self.is_local else self._network.draw_jitter()
        self._arrives_at = max(self._arrives_at, trio.current_time() + self.latency + jitter)
        self._network.courier.post_at(self._arrives_at, arrive_unless_silenced)

    def _arrive(self, chunk: bytes) -> None:
        if self._heir is not None:
            self._heir._arrive(chunk)
        elif self._state is _State.OPEN and not self._broken:
            self._unread.append(chunk)
            self.read()
        else:
            self._room += len(chunk)  # nobody reads here any more; the sender need not notice
            self.peer.pump()

    def _take(self, most: int) -> bytes:
        taken = bytearray()
        while self._unread and len(taken) < most:
            chunk = self._unread.popleft()
            room = most - len(taken)
            if len(chunk) > room:
                self._unread.appendleft(chunk[room:])
            taken += chunk[:room]
        self._room += len(taken)
        return bytes(taken)

    def _say_goodbye(self) -> None:
        self._send(lambda: self.peer.break_off("eof"))
        self._end("closed")

    def _give_up_flushing(self) -> None:
        if self._state is _State.FLUSHING:
            self._send(lambda: self.peer.break_off("reset"))
            self._end("flush-timeout")

    def _end(self, reason: str) -> None:
        self._state = _State.ENDED
        self._wants = False
        self._unsent.clear()
        self._unread.clear()
        self._untold = None
        self._network.forget(self)
        self._tell(LinkClosed(reason))

    def _tell(self, message: Received | LinkClosed) -> None:
        self._network.note_activity()
        self._untold = message
        if self._owner is not None:
            self._tell_untold()

    def _tell_untold(self) -> None:
        message, self._untold = self._untold, None
        if message is None or self._owner is None:
            return
        try:
            self._owner.tell_nowait(message)
        except MailboxFullError:
            self._untold = message
            self._network.courier.post(RETRY_SECONDS, self._tell_untold)


def _no_jitter() -> float:
    return 0.0


def _not_told(_link: "SimLink", _data: bytes) -> None:
    pass


class _Courier:
    """Carries things out later, in the order of their times, and of their posting within one time."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []  # heap
        self._order = itertools.count()
        self._posted = trio.Event()

    def post(self, delay: float, fn: Callable[[], None]) -> None:
        self.post_at(trio.current_time() + delay, fn)

    def post_at(self, time: float, fn: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time, next(self._order), fn))
        self._posted.set()

    async def run(self) -> None:
        while True:
            self._posted = trio.Event()
            with trio.move_on_at(self._due[0][0] if self._due else float("inf")):
                await self._posted.wait()
            while self._due and self._due[0][0] <= trio.current_time():
                heapq.heappop(self._due)[2]()


def _drain(channel: trio.MemoryReceiveChannel[SimLink]) -> list[SimLink]:
    drained = []
    while True:
        try:
            drained.append(channel.receive_nowait())
        except (trio.WouldBlock, trio.ClosedResourceError, trio.EndOfChannel):
            return drained
