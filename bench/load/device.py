"""A phone of the load: one socket and its wire, from connecting to hanging up.

What a device does about what it hears is its subclass'; what all of a process' devices do together is their
crew's (crew.py), which a device tells when it is online and when it is lost.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import TYPE_CHECKING, Any, Final

from bench.accounts import Account
from bench.load.loop import READ, WRITE
from bench.load.wire import PING, PONG, REFUSALS, WELCOME, Item, RefusedError, Wire, refusal
from protocol import ProtocolError

if TYPE_CHECKING:
    from bench.load.crew import Crew

READ_BYTES: Final = 65_536

# The places of two fields in a Welcome: seconds between pings, and how many messages wait.
KEEPALIVE: Final = 4
QUEUED: Final = 6

# Linux: choose the port when connecting, not when binding, so that it has to be free only towards this relay
# (ip(7)). The socket module has no name for it before Python 3.12.
IP_BIND_ADDRESS_NO_PORT: Final = 24

# Hang up without waiting: thousands of sockets in TIME_WAIT would use up the ports of the next run.
LINGER_NOT: Final = b"\x01\x00\x00\x00\x00\x00\x00\x00"


class Device:
    """Logs in, pings and answers pings, and says nothing else.

    Args:
        crew: who is told.
        account: who this is.
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
        "wire",
    )

    def __init__(self, crew: Crew, account: Account, source: str) -> None:
        self.crew = crew
        self.account = account
        self.source = source
        self.is_online = False
        self.is_connected = False
        self.began = 0.0  # when it last began to connect
        self.keepalive = 0.0  # seconds between pings, as the relay wants it
        self.wire: Wire
        self._socket: socket.socket | None = None
        self._unsent = b""

    # --- coming and going ---

    def connect(self, relay_key: bytes | None) -> None:
        """Begin to connect; the crew hears of it by `came_online` or `was_lost`.

        Args:
            relay_key: for a resumed login (IK); None for a first contact (XX).
        """
        self.began = time.perf_counter()
        self.wire = Wire(self.account.keys, relay_key)
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

    # --- hearing ---

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
                raise ConnectionResetError("the relay hung up")
            now = time.perf_counter()
            for item in self.wire.receive(data):
                self._hear(item, now)
            self.heard_all(now)
        except BlockingIOError:
            return
        except (OSError, ProtocolError, RefusedError) as error:
            self._lose(error)
            return
        self.flush()

    def _hear(self, item: Item, now: float) -> None:
        if type(item) is tuple:
            kind = item[0]
            if kind == WELCOME:
                self._be_welcome(item, now)
            elif kind in REFUSALS:
                raise refusal(item)
            else:
                self.hear(kind, item, now)
        elif item == PING:
            self.wire.say(PONG)
        elif item == PONG:
            self.ponged()

    def _be_welcome(self, item: tuple[Any, ...], now: float) -> None:
        self.is_online = True
        self.keepalive = item[KEEPALIVE]
        self.welcomed(item[QUEUED])
        self.crew.came_online(self, now)

    def welcomed(self, queued: int) -> None:
        """The relay knows who this is, and so many messages wait for it."""

    def ponged(self) -> None:
        """Everything that was said before the ping has been heard; there may be nothing to say for long."""
        self.wire.rest()

    def hear(self, kind: int, item: tuple[Any, ...], now: float) -> None:
        """Act on one stanza that is nobody else's business."""

    def heard_all(self, now: float) -> None:
        """Everything that was read at `now` has been heard; what is said now goes out in one frame."""

    # --- saying ---

    def flush(self) -> None:
        """Write what waits; what the socket does not take goes when it does."""
        if self._unsent or self._socket is None:
            return
        self._send(self.wire.data_to_send())

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
