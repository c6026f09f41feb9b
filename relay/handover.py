"""How a connection gets from the worker that accepted it to the worker that owns its user; a port of both.

Any worker accepts, because the kernel spreads connections as it likes; a device and its mailbox should share
a process. So once the handshake has proved whose the connection is, and before anything behind that proof is
read, the socket and the state of the connection move. The peer notices nothing.

    accepting worker                                     owner
    Connection ── detach, export ── give ══ kernel ══ take ── Takeover ── adopt ── Connection

Rule 1: who gives a connection away has nothing to do with it any more. If it cannot arrive, the port says so
    once, and whoever is told says goodbye to the peer (goodbye.py). A device comes again by itself; nothing
    was acted on, so nothing is lost.
Rule 2: giving never waits. What waits for a worker that is busy is bounded in number and time.
Not here: what is done with a connection that arrives (takeover.py); descriptors (actors/socket_parcels.py).
"""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import cbor2
import trio

from actors.network import Detached
from actors.socket_link import DetachedSocket
from actors.socket_parcels import Failure, Inbox, Outbox, Parcel, open_inbox, open_outbox
from protocol import ErrorCode, HandOff
from storage.folder import volatile_folder

log = logging.getLogger("roost.relay")

_VERSION: Final = 1

_CODES: Final = {
    Failure.GONE: ErrorCode.RESTARTING,
    Failure.FULL: ErrorCode.OVERLOADED,
    Failure.TOO_LARGE: ErrorCode.OVERLOADED,
}


@dataclass(frozen=True, slots=True)
class Moving:
    """A connection between two workers. Whoever has it adopts the stream, gives it on, or discards it."""

    stream: Detached
    state: HandOff
    source: int
    """The worker that accepted it."""
    number: int
    """What the connection was called there, for logs."""


Refused: TypeAlias = Callable[[Moving, ErrorCode], None]
"""Told of a connection that does not arrive, and with which code to say goodbye; it is the callee's then."""


class HandOver(Protocol):
    """A worker's way to the others."""

    def give(self, owner: int, moving: Moving, refused: Refused) -> None:
        """Hand a connection to another worker; returns at once.

        ``refused`` is called, now or later, if it cannot arrive: ``restarting`` if the owner is not there,
        ``overloaded`` if it does not keep up. An owner that dies with the connection in its hands closes it
        without a word, as it does with all its connections.
        """

    async def take(self) -> Moving:
        """Wait for the next connection from any other worker. Cancellation loses none.

        Raises:
            trio.ClosedResourceError: it was closed.
        """

    def close(self) -> None:
        """Take no more: who gives from now on is told that nobody is there. Idempotent."""


class NobodyElse:
    """The ``HandOver`` of a worker that owns all users: there is nobody to give to or take from."""

    def give(self, owner: int, moving: Moving, refused: Refused) -> None:
        """See ``HandOver.give``."""
        refused(moving, ErrorCode.RESTARTING)

    async def take(self) -> Moving:
        """See ``HandOver.take``: never comes back."""
        await trio.sleep_forever()
        raise AssertionError("unreachable")

    def close(self) -> None:
        """See ``HandOver.close``."""


class SocketHandOver:
    """The ``HandOver`` between processes: each connection is a parcel, its socket beside its state."""

    def __init__(self, worker: int, inbox: Inbox, outboxes: Mapping[int, Outbox]) -> None:
        self._worker = worker
        self._inbox = inbox
        self._outboxes = outboxes  # {worker: where its inbox is}

    def give(self, owner: int, moving: Moving, refused: Refused) -> None:
        """See ``HandOver.give``."""
        stream = moving.stream
        assert isinstance(stream, DetachedSocket), "between processes only sockets travel"

        def undelivered(_parcel: Parcel, failure: Failure) -> None:
            facts = {"connection": moving.number, "to_worker": owner, "reason": failure.name.lower()}
            log.warning("handover_failed", extra=facts)
            refused(moving, _CODES[failure])

        self._outboxes[owner].send(Parcel(stream.sock, encode_moving(moving, stream)), undelivered)

    async def take(self) -> Moving:
        """See ``HandOver.take``."""
        while True:
            parcel = await self._inbox.take()
            try:
                return decode_moving(parcel)
            except (cbor2.CBORDecodeError, ValueError):
                # Of another version, while somebody upgrades under our feet; the device comes again.
                parcel.sock.close()
                log.error("handover_not_understood", extra={"bytes": len(parcel.payload)})

    def close(self) -> None:
        """See ``HandOver.close``."""
        self._inbox.close()


@asynccontextmanager
async def open_handover(data: Path, worker: int, workers: int) -> AsyncIterator[HandOver]:
    """The hand-over of worker ``worker`` of ``workers`` processes with one data folder.

    Raises:
        OSError: the worker's own socket cannot be opened.
    """
    if workers == 1:
        yield NobodyElse()
        return
    async with AsyncExitStack() as stack:
        inbox = await stack.enter_async_context(open_inbox(handover_path(data, worker)))
        outboxes = {
            other: await stack.enter_async_context(open_outbox(handover_path(data, other)))
            for other in range(workers)
            if other != worker
        }
        yield SocketHandOver(worker, inbox, outboxes)


def handover_path(data: Path, worker: int) -> Path:
    """Where a worker takes connections."""
    return volatile_folder(data) / f"handover-{worker}"


def encode_moving(moving: Moving, stream: DetachedSocket) -> bytes:
    """Write down everything but the socket."""
    facts = [stream.remote, stream.unread, stream.unsent]
    return cbor2.dumps([_VERSION, moving.source, moving.number, *facts, bytes(moving.state)])


def decode_moving(parcel: Parcel) -> Moving:
    """Read a connection; the parcel's socket is its stream's from then on.

    Raises:
        ValueError, CBORDecodeError: it is none, or of another version; the socket is still the caller's.
    """
    values: Any = cbor2.loads(parcel.payload)
    match values:
        case [
            int(version),
            int(source),
            int(number),
            str(remote),
            bytes(unread),
            bytes(unsent),
            bytes(state),
        ] if version == _VERSION:
            stream = DetachedSocket(parcel.sock, remote, unread, unsent)
            return Moving(stream, HandOff(state), source, number)
        case _:
            raise ValueError
