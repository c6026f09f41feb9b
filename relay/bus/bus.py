"""The bus of one worker: its peers, and who deals with what they say.

No actor, and as old as the process: what lives and dies are the links (session.py). With one worker there are
no peers, and everything here is an empty loop.

A module that has something to say to other workers defines its messages in messages.py, says them through
`peer_of(user)` (or `peers`), and registers with `on` what is done when one comes. Handlers run within the
turn of the link, one after the other, in the order in which the peer spoke: they are short, never wait, and
never raise for what a device did. What was said may be lost when a worker dies; whoever needs it to arrive
says it again when `on_ready` tells that the peer is there (again).
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from actors.network import Listener, Network
from actors.ports import Entropy
from protocol.slots import owner_of, slot_of
from relay.bus.chat import ChatId, id_of
from relay.bus.errors import BusProtocolError
from relay.bus.messages import (
    ANSWERS,
    INCARNATION_BYTES,
    ROW_OF_CLASS,
    VERSION,
    BusMessage,
    Hello,
)
from relay.bus.peer import Peer

log = logging.getLogger("roost.relay")

Handler = Callable[[Peer, Any], None]


class Bus:
    """What connects a worker to the other workers of its node."""

    __slots__ = (
        "_handlers",
        "_on_ready",
        "folder",
        "hello",
        "is_busy",
        "is_ending",
        "peers",
        "port",
        "worker",
        "workers",
    )

    def __init__(
        self,
        network: Network,
        folder: Path,
        worker: int,
        workers: int,
        entropy: Entropy,
        is_busy: Callable[[], bool],
    ) -> None:
        """Nothing is connected before the actors of supervision.py run.

        Args:
            network: where links come from.
            folder: where the workers' sockets are.
            worker: this one's number.
            workers: how many there are.
            entropy: for the name of this incarnation.
            is_busy: whether no more should be read from peers now.
        """
        self.folder = folder
        self.worker = worker
        self.workers = workers
        self.is_busy = is_busy
        self.hello = Hello(VERSION, worker, workers, entropy(INCARNATION_BYTES))
        self.peers = {number: Peer(number, network) for number in range(workers) if number != worker}
        self.is_ending = False  # whether links that end are no news any more
        self.port: Listener | None = None  # where the others call; open from the reception's first start
        self._handlers: dict[type[Any], Handler] = {}
        self._on_ready: dict[str, Callable[[Peer], None]] = {}  # {who wants to know: what is called}

    def address(self, worker: int) -> Path:
        """Where a worker listens for the others."""
        return self.folder / f"bus-{worker}"

    def owner(self, user: ChatId) -> int:
        """The number of the worker that owns a user, or a group."""
        return owner_of(slot_of(id_of(user)), self.workers)

    def peer_of(self, user: ChatId) -> Peer | None:
        """The worker that owns a user, or a group; None if it is this one."""
        return self.peers.get(self.owner(user)) if self.peers else None

    def tell_all(self, message: BusMessage) -> None:
        """Say something to every other worker."""
        for peer in self.peers.values():
            peer.tell(message)

    # ---- who deals with what ----

    def on(self, kind: type[Any], handler: Handler) -> None:
        """Have `handler(peer, message)` called for every message of a class; the latest handler stands."""
        if kind not in ROW_OF_CLASS:
            raise ValueError(f"{kind.__name__} is no message of the bus")
        self._handlers[kind] = handler

    def on_ready(self, who: str, fn: Callable[[Peer], None]) -> None:
        """Have `fn(peer)` called whenever a peer hears us from now on: at the start, and after each loss.

        `who` names the interest; its latest function stands.
        """
        self._on_ready[who] = fn

    # ---- for the links ----

    def ready(self, peer: Peer) -> None:
        """A peer hears us."""
        log.info("bus_up", extra={"peer": peer.number, "era": peer.era})
        for fn in self._on_ready.values():
            fn(peer)

    def hear(self, peer: Peer, message: BusMessage) -> None:
        """A peer has said something.

        Raises:
            BusProtocolError: nobody here deals with that.
        """
        peer.heard += 1
        handler = self._handlers.get(type(message))
        if handler is not None:
            handler(peer, message)
        elif type(message) in ANSWERS:
            peer.answered(message)
        else:
            raise BusProtocolError(f"nobody deals with {type(message).__name__}")
