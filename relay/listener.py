"""Takes new connections from the port and has each greeted.

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
from protocol import ErrorCode
from relay.goodbye import turn_away
from relay.greeting import greet
from relay.mailboxes import Mailboxes
from relay.worker import Phase, Worker
from supervisors import ChildSpec

log = logging.getLogger("roost.relay")


PAUSE_SECONDS = 0.05
"""Between two peers while there are no descriptors left: the others wait in the backlog, which the kernel
bounds, and a storm of them costs little."""

ROOM_AGAIN = 0.9
"""The part of all links below which there is room again."""


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
        self._cut_off = 0  # peers, since there are no descriptors left

    async def on_start(self) -> None:
        """Begin, once the starter has been told that this runs."""
        self.ref.tell_nowait(ACCEPT)

    async def handle(self, message: object) -> None:
        """Take one peer; between two of them system messages get their turn."""
        if message is not ACCEPT:
            self.unexpected(message)
            return
        link = await self._port.accept()
        if self._worker.network.open_links > self._worker.max_links:
            link.abort()
            self._note_cut_off()
            await trio.sleep(PAUSE_SECONDS)
        else:
            self._note_room()
            self._welcome(link)
        self.ref.tell_nowait(ACCEPT)

    async def on_stop(self, reason: ExitReason) -> None:
        """Close the port when the node drains; not when this actor is only restarted.

        Those who have not said yet who they are have no actor that could say goodbye to them.
        """
        if self._worker.phase is Phase.DRAINING:
            self._port.close()
            for outgoing in self._worker.presence.connections():
                if outgoing.owner is None:
                    outgoing.close(ErrorCode.RESTARTING)

    def _note_cut_off(self) -> None:
        """Say it once, and count it."""
        self._worker.counters.cut_off += 1
        self._cut_off += 1
        if self._cut_off == 1:
            hint = "raise the limit of open files (systemd: LimitNOFILE=, shell: ulimit -Hn)"
            log.error("out_of_descriptors", extra={"links": self._worker.max_links, "hint": hint})

    def _note_room(self) -> None:
        """Say once that it is over: not with the first place that becomes free, or it would be said often."""
        if self._cut_off and self._worker.network.open_links <= ROOM_AGAIN * self._worker.max_links:
            log.info("descriptors_again", extra={"cut_off": self._cut_off})
            self._cut_off = 0

    def _welcome(self, link: Link) -> None:
        presence, config = self._worker.presence, self._worker.config
        if (
            presence.handshakes >= config.max_handshakes
            or presence.connection_count >= config.max_connections
            or not self._worker.limits.admits(link.remote, trio.current_time())
        ):
            turn_away(self._worker, link)
        else:
            greet(self._worker, self._mailboxes, link)
