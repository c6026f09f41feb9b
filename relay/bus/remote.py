"""What is at other workers, as this one sees it: correspondents and sources, and boards to watch.

What is said here arrives at the device's own worker, which finds its connection and says it there
(abroad.py).
"""

from collections.abc import Sequence

from protocol import DeviceAddress, ErrorCode, MessageNumber, Run, UserId
from relay.bus import messages as m
from relay.bus.chat import ChatId
from relay.bus.peer import Peer
from relay.correspondent import Source


class RemoteDevice:
    """A device that is connected to another worker, if it is connected at all: that worker knows."""

    __slots__ = ("_device", "_peer")

    def __init__(self, peer: Peer, device: DeviceAddress) -> None:
        self._peer = peer
        self._device = device

    def accepted(self, user: ChatId, number: MessageNumber) -> None:
        """See correspondent.py; likewise below."""
        self._peer.tell(m.Accepted(self._device, user, number))

    def delivered(self, user: ChatId, number: MessageNumber) -> None:
        """✓✓."""
        self._peer.tell(m.Delivered(self._device, user, number))

    def read(self, user: ChatId, number: MessageNumber) -> None:
        """Blue ✓✓."""
        self._peer.tell(m.Read(self._device, user, number))

    def expired(self, user: ChatId, runs: Sequence[Run]) -> None:
        """✗."""
        self._peer.tell(m.Expired(self._device, user, tuple(runs)))

    def presence(self, user: UserId, is_online: bool, last_seen: int | None) -> None:
        """How somebody is whom the device watches."""
        self._peer.tell(m.Presence(self._device, user, int(is_online), last_seen))

    def replaces(self, source: Source) -> bool:
        """Whether the source belongs to an era that is over.

        Within an era the device's own worker sees to it that nothing comes from a connection after something
        from a newer one (abroad.py), and the bus keeps the order.
        """
        return not isinstance(source, RemoteSource) or source.is_void

    def close(self, code: ErrorCode) -> None:
        """See correspondent.py."""
        self._peer.tell(m.Close(self._device, code))


class RemoteSource:
    """One connection of such a device, for the length of an era.

    After that it is silent: connections are counted anew by a worker that was restarted, and what it would
    have said is found out by an inquiry.
    """

    __slots__ = ("_connection", "_device", "_era", "_peer", "_round")

    def __init__(self, peer: Peer, device: DeviceAddress, connection: int, round_: int = 0) -> None:
        self._peer = peer
        self._era = peer.era
        self._device = device
        self._connection = connection
        self._round = round_  # of the inquiry that is answered through this; 0 for messages

    @property
    def is_void(self) -> bool:
        """Whether its era is over."""
        return self._era != self._peer.era or not self._peer.is_up

    def refused(
        self,
        user: ChatId,
        number: MessageNumber,
        code: ErrorCode,
        detail: int | tuple[int, ...] | None = None,
    ) -> None:
        """See correspondent.py."""
        if not self.is_void:
            self._peer.tell(
                m.Refused(self._device, self._connection, user, number, code, detail, self._round)
            )

    def voided(self, user: ChatId, first: MessageNumber, last: MessageNumber, code: ErrorCode) -> None:
        """See correspondent.py."""
        if not self.is_void:
            self._peer.tell(m.Voided(self._device, self._connection, user, first, last, code))


class RemoteBoard:
    """Where a user of another worker is watched."""

    __slots__ = ("_peer",)

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def watch(self, watcher: DeviceAddress, user: UserId) -> None:
        """See watching.py; what does not arrive is said again when the peer is back."""
        self._peer.tell(m.Watch(watcher, user))

    def unwatch(self, watcher: DeviceAddress, user: UserId) -> None:
        """Likewise: a peer that is back has forgotten it."""
        self._peer.tell(m.Unwatch(watcher, user))
