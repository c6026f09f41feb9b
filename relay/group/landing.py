"""What of a group's items has gone into the queues of one user, until it is durable."""

from typing import TYPE_CHECKING

from relay.device_queue import DeviceQueue

if TYPE_CHECKING:
    from relay.deliveries import Deliveries


# One for each member and batch: slotted and not frozen, and no closure.
class Landing:
    """The queues that got something, and how much."""

    __slots__ = ("deliveries", "queues")

    def __init__(self, deliveries: "Deliveries", queues: list[tuple[DeviceQueue, int]]) -> None:
        self.deliveries = deliveries
        self.queues = queues

    def land(self) -> None:
        """It is durable: deliver it. In the journal's callback, where nothing may raise."""
        self.deliveries.land(self.queues)
