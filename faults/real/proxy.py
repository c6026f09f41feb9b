"""A TCP proxy in front of the node, in whose hands every connection of every client is.

Each client process has a port of its own, so it can be cut off alone. All ports lead to the node's. Nobody
connects to the node itself.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from random import Random

import trio

from faults.real.link import Link
from faults.real.node import free_port
from faults.real.rules import Rules
from faults.real.sides import Side, SocketSide, dial

BACKLOG = 1024
DEFAULT_NAME = ""


class Port:
    """Where one client process connects to.

    Args:
        name: whose it is.
        dial: connects to the node.
    """

    def __init__(self, name: str, dial: Callable[[], Awaitable[Side]], random: Random) -> None:
        self.name = name
        self.up = Rules()
        self.down = Rules()
        self.links: list[Link] = []
        """Connections that have not ended, oldest first."""
        self.accepted = 0
        self.on_link: list[Callable[[Link], None]] = []
        """Are told of each new connection, before a byte of it is carried."""
        self._dial = dial
        self._random = random
        self._listener = _listen(free_port())
        self.number: int = self._listener.getsockname()[1]
        self._listening = trio.Event()

    @property
    def is_refusing(self) -> bool:
        return self._listener.fileno() == -1

    async def serve(self) -> None:
        """Accept connections for ever, but not while they are refused."""
        try:
            async with trio.open_nursery() as nursery:
                while True:
                    try:
                        connection, _ = await self._listener.accept()
                    except (OSError, trio.ClosedResourceError):
                        await self._until_listening()
                        continue
                    self.accepted += 1
                    nursery.start_soon(self._carry, SocketSide(connection))
        finally:
            self._listener.close()

    # ---- faults ----

    def hold(self, *, up: bool = True, down: bool = True) -> None:
        """Let nothing through in these directions, of new connections neither, until ``release``."""
        for rules in self._rules(up=up, down=down):
            rules.valve.shut()

    def release(self) -> None:
        """Let go on what was held."""
        self.up.valve.open()
        self.down.valve.open()

    def refuse(self) -> None:
        """Refuse new connections, as a port does on which nobody listens."""
        self._listener.close()

    def welcome(self) -> None:
        """Take new connections again."""
        if self.is_refusing:
            self._listener = _listen(self.number)
            self._listening.set()

    def reset(self) -> None:
        """Break all connections."""
        for link in list(self.links):
            link.reset()

    def clear(self) -> None:
        """Mend everything: fair weather, nothing held, nobody refused, what is half-open ends."""
        self.up.clear()
        self.down.clear()
        self.welcome()
        for link in list(self.links):
            if link.is_half_open:
                link.reset()
            else:
                link.release()

    # ---- private ----

    async def _carry(self, side: Side) -> None:
        link = Link(side, self._dial, self.up, self.down, self._random)
        self.links.append(link)
        for tell in list(self.on_link):
            tell(link)
        try:
            await link.run()
        finally:
            self.links.remove(link)

    async def _until_listening(self) -> None:
        self._listening = trio.Event()
        if self.is_refusing:
            await self._listening.wait()

    def _rules(self, *, up: bool, down: bool) -> Iterable[Rules]:
        return [rules for rules, is_meant in ((self.up, up), (self.down, down)) if is_meant]


class Proxy:
    """All ports. Made by ``open_proxy``.

    What is done to it is done to each of the ports there are; one that is opened later has fair weather.
    """

    def __init__(self, nursery: trio.Nursery, node_port: int, random: Random) -> None:
        self.ports: dict[str, Port] = {}
        self.node_port = node_port
        self._nursery = nursery
        self._random = random
        self.port: int = self.open_port(DEFAULT_NAME)
        """For whoever needs none of its own."""

    def open_port(self, name: str) -> int:
        """The number of the port of this client; the same one each time it is asked for."""
        port = self.ports.get(name)
        if port is None:
            port = self.ports[name] = Port(name, self._dial, self._random)
            self._nursery.start_soon(port.serve)
        return port.number

    @property
    def links(self) -> list[Link]:
        """The connections of all ports that are whole."""
        return [link for port in self.ports.values() for link in port.links if not link.is_half_open]

    @property
    def accepted(self) -> int:
        """How many connections were ever made."""
        return sum(port.accepted for port in self.ports.values())

    def hold(self, *, up: bool = True, down: bool = True) -> None:
        """Let nothing through in these directions, of new connections neither, until ``release``."""
        for port in self.ports.values():
            port.hold(up=up, down=down)

    def release(self) -> None:
        """Let go on what was held."""
        for port in self.ports.values():
            port.release()

    def reset(self) -> None:
        """Break all connections."""
        for port in self.ports.values():
            port.reset()

    def clear(self) -> None:
        """Mend everything."""
        for port in self.ports.values():
            port.clear()

    async def _dial(self) -> Side:
        return await dial(self.node_port)


@asynccontextmanager
async def open_proxy(node_port: int, random: Random | None = None) -> AsyncIterator[Proxy]:
    """A proxy on ports of 127.0.0.1; when the block ends, all its connections do.

    Args:
        node_port: where the node listens, or will.
        random: what jitter and loss are drawn from.
    """
    async with trio.open_nursery() as nursery:
        try:
            yield Proxy(nursery, node_port, random or Random())
        finally:
            nursery.cancel_scope.cancel()


def _listen(port: int) -> trio.socket.SocketType:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(BACKLOG)
    return trio.socket.from_stdlib_socket(listener)
