"""What every network over real sockets has in common: its links, and the little that happens by time.

Owns: the table of open links. Subclasses say how readiness is learned (``reactor.py``,
``waiting_network.py``).

Time is looked after by one task, not by a cancel scope and a deadline in each link: an idle link costs no
timer. That task sleeps in long steps to find links whose owner has died, and in short steps only while some
link is closing or some mailbox was full.
"""

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import trio

from actors.local_socket import connect_local, listen_local, peer_name
from actors.network import Detached, Link, Listener
from actors.socket_link import DetachedSocket, SocketLink
from actors.socket_listener import LocalListener, SocketListener, name_address
from actors.turn_end import TurnEnd

# How long a peer may take to accept what was written before close(). Long enough for a phone that is waking
# up, short enough that a peer who never reads cannot hold descriptors for long.
FLUSH_SECONDS = 5.0

# How long we wait for the peer's own end after our goodbye; nginx has the same default for lingering_timeout.
LINGER_SECONDS = 5.0

# How long the network waits at its own end for links that are closing, so that last words get through.
SETTLE_SECONDS = 1.0

# A link may outlive its owner for this long. Looking costs a third of a microsecond a link: 5 ms for 15,000,
# so it is done in slices, between which the others run.
ORPHAN_CHECK_SECONDS = 2.0
ORPHAN_CHECK_SLICE = 1_000

# How soon a message is offered again to a mailbox that was full, and how exactly closing links are timed.
RETRY_SECONDS = 0.05


