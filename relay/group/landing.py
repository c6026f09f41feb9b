"""What of a group's items goes into the queues of members, and what is told when it is durable."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from protocol import DeviceId, UserId
from relay.device_queue import DeviceQueue
from storage import Op
from storage.mailboxes import GroupMessage
from storage.payloads import PayloadKey

if TYPE_CHECKING:
    from relay.deliveries import Deliveries


# One for each member and batch: slotted and not frozen, and no closure.
class Landing:
    """The queues of one user that got something, and how much."""

    __slots__ = ("deliveries", "queues")

    def __init__(self, deliveries: "Deliveries", queues: list[tuple[DeviceQueue, int]]) -> None:
        self.deliveries = deliveries
        self.queues = queues

    def land(self) -> None:
        """It is durable: deliver it. In the journal's callback, where nothing may raise."""
        self.deliveries.land(self.queues)


class Load:
    """A batch of a group's items on the way into the queues of this worker's members."""

    __slots__ = (
        "_messages_of",
        "devices",
        "firsts",
        "landings",
        "may_bear",
        "messages",
        "ops",
        "senders",
        "written",
    )

    def __init__(self, messages: Sequence[GroupMessage], *, may_bear: bool) -> None:
        self.messages = messages  # new ones, in order
        self.may_bear = may_bear  # whether there may be one more fan-out row
        # Who has sent them: for whom it matters which message it is.
        self.senders = {message.sender.user: None for message in messages}
        self.ops: list[Op] = []  # rows of their own, for devices that do not keep up
        self.landings: list[Landing] = []
        self.devices: list[tuple[UserId, DeviceId]] = []  # for the fan-out row
        self.firsts: list[int] = []
        self.written: dict[PayloadKey, int] = {}  # {payload: rows that refer to it}

    def bear(self, user: UserId, device: DeviceId, first: int) -> None:
        """The fan-out row has it for this device."""
        self.devices.append((user, device))
        self.firsts.append(first)

    def write(self, messages: Sequence[GroupMessage]) -> None:
        """A row for each of these was added."""
        for message in messages:
            key = (message.sender.group, message.number)
            self.written[key] = self.written.get(key, 0) + 1
