"""The portable network: trio's own waits, one task for each link that waits for bytes.

For systems without epoll. Everything but the waiting is shared with the reactor. It costs one parked task an
idle link (about 2 KB) and two system calls more a message, so on Linux the reactor is chosen.
"""

from collections.abc import Awaitable, Callable

import trio

from actors.socket_link import SocketLink
from actors.socket_network import SocketNetwork


class WaitingNetwork(SocketNetwork):
    """A ``Network`` that waits for each socket in a task of its own, for as long as there is reason to."""

    def __init__(self) -> None:
        super().__init__()
        self._nursery: trio.Nursery | None = None
        self._reading: dict[SocketLink, None] = {}  # links for which a task waits, at most one each way
        self._writing: dict[SocketLink, None] = {}

    def start(self, nursery: trio.Nursery) -> None:
        """See ``SocketNetwork.start``."""
        super().start(nursery)
        self._nursery = nursery

    def watch(self, link: SocketLink) -> None:
        """See ``SocketNetwork.watch``: nothing to prepare, links ask when they want to know."""

    def unwatch(self, link: SocketLink) -> None:
        """See ``SocketNetwork.unwatch``: `forget` ends the waiting, whatever becomes of the socket."""

    def await_readable(self, link: SocketLink) -> None:
        """See ``LinkHub.await_readable``."""
        if link not in self._reading:
            self._reading[link] = None
            self._spawn(self._wait_readable, link)

    def await_writable(self, link: SocketLink) -> None:
        """See ``LinkHub.await_writable``."""
        if link not in self._writing:
            self._writing[link] = None
            self._spawn(self._wait_writable, link)

    def forget(self, link: SocketLink) -> None:
        """See ``LinkHub.forget``."""
        super().forget(link)
        trio.lowlevel.notify_closing(link.fileno())  # ends the tasks that wait for the link

    def _spawn(self, wait: Callable[[SocketLink], Awaitable[None]], link: SocketLink) -> None:
        assert self._nursery is not None, "start() comes before the first link"
        self._nursery.start_soon(wait, link)

    async def _wait_readable(self, link: SocketLink) -> None:
        try:
            # The link may have ended between the asking and the first run of this task.
            if link.fileno() != -1:
                await trio.lowlevel.wait_readable(link.fileno())
        except trio.ClosedResourceError:
            return
        finally:
            del self._reading[link]
        link.on_readable()

    async def _wait_writable(self, link: SocketLink) -> None:
        try:
            if link.fileno() != -1:
                await trio.lowlevel.wait_writable(link.fileno())
        except trio.ClosedResourceError:
            return
        finally:
            del self._writing[link]
        link.on_writable()
