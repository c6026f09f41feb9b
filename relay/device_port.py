"""The port for devices: listening sockets, one for each worker, that outlive the workers.

The parent opens them (SO_REUSEPORT: the kernel spreads new connections over them) and each worker inherits
its own. So a worker that was killed turns nobody away: who connects meanwhile waits in the socket's queue, a
fraction of a second, and finds the worker's next life there. A worker that listened by itself would lose its
queue with itself, and with a single worker all would be refused until it is back.

Rule 1: SO_REUSEPORT lets any process of the same user share the port, another node too, which would then take
    half of our connections. So the first look is without it: that fails if anybody at all has the port.
"""

import errno
import socket

import trio

from relay.config import HostPort
from relay.errors import AddressInUseError

BACKLOG = 1_024
"""Connections the kernel keeps until they are accepted, for each worker: a login storm comes faster than they
are taken."""

PATIENCE_SECONDS = 1.0
"""How long the workers of a parent that was killed may take to be gone; they notice within milliseconds."""

RETRY_SECONDS = 0.02

ADVICE = "choose another with --listen HOST:PORT (port 0: any free one)"
TAKEN_ADVICE = f"stop what runs there, or {ADVICE}"


class DevicePort:
    """The sockets of one port. Make it with `open_device_port`."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    @property
    def place(self) -> HostPort:
        """Where it is, with the port that it really has."""
        host, port = self._sockets[0].getsockname()[:2]
        return HostPort(host, port)

    def add(self, bound: socket.socket) -> None:
        """Take a socket over, and listen.

        Raises:
            OSError: somebody was faster.
        """
        self._sockets.append(bound)
        bound.listen(BACKLOG)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The listening sockets, by number of the worker."""
        return tuple(sock.fileno() for sock in self._sockets)

    def close(self) -> None:
        """Let go of the sockets; each is open for as long as its worker has it. Idempotent."""
        for sock in self._sockets:
            sock.close()


async def open_device_port(place: HostPort, workers: int) -> DevicePort:
    """Open the port for so many workers. Waits a moment for the remains of a node that was killed.

    Raises:
        AddressInUseError: it cannot be opened; says why, and what to do about it.
    """
    deadline = trio.current_time() + PATIENCE_SECONDS
    while True:
        try:
            return _open(place, workers)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or trio.current_time() > deadline:
                raise _refusal(place, error) from None
        await trio.sleep(RETRY_SECONDS)


def _open(place: HostPort, workers: int) -> DevicePort:
    first = _bound(place, is_shared=False)
    if workers == 1:
        alone = DevicePort()
        alone.add(first)
        return alone
    host, port = first.getsockname()[:2]
    first.close()
    opened = DevicePort()
    try:
        for _ in range(workers):
            opened.add(_bound(HostPort(host, port), is_shared=True))
    except BaseException:
        opened.close()
        raise
    return opened


def _bound(place: HostPort, *, is_shared: bool) -> socket.socket:
    found = socket.getaddrinfo(*place, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        # So that connections of an earlier run, which the kernel remembers for a minute, are no obstacle.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setblocking(False)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _refusal(place: HostPort, error: OSError) -> AddressInUseError:
    is_taken = error.errno == errno.EADDRINUSE
    return AddressInUseError("devices", str(place), error, TAKEN_ADVICE if is_taken else ADVICE)
