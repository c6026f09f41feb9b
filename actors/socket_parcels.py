"""Parcels: open sockets that one process hands to another of the same machine, each with some bytes.

A parcel travels as one message over a Unix SOCK_SEQPACKET socket, with the descriptor beside it (SCM_RIGHTS):
whole or not at all, in order, and the kernel itself owns what is on the way. Each process has one inbox, and
one outbox for each other process that it hands parcels to.

What becomes of a parcel is defined:

    the other process is not there, or goes   ``undelivered`` with GONE, at once
    it does not keep up                       the parcel waits; ``undelivered`` with FULL when it has waited
                                              ``PATIENCE_SECONDS``, or behind ``MAX_WAITING`` others
    it was restarted                          delivered to the new process
    it dies with the parcel unread            the kernel closes the socket, which its peer sees
    it has no descriptor left                 the same, and its log says so

Rule 1: nothing here waits in ``send``, and nothing is unbounded.
Rule 2: a socket is open in one process at a time, but for the moment that it is on its way; whoever has a
    parcel owns it and closes it or hands it on. No path leaves a descriptor behind.
Linux only: no other system has SOCK_SEQPACKET for Unix sockets.
"""

import array
import errno
import logging
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Final

import trio

from actors.local_socket import file_identity, listen_local, remove_local, short_address

log = logging.getLogger("roost.actors")

# Fits the send buffer that every Linux gives a socket (212,992 bytes, doubled, less what the kernel keeps).
MAX_PARCEL_BYTES: Final = 192 * 1024

# What one outbox keeps when the kernel's buffer (some 400 parcels) is full. Each holds a descriptor.
MAX_WAITING: Final = 256

# As long as a process may be busy with something else (a collection, a slow disk) before we stop waiting.
PATIENCE_SECONDS: Final = 2.0

# How often a full socket is tried again. Waiting for it to be writable would not do: the kernel also refuses
# when too many descriptors are on their way, and no event says when that is over.
RETRY_SECONDS: Final = 0.01

# How many parcels an inbox holds for whoever takes them: as many descriptors. The rest waits in the kernel.
INBOX_PARCELS: Final = 16

BACKLOG: Final = 128  # processes that connect at the same time: twice as many as a node can have
PAUSE_SECONDS: Final = 0.1  # between two attempts to accept without a descriptor left
LOG_EVERY_SECONDS: Final = 5.0

_DESCRIPTOR: Final = array.array("i").itemsize
_FULL: Final = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS})
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(frozen=True, slots=True)
class Parcel:
    """A socket and what to know about it. Whoever has it closes it, or hands it on."""

    sock: socket.socket
    payload: bytes = field(repr=False)
    """Not empty."""


class Failure(Enum):
    """Why a parcel was not delivered."""

    GONE = auto()
    """Nobody is there; it may be back in a moment."""
    FULL = auto()
    """The other process does not keep up."""
    TOO_LARGE = auto()
    """More than ``MAX_PARCEL_BYTES``."""


Undelivered = Callable[[Parcel, Failure], None]
"""Told of a parcel that will not arrive; it is the callee's from then on. Must not raise."""


