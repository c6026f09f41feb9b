"""The proxy's end of a TCP connection: of one to a client, or of one to the node."""

from __future__ import annotations

import socket
import struct
from typing import Protocol

import trio

_LINGER_NOT = struct.pack("ii", 1, 0)


class Side(Protocol):
    """A byte stream that can be ended in both ways of TCP."""

    async def receive(self, most: int) -> bytes:
        """Some bytes, or none at their end. Raises trio.BrokenResourceError if it was reset or closed."""
        ...

    async def send(self, data: bytes) -> None:
        """Send all. Raises trio.BrokenResourceError if it was reset or closed."""
        ...

    def finish(self) -> None:
        """Say that no more will be sent (FIN)."""
        ...

    def reset(self) -> None:
        """End it at once (RST); what was not yet read is lost."""
        ...

    def close(self) -> None:
        """Give it up; what was sent still arrives."""
        ...


class SocketSide:
    """A ``Side`` that is a socket."""

    def __init__(self, connection: trio.socket.SocketType) -> None:
        self._socket = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def receive(self, most: int) -> bytes:
        try:
            return await self._socket.recv(most)
        except (OSError, trio.ClosedResourceError) as error:
            raise trio.BrokenResourceError from error

    async def send(self, data: bytes) -> None:
        try:
            sent = await self._socket.send(data)
            while sent < len(data):
                sent += await self._socket.send(data[sent:])
        except (OSError, trio.ClosedResourceError) as error:
            raise trio.BrokenResourceError from error

    def finish(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other end is gone altogether

    def reset(self) -> None:
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        except OSError:
            pass  # closed before
        self._socket.close()

    def close(self) -> None:
        self._socket.close()


async def dial(port: int) -> SocketSide:
    """Connect to a port of this machine. Raises OSError, such as ConnectionRefusedError."""
    connection = trio.socket.socket()
    try:
        await connection.connect(("127.0.0.1", port))
        return SocketSide(connection)
    except BaseException:
        connection.close()
        raise
