"""One non-blocking socket as a link: what is read, what is unsent, and how it ends.

Owns: the socket, the bytes that the kernel has not taken yet, and the one message that the owner's mailbox
had no room for. An idle link holds no buffer at all.

Talks to: its ``SocketNetwork``, which says when the socket is readable or writable, and looks after time.

The states, and what ends each:

    OPEN ──close()──► FLUSHING ──all sent──► LINGERING ──peer's end, or time──► ENDED
      │                   └──error, time, abort()──────────────────────────────► ENDED
      └──eof, error, abort(), detach()─────────────────────────────────────────► ENDED

Rule 1: only the reading side finds out that a peer is gone. A ``send`` that fails just stops the sending,
since what the peer said before it left (perhaps why it leaves) may still wait in the receive buffer.
Rule 2: ``LinkClosed`` is told on the way into ENDED, except from LINGERING, whose owner already has it, and
after ``detach()``, since the stream goes on elsewhere.
"""

import errno
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from actors.errors import MailboxFullError
from actors.network import LinkClosed, LinkOwner, Received

# As much as one read takes. Python allocates this much for each read before it knows how little came: with
# 64 KiB that costs 1.2 µs more than with 16 KiB, as much as the recv() itself (measured, 64-byte messages).
READ_BYTES = 16_384

# What a peer may still send in one go after our goodbye before it is cut off: it may have been in
# mid-message. In how many goes is bounded by the time that a link lingers.
LINGER_BYTES = 1_048_576

# SO_LINGER on, zero seconds: close() sends a reset and drops what is unsent.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

_REASONS = {
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ECONNABORTED: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
}


class LinkState(Enum):
    """Where a link is in its life; see the module's diagram."""

    OPEN = auto()
    FLUSHING = auto()
    LINGERING = auto()
    ENDED = auto()


class LinkHub(Protocol):
    """What a socket link needs of the network it belongs to."""

    def await_readable(self, link: "SocketLink") -> None:
        """Call ``link.on_readable`` when there is something to read; asking twice does no harm."""

    def await_writable(self, link: "SocketLink") -> None:
        """Call ``link.on_writable`` when the kernel takes more; asking twice does no harm."""

    def await_room(self, link: "SocketLink") -> None:
        """Call ``link.tell_untold`` again soon: the owner's mailbox was full."""

    def watch_closing(self, link: "SocketLink") -> None:
        """Call ``link.on_close_timeout`` unless the link leaves the state it is in now in bounded time."""

    def forget(self, link: "SocketLink") -> None:
        """The link is about to close its socket: name it no more."""

    def let_go(self, link: "SocketLink") -> None:
        """The link is about to give its socket away, open: watch it no more."""


@dataclass(slots=True)
class DetachedSocket:
    """A ``Detached`` over sockets: the socket, and what of its stream is on our side of the kernel."""

    sock: socket.socket
    remote: str
    unread: bytes = field(default=b"", repr=False)
    """Read from the socket, and not told to the owner."""
    unsent: bytes = field(default=b"", repr=False)
    """Written by the owner, and not taken by the kernel."""

    def discard(self) -> None:
        """See ``Detached.discard``."""
        if self.sock.fileno() != -1:
            _reset_on_close(self.sock)
            self.sock.close()