class SocketNetwork(ABC):
    """A ``Network`` over the sockets of the operating system, without a way to wait for them.

    Invariants:
        a link is in ``_links`` as long as its socket is open
        ``_closing`` holds the links that are flushing or lingering, ``_untold`` those with a refused message
    """

    def __init__(self) -> None:
        self._links: dict[int, SocketLink] = {}  # {descriptor: link}
        self._closing: dict[SocketLink, float] = {}  # {link: trio time at which it is cut off}
        self._untold: dict[SocketLink, None] = {}
        self._listeners: dict[Listener, None] = {}
        self._turn_end = TurnEnd()
        self._settled = trio.Event()  # set when the last closing link has ended
        self._pressing = trio.Event()  # set when the sweeper has to look soon

    # -- Network --

    async def listen(self, host: str, port: int, backlog: int, *, reuse_port: bool = False) -> SocketListener:
        """See ``Network.listen``; of a name with several addresses the first is taken."""
        found = await trio.socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
        family, kind, protocol, _, address = found[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(address)
            sock.listen(backlog)
        except BaseException:
            sock.close()
            raise
        return self.adopt_listener(sock)

    async def listen_local(self, path: Path, backlog: int) -> LocalListener:
        """See ``Network.listen_local``."""
        await trio.lowlevel.checkpoint()
        listener = LocalListener(path, listen_local(path, backlog), self.adopt_socket, self._listeners)
        self._listeners[listener] = None
        return listener

    async def connect(self, host: str, port: int) -> Link:
        """See ``Network.connect``."""
        failure = OSError(f"no address for {host}:{port}")
        for family, kind, protocol, _, address in await trio.socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICSERV
        ):
            sock = socket.socket(family, kind, protocol)
            try:
                await _connect(sock, address)
                return self.adopt_socket(sock, name_address(address))
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
        raise failure

    async def connect_local(self, path: Path) -> Link:
        """See ``Network.connect_local``."""
        sock = await connect_local(path)
        return self.adopt_socket(sock, peer_name(sock))

    def adopt(self, detached: Detached) -> Link:
        """See ``Network.adopt``; only a socket can become a link here."""
        assert isinstance(detached, DetachedSocket), "a stream of another kind of network"
        link = self.adopt_socket(detached.sock, detached.remote)
        link.continue_with(detached.unread, detached.unsent)
        return link

    def call_at_turn_end(self, fn: Callable[[], None]) -> None:
        """See ``Network.call_at_turn_end``."""
        self._turn_end.call(fn)

    # -- life --

    def adopt_socket(self, sock: socket.socket, remote: str) -> SocketLink:
        """Make a connected socket a link of this network, which owns it from now on.

        Raises:
            OSError: the system has no room to watch another socket; it was closed.
        """
        sock.setblocking(False)
        _without_delay(sock)
        link = SocketLink(sock, remote, self)
        self._links[sock.fileno()] = link
        try:
            self.watch(link)
        except BaseException:
            del self._links[sock.fileno()]
            sock.close()
            raise
        return link

    def adopt_listener(self, sock: socket.socket) -> SocketListener:
        """Make a listening socket, of our own or inherited, a listener of this network, which owns it."""
        sock.setblocking(False)
        listener = SocketListener(sock, self.adopt_socket, self._listeners)
        self._listeners[listener] = None
        return listener

    def start(self, nursery: trio.Nursery) -> None:
        """Start the tasks of the network in ``nursery``."""
        nursery.start_soon(self._turn_end.run, name="turn_end")
        nursery.start_soon(self._sweep_forever, name="link_sweeper")

    async def settle(self) -> None:
        """Wait until no link is closing any more, ``SETTLE_SECONDS`` at most."""
        with trio.move_on_after(SETTLE_SECONDS):
            while self._closing:
                self._settled = trio.Event()
                await self._settled.wait()

    def shut_down(self) -> None:
        """Stop listening and end every link now."""
        for listener in list(self._listeners):
            listener.close()
        for link in list(self._links.values()):
            link.abort()
            link.on_close_timeout()  # those that have said goodbye are closed without a reset

    @property
    def open_links(self) -> int:
        """How many sockets are held, those included that are saying goodbye."""
        return len(self._links)

    # -- how readiness is learned --

    @abstractmethod
    def watch(self, link: SocketLink) -> None:
        """The link is new: prepare to tell it what its socket is ready for."""

    @abstractmethod
    def await_readable(self, link: SocketLink) -> None:
        """See ``LinkHub.await_readable``."""

    @abstractmethod
    def await_writable(self, link: SocketLink) -> None:
        """See ``LinkHub.await_writable``."""

    @abstractmethod
    def unwatch(self, link: SocketLink) -> None:
        """The link's socket goes elsewhere, open: call the link no more for it."""

    # -- LinkHub: what happens by time --

    def await_room(self, link: SocketLink) -> None:
        """See ``LinkHub.await_room``."""
        self._untold[link] = None
        self._pressing.set()

    def watch_closing(self, link: SocketLink) -> None:
        """See ``LinkHub.watch_closing``."""
        seconds = FLUSH_SECONDS if link.unsent_bytes else LINGER_SECONDS
        self._closing[link] = trio.current_time() + seconds
        self._pressing.set()

    def forget(self, link: SocketLink) -> None:
        """See ``LinkHub.forget``."""
        self._links.pop(link.fileno(), None)
        self._closing.pop(link, None)
        if not self._closing:
            self._settled.set()

    def let_go(self, link: SocketLink) -> None:
        """See ``LinkHub.let_go``."""
        # Not left to the closing of our descriptor: a socket that lives on in another process stays in our
        # epoll, and would announce things for ever that nobody here can do anything about.
        self.unwatch(link)
        self.forget(link)

    async def _sweep_forever(self) -> None:
        orphan_check_at = trio.current_time() + ORPHAN_CHECK_SECONDS
        while True:
            await self._sleep_until_needed(orphan_check_at)
            self._retry_untold()
            self._end_overdue()
            if trio.current_time() >= orphan_check_at:
                await self._abort_orphans()
                orphan_check_at = trio.current_time() + ORPHAN_CHECK_SECONDS

    async def _sleep_until_needed(self, latest: float) -> None:
        if self._untold or self._closing:
            await trio.sleep(RETRY_SECONDS)
            return
        self._pressing = trio.Event()
        with trio.move_on_at(latest):
            await self._pressing.wait()
            # Not at once: what has just been refused would be refused again.
            await trio.sleep(RETRY_SECONDS)

    async def _abort_orphans(self) -> None:
        links = list(self._links.values())
        for start in range(0, len(links), ORPHAN_CHECK_SLICE):
            for link in links[start : start + ORPHAN_CHECK_SLICE]:
                if link.is_orphaned:
                    link.abort()
            await trio.lowlevel.checkpoint()

    def _retry_untold(self) -> None:
        untold, self._untold = self._untold, {}
        for link in untold:
            link.tell_untold()

    def _end_overdue(self) -> None:
        now = trio.current_time()
        for link in [link for link, deadline in self._closing.items() if deadline <= now]:
            link.on_close_timeout()


async def _connect(sock: socket.socket, address: tuple[object, ...]) -> None:
    sock.setblocking(False)
    try:
        sock.connect(address)
    except BlockingIOError:
        await trio.lowlevel.wait_writable(sock)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, f"cannot connect to {name_address(address)}") from None
    else:
        await trio.lowlevel.checkpoint()


def _without_delay(sock: socket.socket) -> None:
    try:
        # Writes are gathered before they come here, so waiting for more (Nagle) would only add latency.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        pass  # not TCP, or the peer has gone already: then the first read tells
