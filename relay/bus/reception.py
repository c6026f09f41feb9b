"""Where the other workers of the node call: takes their links, and gives each an actor.

An actor because it waits for callers. Who calls is known when it has said hello (session.py).
Restarts as: permanent; the socket belongs to the worker, so that callers wait for the next one.
"""

import logging

from actors import Actor, ActorDeadError
from actors.network import Link, Network
from relay.bus import session
from relay.bus.bus import Bus
from supervisors import ChildSpec, ChildStartError, SupervisorHandle

log = logging.getLogger("roost.relay")

BACKLOG = 64
"""As many as there can be other workers."""


class Accept:
    """The reception's note to itself: take the next one."""


ACCEPT = Accept()


def child_spec(bus: Bus, network: Network) -> ChildSpec:
    """The one reception of a worker."""
    return ChildSpec(id="reception", start=lambda: Reception(bus, network))


class Reception(Actor):
    """Accepts, one after the other."""

    def __init__(self, bus: Bus, network: Network) -> None:
        self._bus = bus
        self._network = network

    async def on_start(self) -> None:
        """Open the socket at the first start, in the place of one that a killed process has left.

        Raises:
            OSError: a living process has it, or the folder cannot be used.
        """
        if self._bus.port is None:
            self._bus.port = await self._network.listen_local(self._bus.address(self._bus.worker), BACKLOG)
        self.ref.tell_nowait(ACCEPT)

    async def handle(self, message: object) -> None:
        """Take one link; between two of them system messages get their turn."""
        if message is not ACCEPT or self._bus.port is None:
            self.unexpected(message)
            return
        await self._start(await self._bus.port.accept())
        self.ref.tell_nowait(ACCEPT)

    async def _start(self, link: Link) -> None:
        supervisor = SupervisorHandle(self.system.via(session.SUPERVISOR_NAME))
        try:
            await supervisor.start_child(session.child_spec(self._bus, link, None))
        except (ChildStartError, ActorDeadError) as error:
            log.warning("bus_link_not_started", extra={"reason": type(error).__name__})
            link.abort()