class SocketLink:
    """A ``Link`` over a connected, non-blocking stream socket."""

    __slots__ = (
        "_fault",
        "_hub",
        "_hung_up",
        "_owner",
        "_readable",
        "_sock",
        "_state",
        "_unsent",
        "_untold",
        "_wants",
        "remote",
        "unsent_bytes",
    )

    def __init__(self, sock: socket.socket, remote: str, hub: LinkHub) -> None:
        self.remote = remote
        self.unsent_bytes = 0
        self._sock = sock
        self._hub = hub
        self._owner: LinkOwner | None = None
        self._state = LinkState.OPEN
        self._wants = False  # the owner waits for the next Received
        self._readable = False  # the kernel may hold bytes that no further event will announce
        self._hung_up = False  # the peer's end was announced: it is the last event, so stay readable
        self._fault: str | None = None  # why sending failed, until the reading side comes to the end
        self._untold: Received | LinkClosed | None = None  # no owner yet, or its mailbox was full
        self._unsent: deque[bytes | memoryview] | None = None  # None while nothing is unsent

    # -- for the owner --

    def activate(self, owner: LinkOwner) -> None:
        """See ``Link.activate``."""
        self._owner = owner
        if self._untold is not None:
            self.tell_untold()
        else:
            self.resume()

    def resume(self) -> None:
        """See ``Link.resume``."""
        # With something untold the owner has not been given the Received that it would be resuming from.
        if self._state is not LinkState.OPEN or self._owner is None or self._untold is not None:
            return
        self._wants = True
        if self._readable:
            self._read()
        else:
            self._hub.await_readable(self)

    def write(self, data: bytes) -> None:
        """See ``Link.write``."""
        if self._state is not LinkState.OPEN or self._fault is not None or not data:
            return
        if self._unsent is not None:
            self._unsent.append(data)
            self.unsent_bytes += len(data)
            return
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._stop_sending(_reason(error))
            return
        if sent < len(data):
            self._unsent = deque((memoryview(data)[sent:],))
            self.unsent_bytes = len(data) - sent
            self._hub.await_writable(self)

    def close(self) -> None:
        """See ``Link.close``."""
        if self._state is not LinkState.OPEN:
            return
        self._wants = False
        self._untold = None
        if self._fault is not None:
            self._end(self._fault)
        elif self._unsent is None:
            self._say_goodbye()
        else:
            self._state = LinkState.FLUSHING
            self._hub.watch_closing(self)

    def abort(self) -> None:
        """See ``Link.abort``; also after the goodbye, which a reset would take back, it is a no-op."""
        if self._state in (LinkState.LINGERING, LinkState.ENDED):
            return
        _reset_on_close(self._sock)
        self._end("aborted")

    def detach(self) -> DetachedSocket | None:
        """See ``Link.detach``."""
        if self._state is not LinkState.OPEN:
            return None
        unread = self._untold.data if isinstance(self._untold, Received) else b""
        unsent = b"".join(self._unsent or ())
        self._hub.let_go(self)
        old = self._sock
        sock = socket.socket(old.family, old.type, old.proto, fileno=old.detach())
        # What the kernel has announced is not handed over: whoever watches the socket next is told anew.
        self._forget_stream()
        return DetachedSocket(sock, self.remote, unread, unsent)

    # -- for the network --

    def continue_with(self, unread: bytes, unsent: bytes) -> None:
        """Take over the stream of a link that was detached; called once, before anything else."""
        if unread:
            self._untold = Received(unread)
        self.write(unsent)

    def fileno(self) -> int:
        """The socket's descriptor; -1 once the link has ended."""
        return self._sock.fileno()

    @property
    def is_orphaned(self) -> bool:
        """Whether the link is open and had an owner, and it has died.

        One that its owner has closed is not orphaned: an actor may say its last words, close, and stop.
        """
        return self._state is LinkState.OPEN and self._owner is not None and not self._owner.is_alive

    def on_readable(self, hung_up: bool = False) -> None:
        """There is something to read: bytes, an end or an error.

        Args:
            hung_up: the network will announce nothing further, since the peer has ended its side.
        """
        self._readable = True
        if hung_up:
            self._hung_up = True
        if self._wants:
            self._read()
        elif self._state is LinkState.LINGERING:
            self._discard()

    def on_writable(self) -> None:
        """The kernel takes more: send what is unsent."""
        unsent = self._unsent
        while unsent:
            head = unsent[0]
            try:
                sent = self._sock.send(head)
            except BlockingIOError:
                self._hub.await_writable(self)
                return
            except OSError as error:
                self._stop_sending(_reason(error))
                return
            self.unsent_bytes -= sent
            if sent == len(head):
                unsent.popleft()
            else:
                unsent[0] = memoryview(head)[sent:]
        self._unsent = None
        if self._state is LinkState.FLUSHING:
            self._say_goodbye()

    def on_close_timeout(self) -> None:
        """The time for the state that ``watch_closing`` was called in is up."""
        if self._state is LinkState.FLUSHING:
            self._end("flush-timeout")
        elif self._state is LinkState.LINGERING:
            self._release()

    def tell_untold(self) -> None:
        """Try again to tell what the owner's mailbox had no room for."""
        message, self._untold = self._untold, None
        if message is not None:
            self._tell(message)

    # -- reading --

    def _read(self) -> None:
        try:
            data = self._sock.recv(READ_BYTES)
        except BlockingIOError:
            self._readable = False
            self._hub.await_readable(self)
            return
        except OSError as error:
            self._end(self._fault or _reason(error))
            return
        if not data:
            self._end(self._fault or "eof")
            return
        self._wants = False
        # A short read has emptied the buffer, so the next bytes bring their own event, epoll(7) says; that
        # saves the read that would only say "nothing there". Not so after the last event of all.
        if len(data) < READ_BYTES and not self._hung_up:
            self._readable = False
        self._tell(Received(data))

    def _tell(self, message: Received | LinkClosed) -> None:
        if self._owner is None:
            self._untold = message
            return
        try:
            self._owner.tell_nowait(message)
        except MailboxFullError:
            self._untold = message
            self._hub.await_room(self)

    # -- ending --

    def _stop_sending(self, reason: str) -> None:
        self._unsent = None
        self.unsent_bytes = 0
        if self._state is LinkState.FLUSHING:
            self._end(reason)
            return
        self._fault = reason
        self.on_readable(hung_up=True)

    def _say_goodbye(self) -> None:
        # Closing a socket whose receive buffer is not empty makes the kernel send a reset, which may destroy
        # our last words on their way to the peer. So: end our side only, and read on, into nothing, until the
        # peer has ended its own (RFC 1122, 4.2.2.13; nginx calls it lingering close).
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._end(_reason(error))
            return
        self._state = LinkState.LINGERING
        self._tell(LinkClosed("closed"))
        self._hub.watch_closing(self)
        self._discard()

    def _discard(self) -> None:
        for _ in range(LINGER_BYTES // READ_BYTES):
            try:
                if not self._sock.recv(READ_BYTES):
                    break
            except BlockingIOError:
                self._hub.await_readable(self)
                return
            except OSError:
                break
        self._release()

    def _end(self, reason: str) -> None:
        self._release()
        self._tell(LinkClosed(reason))

    def _release(self) -> None:
        self._forget_stream()
        self._hub.forget(self)
        self._sock.close()

    def _forget_stream(self) -> None:
        self._state = LinkState.ENDED
        self._wants = False
        self._untold = None
        self._unsent = None
        self.unsent_bytes = 0


def _reset_on_close(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    except OSError:
        pass  # some systems refuse it on a socket that the peer has reset: it is gone all the same


def _reason(error: OSError) -> str:
    number = error.errno or 0
    return _REASONS.get(number) or errno.errorcode.get(number, "oserror").lower()
