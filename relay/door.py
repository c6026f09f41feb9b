"""The admin endpoint's listening socket: opened before the tree, so that a taken address is a clear error."""

import os
import socket

from relay.config import HostPort
from relay.errors import AddressInUseError

BACKLOG = 16
"""Operators and their scrapers; no crowd."""

ADVICE = "choose another with --admin HOST:PORT, or turn it off with --admin off"


class Door:
    """The socket; it belongs to the node, so it is still there for the endpoint's next life."""

    def __init__(self, place: HostPort) -> None:
        """Open it.

        Raises:
            AddressInUseError: it cannot be opened; says what to do about it.
        """
        try:
            self._socket = socket.create_server(
                place, family=socket.AF_INET6 if ":" in place.host else socket.AF_INET, backlog=BACKLOG
            )
        except OSError as error:
            raise AddressInUseError("operators", str(place), error, ADVICE) from None
        self._socket.setblocking(False)

    @property
    def url(self) -> str:
        """Where it is, with the port that it really has."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{HostPort(host, port)}"

    def duplicate(self) -> int:
        """A descriptor of its own for a server that closes what it is given."""
        return os.dup(self._socket.fileno())

    def close(self) -> None:
        """Give the address back."""
        self._socket.close()
