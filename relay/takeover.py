"""Takes over the connections that other workers have accepted, and starts an actor for each.

An actor because it waits, as the listener does; like it, it owns nothing, so that its restart loses nothing.
Restarts as: permanent. It stands right before the listener in the tree: what arrives finds everything there,
and a worker that drains takes nobody in before it says goodbye to those it has.

Not here: the way between the workers (handover.py); how the accepting worker lets go (connection.py).
"""

import logging

from actors import Actor, ExitReason
from actors.network import Link
from protocol import ErrorCode, HandOffError, RelayConnection
from relay import connection, login
from relay.doorman import Doorman
from relay.goodbye import turn_back
from relay.handover import Moving
from relay.mailboxes import Mailboxes
from relay.outgoing import Outgoing
from relay.sweeper import handshake_ends
from relay.worker import Phase, Worker
from storage import accounts
from supervisors import ChildSpec, ChildStartError, MaxChildrenError

log = logging.getLogger("roost.relay")


class TakeNext:
    """The actor's note to itself: take the next one."""


TAKE_NEXT = TakeNext()


def child_specs(worker: Worker, mailboxes: Mailboxes) -> list[ChildSpec]:
    """The one place where connections arrive at a worker; none if there is no other worker."""
    if worker.store.workers == 1:
        return []
    return [ChildSpec(id="takeover", start=lambda: Takeover(worker, mailboxes))]


class Takeover(Actor):
    """Takes one connection after the other."""

    def __init__(self, worker: Worker, mailboxes: Mailboxes) -> None:
        self._worker = worker
        self._mailboxes = mailboxes

    async def on_start(self) -> None:
        """Begin, once the starter has been told that this runs."""
        self.ref.tell_nowait(TAKE_NEXT)

    async def handle(self, message: object) -> None:
        """Take one connection; between two of them system messages get their turn."""
        if message is not TAKE_NEXT:
            self.unexpected(message)
            return
        moving = await self._worker.handover.take()
        self._welcome(moving)
        self.ref.tell_nowait(TAKE_NEXT)

    async def on_stop(self, reason: ExitReason) -> None:
        """Let the others know when the worker drains; not when this actor is only restarted."""
        if self._worker.phase is Phase.DRAINING:
            self._worker.handover.close()

    def _welcome(self, moving: Moving) -> None:
        """Give the connection an actor, as the listener gives one to a link."""
        worker = self._worker
        if worker.presence.connection_count >= worker.config.max_connections:
            turn_back(worker, moving, ErrorCode.OVERLOADED)
            return
        try:
            link = worker.network.adopt(moving.stream)
        except OSError as error:
            log.warning("takeover_not_started", extra={"reason": type(error).__name__})
            return
        try:
            _take_over(worker, self._mailboxes, link, moving)
        except (ChildStartError, MaxChildrenError, HandOffError) as error:
            log.warning("takeover_not_started", extra={"reason": type(error).__name__})
            link.abort()


def _take_over(worker: Worker, mailboxes: Mailboxes, link: Link, moved: Moving) -> None:
    """Give a connection that another worker has begun an actor of its own.

    Raises:
        HandOffError: it is of another version.
        ChildStartError, MaxChildrenError, ActorDeadError: as `connection.start`; the caller aborts the link.
    """
    channel = RelayConnection(worker.static, worker.entropy, knows=bool, test_hooks=worker.config.test_hooks)
    channel.adopt(moved.state)
    outgoing = Outgoing(worker.next_connection_number(), None, link, channel, worker.surroundings)
    worker.presence.opened(outgoing, handshake_ends(worker.surroundings.beat))
    worker.counters.taken_over += 1
    with worker.store.read_directory() as reader:
        device = accounts.find_device_by_static_key(reader, channel.remote_static)
    if device is None or not worker.store.owns(device.user):
        # Registered anew, or moved, while the connection was on its way.
        worker.presence.identified(outgoing)
        outgoing.close(ErrorCode.LOGGED_OUT if device is None else ErrorCode.RESTARTING)
    try:
        connection.start(worker, mailboxes, link, channel, outgoing, device)
    except BaseException:
        login.leave(worker, outgoing)
        raise
    link.activate(Doorman(worker, outgoing))
