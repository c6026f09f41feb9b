"""The mailbox of a user of another worker, as a connection of this one sees it: the same words."""

from collections.abc import Sequence

from protocol import DeviceAddress, DeviceId, Send, UserId
from relay.bus import messages as m
from relay.bus.abroad import Abroad
from relay.bus.peer import Peer
from relay.devices import UserDevices
from relay.mailbox_handle import Waiting
from relay.outgoing import Outgoing


class RemoteMailbox:
    """How connections talk to a mailbox that is not here (mailbox_handle.py has those that are)."""

    __slots__ = ("_abroad", "_peer", "_user")

    ref = None
    """There is no actor here to be watched: abroad.py sees to what may be lost."""

    def __init__(self, abroad: Abroad, peer: Peer, user: UserId) -> None:
        self._abroad = abroad
        self._peer = peer
        self._user = user

    def submit(self, sender: DeviceAddress, source: Outgoing, messages: Sequence[Send]) -> Waiting:
        """Hand over messages; waits while the other worker is behind. What becomes of them is told later."""
        return self._abroad.submit(self._peer, sender, source, messages)

    def activity(self, sender: DeviceAddress, *, is_typing: bool) -> None:
        """Pass on that `sender` types or has paused; dropped if the other worker is behind, or not there."""
        self._abroad.activity(self._peer, sender, self._user, is_typing=is_typing)

    async def take_bundles(self, devices: tuple[DeviceId, ...] | None = None) -> UserDevices:
        """One bundle for each of these devices of the user, of all if None.

        Raises:
            RefusalError: `unknown-user`, `restarting` if the other worker is not there, or what it says.
        """
        answer: m.Bundles = await self._peer.ask(m.TakeBundles(self._user, devices))
        return UserDevices(tuple(answer.bundles), answer.device_list, tuple(answer.present))
