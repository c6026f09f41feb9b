"""Who is connected to this worker: device → connection, and all connections that are open.

A plain object and no actor: it is read and written within one turn of one thread, many times a message, and
has no failure of its own to isolate. Its entries live as long as their connection actors, which enter and
remove themselves.

Invariant: at most one connection for a device; entering a second one hands back the first, to be replaced.
Not here: the volatile routing table that other processes can read (storage/routing.py).
"""

from collections.abc import Iterator

from protocol import DeviceAddress
from relay.deadlines import Deadlines
from relay.outgoing import Outgoing


class Presence:
    """The connections of one worker."""

    __slots__ = ("_by_device", "deadlines", "handshakes")

    def __init__(self) -> None:
        self.deadlines = Deadlines()  # of all open connections
        self._by_device: dict[DeviceAddress, Outgoing] = {}
        self.handshakes = 0  # open connections that have not said yet who they are

    def opened(self, outgoing: Outgoing, look_at: int) -> None:
        """A connection was accepted; it counts as a handshake until `identified`, and is looked at then."""
        self.deadlines.put(outgoing, look_at)
        self.handshakes += 1

    def identified(self, outgoing: Outgoing) -> None:
        """Its handshake is done, whatever came out of it."""
        if not outgoing.identified:
            outgoing.identified = True
            self.handshakes -= 1

    def closed(self, outgoing: Outgoing) -> None:
        """It has ended. Harmless if it was never entered, or twice."""
        if self.deadlines.remove(outgoing):
            self.identified(outgoing)

    def login(self, device: DeviceAddress, outgoing: Outgoing) -> Outgoing | None:
        """Enter a device's connection; returns the one that it replaces."""
        before = self._by_device.get(device)
        self._by_device[device] = outgoing
        return before if before is not outgoing else None

    def logout(self, device: DeviceAddress, outgoing: Outgoing) -> bool:
        """Remove a device's connection unless a newer one has taken its place; says whether it did."""
        if self._by_device.get(device) is not outgoing:
            return False
        del self._by_device[device]
        return True

    def of_device(self, device: DeviceAddress) -> Outgoing | None:
        """The connection of a device, or None if it is offline."""
        return self._by_device.get(device)

    def connections(self) -> Iterator[Outgoing]:
        """All open connections, as they were when asked."""
        return iter(self.deadlines)

    @property
    def connection_count(self) -> int:
        """Open connections, handshakes and strangers included."""
        return len(self.deadlines)

    @property
    def device_count(self) -> int:
        """Devices that are logged in."""
        return len(self._by_device)

    def user_count(self) -> int:
        """Users with a device that is logged in; counts when asked."""
        return len(dict.fromkeys(device.user for device in self._by_device))
