"""The network over real sockets: edge-triggered readiness for very many links, itself one wait in trio.

Trio's ``wait_readable`` costs a task and two ``epoll_ctl`` a wait. Here each socket is registered once, for
everything, edge-triggered, in an epoll of our own; that epoll's descriptor is what trio waits for. When it
fires, all that is ready is read in one sweep and told to the owners, who run in the next batch. An idle link
costs no task, no timer and no buffer.

Rule 1: edges are facts to remember. An event comes once, so a link keeps what it was told (readable, hung up)
until a read proves otherwise; see ``socket_link.py``.
Rule 2: nobody else runs during a sweep. Owners are told, not called, so no descriptor can be closed and
reused between two events of one sweep.

Not here: the life of a link (``socket_link.py``), what happens by time (``socket_network.py``), the fallback
for systems without epoll (``waiting_network.py``).
"""

import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from actors.socket_link import SocketLink
from actors.socket_network import SocketNetwork
from actors.waiting_network import WaitingNetwork

# How many sockets are read before the owners get a turn: bounds what a sweep holds in memory (16 KiB each at
# worst) and how long a storm can keep everybody else from running.
SWEEP_LINKS = 256


@asynccontextmanager
async def open_reactor() -> AsyncIterator[SocketNetwork]:
    """Open the best network that this system has: epoll on Linux, trio's own waits elsewhere.

    Leaving the block waits for links that are closing, a second at most, then ends every link and listener;
    owners that want their last words sent close their links before. Cancelled, or left by an exception, it
    ends them at once. An exception of the body comes out in an ``ExceptionGroup``, as from any trio nursery.
    """
    network = EpollNetwork() if hasattr(select, "epoll") else WaitingNetwork()
    async with run_network(network):
        yield network


@asynccontextmanager
async def run_network(network: SocketNetwork) -> AsyncIterator[None]:
    """Run the tasks of ``network`` for the length of the block; then shut it down."""
    async with trio.open_nursery() as nursery:
        network.start(nursery)
        try:
            yield
            await network.settle()
        finally:
            network.shut_down()
            nursery.cancel_scope.cancel()


if hasattr(select, "epoll"):
    # Everything at once and for good: registering again for each wish would cost a system call each time.
    _EVERYTHING = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
    _ENDED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
    _READABLE = select.EPOLLIN | _ENDED
    _WRITABLE = select.EPOLLOUT


class EpollNetwork(SocketNetwork):
    """A ``Network`` on one edge-triggered epoll."""

    def __init__(self) -> None:
        super().__init__()
        self._epoll = select.epoll()

    def start(self, nursery: trio.Nursery) -> None:
        """See ``SocketNetwork.start``."""
        super().start(nursery)
        nursery.start_soon(self._run, name="reactor")

    def shut_down(self) -> None:
        """See ``SocketNetwork.shut_down``."""
        super().shut_down()
        trio.lowlevel.notify_closing(self._epoll.fileno())
        self._epoll.close()

    def watch(self, link: SocketLink) -> None:
        """See ``SocketNetwork.watch``; a socket that is ready already makes its first event now."""
        self._epoll.register(link.fileno(), _EVERYTHING)

    def unwatch(self, link: SocketLink) -> None:
        """See ``SocketNetwork.unwatch``."""
        self._epoll.unregister(link.fileno())

    def await_readable(self, link: SocketLink) -> None:
        """See ``LinkHub.await_readable``: the next edge comes by itself."""

    def await_writable(self, link: SocketLink) -> None:
        """See ``LinkHub.await_writable``: the next edge comes by itself."""

    async def _run(self) -> None:
        while not self._epoll.closed:
            try:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
            except trio.ClosedResourceError:
                return
            # Under load the next events are there when the owners have had their turn: asking again is a
            # tenth of the price of another wait. After a lone event there is mostly nothing to be found.
            while self._sweep() > 1:
                await trio.lowlevel.checkpoint()

    def _sweep(self) -> int:
        """Tell the links what happened to them; returns to how many something did."""
        if self._epoll.closed:
            return 0
        events = self._epoll.poll(0, SWEEP_LINKS)
        for descriptor, mask in events:
            link = self._links.get(descriptor)
            if link is None:
                continue
            # Sending first: what is read next may be the end of the link.
            if mask & _WRITABLE and link.unsent_bytes:
                link.on_writable()
            if mask & _READABLE:
                link.on_readable(bool(mask & _ENDED))
        return len(events)
