"""Takes new connections from the port and starts an actor for each.

An actor because it waits: for the next peer, for ever. Owns nothing but its place in the queue; the port
itself belongs to the node, so that a restart of this actor turns nobody away.
Restarts as: permanent. It is the last child of the tree: first to stop, so that a node that drains takes
nobody new, and last to start, so that whoever connects finds everything there.
"""

import logging

import trio

from actors import Actor, ExitReason
from actors.network import Link
from actors.network import Listener as Port
from relay import connection
from relay.goodbye import turn_away
from relay.mailboxes import Mailboxes
from relay.worker import Phase, Worker
from supervisors import ChildSpec, ChildStartError, MaxChildrenError

log = logging.getLogger("roost.relay")


class Accept:
    """The listener's note to itself: take the next one."""


ACCEPT = Accept()


def child_spec(worker: Worker, mailboxes: Mailboxes, port: Port) -> ChildSpec:
    """The listener of one port."""
    return ChildSpec(id="listener", start=lambda: Listener(worker, mailboxes, port))


class Listener(Actor):
    """Accepts, one after the other."""

    def __init__(self, worker: Worker, mailboxes: Mailboxes, port: Port) -> None:
        self._worker = worker
        self._mailboxes = mailboxes
        self._port = port

    async def on_start(self) -> None:
        """Begin, once the starter has been told that this runs."""
        self.ref.tell_nowait(ACCEPT)

    async def handle(self, message: object) -> None:
        """Take one peer; between two of them system messages get their turn."""
        if message is not ACCEPT:
            self.unexpected(message)
            return
        link = await self._port.accept()
        self._welcome(link)
        self.ref.tell_nowait(ACCEPT)

    async def on_stop(self, reason: ExitReason) -> None:
        """Close the port when the node drains; not when this actor is only restarted."""
        if self._worker.phase is Phase.DRAINING:
            self._port.close()

    def _welcome(self, link: Link) -> None:
        presence, config = self._worker.presence, self._worker.config
        if (
            presence.handshakes >= config.max_handshakes
            or presence.connection_count >= config.max_connections
            or not self._worker.limits.admits(link.remote, trio.current_time())
        ):
            turn_away(self._worker, link)
            return
        try:
            connection.start(self._worker, self._mailboxes, link)
        except (ChildStartError, MaxChildrenError) as error:
            log.warning("connection_not_started", extra={"reason": type(error).__name__})
            link.abort()
