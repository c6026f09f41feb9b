"""One socket of the load, whatever it speaks: connects, reads, writes, hangs up.

Which protocol is spoken is its subclass' business: a Roost device (device.py), or a client of a peer
(bench/peers). What all of a process' endpoints do together is their crew's (crew.py), which an endpoint tells
when it is online and when it is lost.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

from bench.errors import WireError
from bench.load.loop import READ, WRITE
from protocol import ProtocolError

if TYPE_CHECKING:
    from bench.load.crew import Crew

READ_BYTES: Final = 65_536

# Linux: choose the port when connecting, not when binding, so that it has to be free only towards this relay
# (ip(7)). The socket module has no name for it before Python 3.12.
IP_BIND_ADDRESS_NO_PORT: Final = 24

# Hang up without waiting: thousands of sockets in TIME_WAIT would use up the ports of the next run.
LINGER_NOT: Final = b"\x01\x00\x00\x00\x00\x00\x00\x00"


class Endpoint(ABC):
    """A socket and who it is for; the protocol is missing.

    Args:
        crew: who is told.
        account: who this is; of which kind depends on the system that is measured.
        source: the local address to connect from.
    """

    __slots__ = (
        "_socket",
        "_unsent",
        "account",
        "began",
        "crew",
        "is_connected",
        "is_online",
        "keepalive",
        "source",
    )

    account: Any

    def __init__(self, crew: Crew, account: Any, source: str) -> None:
        self.crew = crew
        self.account = account
        self.source = source
        self.is_online = False
        self.is_connected = False
        self.began = 0.0  # when it last began to connect
        self.keepalive = 0.0  # seconds between pings, as the server wants it
        self._socket: socket.socket | None = None
        self._unsent = b""

    # --- each protocol's own ---

    @abstractmethod
    def begin(self, key: bytes | None) -> None:
        """Forget the old connection, and prepare what is said first on a new one.

        Args:
            key: what is known of the server: its static key, or nothing.
        """

    @abstractmethod
    def receive(self, data: bytes, now: float) -> None:
        """Act on what the network has brought.

        Raises:
            WireError: the server refuses us, or does not speak our language.
        """

    def heard_all(self, now: float) -> None:  # noqa: B027 - whoever answers each word at once has no need of it
        """Everything that was read at `now` has been heard; what is said now goes out together."""

    @abstractmethod
    def data_to_send(self) -> bytes:
        """Take what is to be written."""

    @abstractmethod
    def ping(self) -> None:
        """Say the protocol's word for 'I am still here'; the caller flushes."""

    def rest(self) -> None:  # noqa: B027 - not every protocol keeps something
        """There may be nothing to say for long: give back what is not needed for that."""

    # --- coming and going ---

    def connect(self, key: bytes | None) -> None:
        """Begin to connect; the crew hears of it by `came_online` or `was_lost`.

        Args:
            key: as for `begin`.
        """
        self.began = time.perf_counter()
        self.begin(key)
        self._socket = made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.source:
            made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            made.bind((self.source, 0))
        status = made.connect_ex(self.crew.relay)
        if status not in (0, errno.EINPROGRESS):
            self._lose(OSError(status, os.strerror(status)))
            return
        self.crew.loop.add(self, WRITE)

    def hang_up(self) -> None:
        """Close the socket at once, and tell nobody."""
        if self._socket is None:
            return
        self.crew.loop.remove(self)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self._socket.close()
        self._socket = None
        self._unsent = b""
        self.is_connected = self.is_online = False

    def fileno(self) -> int:
        """The socket's."""
        assert self._socket is not None
        return self._socket.fileno()

    @property
    def is_open(self) -> bool:
        """Whether there is a socket: between `connect` and the end of it."""
        return self._socket is not None

    # --- hearing and saying ---

    def ready(self, events: int) -> None:
        """Read what is there, act on it, and write what that leads to."""
        if events & WRITE and not self._write_on():
            return
        if events & ~WRITE:
            self._read()

    def _read(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(READ_BYTES)
            if not data:
                raise ConnectionResetError("the server hung up")
            now = time.perf_counter()
            self.receive(data, now)
            self.heard_all(now)
        except BlockingIOError:
            return
        except (OSError, ProtocolError, WireError) as error:
            self._lose(error)
            return
        self.flush()

    def flush(self) -> None:
        """Write what waits; what the socket does not take goes when it does."""
        if self._unsent or self._socket is None:
            return
        self._send(self.data_to_send())

    def _write_on(self) -> bool:
        """The socket takes something: the first time it is connected. False if that ended it."""
        assert self._socket is not None
        if not self.is_connected:
            status = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if status:
                self._lose(OSError(status, os.strerror(status)))
                return False
            self.is_connected = True
        unsent, self._unsent = self._unsent, b""
        self.crew.loop.change(self, READ)
        self._send(unsent)
        self.flush()
        return self._socket is not None

    def _send(self, data: bytes) -> None:
        """Give the socket what it takes, and keep the rest."""
        assert self._socket is not None
        try:
            taken = self._socket.send(data) if data else 0
        except BlockingIOError:
            taken = 0
        except OSError as error:
            self._lose(error)
            return
        if taken < len(data):
            self._unsent = data[taken:]
            self.crew.loop.change(self, READ | WRITE)

    def _lose(self, error: Exception) -> None:
        self.hang_up()
        self.crew.was_lost(self, error)
