"""The simulated network as one process has it: what the process has opened ends with it."""

from collections.abc import Callable
from pathlib import Path

import trio

from actors.network import Detached, Link, Listener
from faults.simulation.link import SimLink
from faults.simulation.network import LOCAL, SimListener, SimNetwork


class HostNetwork:
    """The simulated network as one life of one process has it: what it has opened goes with it."""

    def __init__(self, sim: SimNetwork, name: str) -> None:
        self.is_cut_off = False
        """Whether what it says to begin a connection with another host gets nowhere."""
        self.is_alone = False
        """Whether it begins no connection within its host: to the other workers of its node."""
        self._sim = sim
        self._name = name
        self._listeners: list[_HostListener] = []
        self._links: list[SimLink] = []

    async def listen(self, host: str, port: int, backlog: int, *, reuse_port: bool = False) -> Listener:
        return self._keep_listener(await self._sim.listen(host, port, backlog, reuse_port=reuse_port))

    async def listen_local(self, path: Path, backlog: int) -> Listener:
        return self._keep_listener(await self._sim.listen_local(path, backlog))

    async def connect(self, host: str, port: int) -> Link:
        while self.is_cut_off:  # noqa: ASYNC110 - as a kernel does, until the caller gives up
            await trio.sleep(1.0)
        return self.keep_link(await self._sim.connect(host, port, self._name))

    async def connect_local(self, path: Path) -> Link:
        while self.is_alone:  # noqa: ASYNC110 - likewise
            await trio.sleep(1.0)
        return self.keep_link(await self._sim.connect_local(path))

    def adopt(self, detached: Detached) -> Link:
        return self.keep_link(self._sim.adopt(detached))

    @property
    def open_links(self) -> int:
        return len(self.links)

    @property
    def links(self) -> list[SimLink]:
        """The sides of connections that are this process's, and have not ended or been handed on."""
        self._links = [link for link in self._links if self._sim.has(link)]
        return list(self._links)

    @property
    def local_places(self) -> list[str]:
        """Where it listens for its own host."""
        return [each.host for each in self._listeners if each.port == LOCAL]

    def call_at_turn_end(self, fn: Callable[[], None]) -> None:
        self._sim.call_at_turn_end(fn)

    def keep_link(self, link: Link) -> SimLink:
        assert isinstance(link, SimLink)
        link.name = self._name
        self._links.append(link)
        return link

    def cut(self) -> None:
        """The process is gone, and the kernel closes what it had."""
        for listener in self._listeners:
            listener.vanish()
        for link in self.links:
            self._sim.cut(link)

    def _keep_listener(self, listener: SimListener) -> Listener:
        kept = _HostListener(listener, self)
        self._listeners.append(kept)
        return kept


class _HostListener:
    def __init__(self, listener: SimListener, network: HostNetwork) -> None:
        self.host, self.port = listener.host, listener.port
        self._listener = listener
        self._network = network

    async def accept(self) -> Link:
        return self._network.keep_link(await self._listener.accept())

    def vanish(self) -> None:
        self._listener.vanish()

    def close(self) -> None:
        self._listener.close()