class Outbox:
    """Hands parcels to one other process. Made by ``open_outbox``.

    Invariant: ``_waiting`` is empty unless the other process is there and its socket was full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sock: socket.socket | None = None  # connected by the first parcel
        self._waiting: deque[tuple[float, Parcel, Undelivered]] = deque()  # (trio time to give up at, ...)
        self._needed = trio.Event()  # set when something waits

    @property
    def waiting(self) -> int:
        """Parcels that wait for room: a health number."""
        return len(self._waiting)

    def send(self, parcel: Parcel, undelivered: Undelivered) -> None:
        """Hand a parcel over. Returns at once; the parcel is not the caller's any more, whatever happens.

        ``undelivered`` may be called before this returns, or later; or never, if it could be handed over.
        """
        failure = Failure.FULL if self._waiting else self._try(parcel)
        if failure is Failure.FULL and len(self._waiting) < MAX_WAITING:
            self._waiting.append((trio.current_time() + PATIENCE_SECONDS, parcel, undelivered))
            self._needed.set()
        elif failure is not None:
            undelivered(parcel, failure)

    async def run(self) -> None:
        """Send what waits, until cancelled."""
        while True:
            await self._needed.wait()
            self._needed = trio.Event()
            while self._waiting:
                await trio.sleep(RETRY_SECONDS)
                self._send_waiting()

    def close(self) -> None:
        """Give up what waits (GONE), and the connection."""
        self._give_up(Failure.GONE, float("inf"))
        self._disconnect()

    def _send_waiting(self) -> None:
        while self._waiting:
            _, parcel, undelivered = self._waiting[0]
            failure = self._try(parcel)
            if failure is Failure.FULL:
                self._give_up(Failure.FULL, trio.current_time())
                return
            if failure is Failure.GONE:
                self._give_up(Failure.GONE, float("inf"))
                return
            self._waiting.popleft()
            if failure is not None:
                undelivered(parcel, failure)

    def _give_up(self, failure: Failure, overdue_at: float) -> None:
        while self._waiting and self._waiting[0][0] <= overdue_at:
            _, parcel, undelivered = self._waiting.popleft()
            undelivered(parcel, failure)

    def _try(self, parcel: Parcel) -> Failure | None:
        """Hand a parcel to the kernel, and close our descriptor of it; or say why not."""
        if len(parcel.payload) > MAX_PARCEL_BYTES:
            return Failure.TOO_LARGE
        failure: Failure | None = Failure.GONE
        # Twice, because what was connected to a process that is gone shows that only when it is used.
        for _ in range(2):
            failure = self._connect() or self._hand_to_kernel(parcel)
            if failure is not Failure.GONE:
                break
        return failure

    def _connect(self) -> Failure | None:
        if self._sock is not None:
            return None
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_PARCEL_BYTES)  # the kernel doubles it
            with short_address(self._path) as address:
                sock.connect(address)
        except OSError as error:
            sock.close()
            return Failure.FULL if error.errno in _FULL else Failure.GONE
        self._sock = sock
        return None

    def _hand_to_kernel(self, parcel: Parcel) -> Failure | None:
        assert self._sock is not None
        descriptors = array.array("i", [parcel.sock.fileno()])
        beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)]
        try:
            self._sock.sendmsg([parcel.payload], beside, socket.MSG_NOSIGNAL)
        except OSError as error:
            if error.errno in _FULL:
                return Failure.FULL
            self._disconnect()
            return Failure.GONE
        parcel.sock.close()
        return None

    def _disconnect(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None


class Inbox:
    """Where other processes hand parcels in. Made by ``open_inbox``."""

    def __init__(self, path: Path) -> None:
        self.lost = 0
        """Parcels that came without their socket: this process had no descriptor for it."""
        self._path = path
        self._listening = listen_local(path, BACKLOG, socket.SOCK_SEQPACKET)
        self._identity = file_identity(path)
        self._arrived, self._taken = trio.open_memory_channel[Parcel](INBOX_PARCELS)
        self._peers: dict[socket.socket, None] = {}
        self._is_closed = False
        self._buffer = bytearray(MAX_PARCEL_BYTES)
        self._log_again_at = 0.0  # trio time

    async def take(self) -> Parcel:
        """Wait for the next parcel, of whichever process.

        Cancellation loses none.

        Raises:
            trio.ClosedResourceError: the inbox was closed.
        """
        return await self._taken.receive()

    async def run(self) -> None:
        """Take in what the others send, until closed or cancelled."""
        async with trio.open_nursery() as nursery:
            while not self._is_closed:
                try:
                    peer, _ = self._listening.accept()
                except BlockingIOError:
                    with suppress(trio.ClosedResourceError):
                        await trio.lowlevel.wait_readable(self._listening)
                except OSError as error:
                    if error.errno not in _NO_ROOM:
                        raise
                    await trio.sleep(PAUSE_SECONDS)
                else:
                    self._peers[peer] = None
                    nursery.start_soon(self._read, peer)

    def close(self) -> None:
        """Let nobody in any more, let go of those who are, and close what nobody has taken. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        remove_local(self._path, self._identity)
        # At once and not when the tasks get round to it: whoever sends from now on must be told.
        for sock in (self._listening, *self._peers):
            trio.lowlevel.notify_closing(sock)
            sock.close()
        self._arrived.close()
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while True:
                self._taken.receive_nowait().sock.close()
        self._taken.close()

    async def _read(self, peer: socket.socket) -> None:
        """Take in the parcels of one process, until it goes."""
        peer.setblocking(False)
        try:
            while not self._is_closed:
                await trio.lowlevel.wait_readable(peer)
                while (parcel := self._receive(peer)) is not None:
                    await self._put(parcel)
        except (_PeerGoneError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self._peers.pop(peer, None)
            peer.close()

    async def _put(self, parcel: Parcel) -> None:
        """Wait until there is room for it; the next ones wait in the kernel, and then at the sender."""
        try:
            await self._arrived.send(parcel)
        except BaseException:
            parcel.sock.close()
            raise

    def _receive(self, peer: socket.socket) -> Parcel | None:
        """Take one parcel out of the kernel; None if there is none.

        Raises:
            _PeerGoneError: there will be none any more.
        """
        while True:
            try:
                size, beside, flags, _ = peer.recvmsg_into(
                    [self._buffer], socket.CMSG_SPACE(_DESCRIPTOR), socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return None
            except OSError:
                raise _PeerGoneError from None
            if not size:
                raise _PeerGoneError
            sockets = _sockets_in(beside)
            if len(sockets) == 1 and not flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                return Parcel(sockets[0], bytes(memoryview(self._buffer)[:size]))
            for sock in sockets:
                sock.close()
            self._note_lost()

    def _note_lost(self) -> None:
        self.lost += 1
        now = trio.current_time()
        if now >= self._log_again_at:
            self._log_again_at = now + LOG_EVERY_SECONDS
            hint = "raise the limit of open files (ulimit -n)"
            log.error("parcel_without_socket", extra={"lost": self.lost, "hint": hint})


class _PeerGoneError(Exception):
    """The process at the other end has closed its outbox, or died."""


def _sockets_in(beside: list[tuple[int, int, bytes]]) -> list[socket.socket]:
    descriptors = array.array("i")
    for level, kind, data in beside:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(data[: len(data) - len(data) % _DESCRIPTOR])
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


@asynccontextmanager
async def open_inbox(path: Path) -> AsyncIterator[Inbox]:
    """Take parcels at ``path`` for the length of the block.

    Raises:
        OSError: as ``local_socket.listen_local``.
    """
    inbox = Inbox(path)
    async with _running(inbox):
        yield inbox


@asynccontextmanager
async def open_outbox(path: Path) -> AsyncIterator[Outbox]:
    """Hand parcels to the process whose inbox is at ``path``, for the length of the block.

    The process need not be there yet. Leaving the block gives up what waits.
    """
    outbox = Outbox(path)
    async with _running(outbox):
        yield outbox


@asynccontextmanager
async def _running(box: Inbox | Outbox) -> AsyncIterator[None]:
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(box.run)
            yield
            nursery.cancel_scope.cancel()
    finally:
        box.close()
