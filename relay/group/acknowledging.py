"""What follows when a device has durably acknowledged items of groups: payloads may go, groups hear of it."""

from collections.abc import Sequence

from protocol import GroupId, GroupSeq, MemberAddress, UserId
from relay.device_queue import DeviceQueue, InFlight
from relay.flight import Done
from relay.group.marks import Progress
from relay.worker import Worker
from storage import JournalError, Reader, mailboxes
from storage.mailboxes import GroupMessage
from storage.payloads import PayloadKey

LOOK_AHEAD = 64
"""How many rows of another device's queue are looked at: whoever has more waiting there is long away."""


def of_groups(done: Sequence[InFlight]) -> list[InFlight]:
    """Those of the acknowledged deliveries that a group has sent."""
    return [delivery for delivery in done if type(delivery.sender) is MemberAddress]


def keys_of(done: Sequence[InFlight]) -> list[PayloadKey]:
    """What these deliveries referred to."""
    return [
        (delivery.sender.group, GroupSeq(delivery.number))
        for delivery in done
        if isinstance(delivery.sender, MemberAddress)
    ]


def newest_of(done: Sequence[InFlight]) -> dict[GroupId, GroupSeq]:
    """Of each group what was acknowledged last; all of these are of groups."""
    return {delivery.sender[0]: delivery.number for delivery in done}  # type: ignore[misc]  # a member's address


class GroupTicksSettled:
    """The journal's word on an acknowledgement in which items of groups were: see the top of this file."""

    __slots__ = ("_keys", "_others", "_progress", "_user", "_worker")

    def __init__(
        self, others: Done, worker: Worker, user: UserId, progress: Progress, keys: list[PayloadKey]
    ) -> None:
        self._others = others  # what follows besides
        self._worker = worker
        self._user = user
        self._progress = progress
        self._keys = keys

    def __call__(self, error: JournalError | None) -> None:
        """See the class."""
        self._others(error)
        if error is None:
            self._worker.payload_counts.release(self._keys)
            if self._progress:
                self._worker.reports.note(self._user, self._progress)


def waits_in(reader: Reader, queues: Sequence[DeviceQueue], group: GroupId, after: int, before: int) -> bool:
    """Whether an item of a group between two numbers waits in one of these queues."""
    return any(
        isinstance(message, GroupMessage)
        and message.sender.group == group
        and after < message.number < before
        for queue in queues
        for _, message in (
            *mailboxes.read_range(reader, queue.address, queue.cursor.acked_seq, LOOK_AHEAD),
            *queue.borne,
        )
    )
