"""The decisions of delivery, as plain functions and a table; `relay/mailbox.py` carries them out.

What a device is owed waits in a queue with the states of `QUEUE_TRANSITIONS`. docs/delivery.md shows the
table, and a test compares it with this one.
"""

from collections.abc import Sequence
from enum import Enum

from protocol import DeviceId


class QueueState(Enum):
    """Where the deliveries of a device come from at the moment."""

    __hash__ = object.__hash__  # Enum's own is a Python function, and every login moves its queue thrice

    OFFLINE = "offline"
    """No connection: everything waits on disk."""
    DRAINING = "draining"
    """Connected, and older messages wait on disk: they go first, a window at a time."""
    ONLINE = "online"
    """Connected and nothing waits on disk: new messages go from memory as soon as they are durable."""


class QueueEvent(Enum):
    """What changes that."""

    __hash__ = object.__hash__  # likewise

    ATTACHED = "a connection of the device logged in"
    CAUGHT_UP = "nothing durable is unsent"
    WINDOW_FULL = "a new message found the window full"
    DETACHED = "the connection ended"


QUEUE_TRANSITIONS: dict[QueueState, dict[QueueEvent, QueueState]] = {
    QueueState.OFFLINE: {
        QueueEvent.ATTACHED: QueueState.DRAINING,
    },
    QueueState.DRAINING: {
        QueueEvent.ATTACHED: QueueState.DRAINING,  # connected elsewhere: the new one starts from the disk
        QueueEvent.CAUGHT_UP: QueueState.ONLINE,
        QueueEvent.DETACHED: QueueState.OFFLINE,
    },
    QueueState.ONLINE: {
        QueueEvent.ATTACHED: QueueState.DRAINING,
        QueueEvent.WINDOW_FULL: QueueState.DRAINING,
        QueueEvent.DETACHED: QueueState.OFFLINE,
    },
}


class Admission(Enum):
    """What a message's number says about it (D3, D4)."""

    NEXT = "next"
    DUPLICATE = "duplicate"
    GAP = "gap"


def admit(accepted: int, number: int) -> Admission:
    """Judge a message by its number.

    Args:
        accepted: the highest number of this sender that the recipient's mailbox has taken.
        number: what the sender counts this one as.
    """
    if number == accepted + 1:
        return Admission.NEXT
    return Admission.DUPLICATE if number <= accepted else Admission.GAP


Parts = bytes | Sequence[tuple[DeviceId, bytes]]
"""A message as it was sent: one ciphertext for the only device, or one for each device by number."""


def parts_by_device(parts: Parts, devices: Sequence[DeviceId]) -> Sequence[tuple[DeviceId, bytes]] | None:
    """Say what each device gets; None if the parts do not name exactly the devices (D10).

    A message that left a device out would be missing there for ever, and one that names a device which is
    gone was encrypted by somebody who does not know the recipient's present devices: both senders must look
    at the fresh list before anything of theirs is accepted.
    """
    if isinstance(parts, bytes):
        return ((devices[0], parts),) if len(devices) == 1 else None
    if len(parts) != len(devices):
        return None
    named = dict(parts)
    # Same length and every device named means: nobody twice and nobody else.
    return tuple(parts) if all(device in named for device in devices) else None


def window_has_room(in_flight: int, in_flight_bytes: int, *, messages: int, size: int) -> bool:
    """Whether one more delivery may be sent to a device before it acknowledges.

    The byte limit bounds what a device that does not read can cost; the first message always goes, because
    one message is never larger than a frame.
    """
    return in_flight == 0 or (in_flight < messages and in_flight_bytes < size)
