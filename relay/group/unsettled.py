"""The fan-out rows of this worker: what groups have brought to devices that were online, and is not settled.

A plain object, as old as the process: a mailbox that begins again finds its part here. What an earlier life
of the worker has left is read when there is a new one.
Rule 1: a fan-out row leaves with the submission that settles its last device (settlement.py).
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from protocol import DeviceAddress, DeviceId, Seq, UserId
from storage.fanouts import Fanout
from storage.mailboxes import GroupMessage
from storage.payloads import PayloadKey

MAX_DELIVERIES = 262_144
"""In the fan-out rows of a worker, some seconds' worth. If the disk is so far behind that there are more,
devices get rows of their own at once."""

Borne: TypeAlias = list[tuple[Seq, GroupMessage]]
"""What fan-out rows have for one device, in order."""


class Bearer:
    """One fan-out row."""

    __slots__ = ("_first_of", "begun_at", "fanout", "is_durable")

    def __init__(self, fanout: Fanout, begun_at: float, *, is_durable: bool = False) -> None:
        self.fanout = fanout
        self.begun_at = begun_at  # on the loop's clock
        self.is_durable = is_durable
        self._first_of: dict[tuple[UserId, DeviceId], int] | None = None  # made for the first who asks

    @property
    def deliveries(self) -> int:
        """For how many rows it stands, about."""
        return len(self.fanout.devices) * len(self.fanout.messages)

    @property
    def payloads(self) -> list[PayloadKey]:
        """What its messages are made of."""
        return [(message.sender.group, message.number) for message in self.fanout.messages]

    def last_seqs(self) -> Iterator[tuple[UserId, DeviceId, Seq]]:
        """The seq of the last message at each device."""
        fanout = self.fanout
        senders = {message.sender[1:]: None for message in fanout.messages}
        count = len(fanout.messages)
        for place, first in zip(fanout.devices, fanout.firsts, strict=True):
            got = count if place not in senders else len(fanout.messages_for(*place))
            yield *place, Seq(first + got - 1)

    def count_of(self, message: GroupMessage) -> int:
        """For how many of the devices one of the messages is."""
        devices = self.fanout.devices
        own = (message.sender.user, message.sender.device)
        return len(devices) - (not message.is_entry and own in devices)

    def first_for(self, user: UserId, device: DeviceId) -> int | None:
        """The seq of the first message at a device; None: there is nothing for it."""
        if self._first_of is None:
            self._first_of = dict(zip(self.fanout.devices, self.fanout.firsts, strict=True))
        return self._first_of.get((user, device))


class Unsettled:
    """All fan-out rows of a worker."""

    __slots__ = ("_bearers", "_deliveries")

    def __init__(self, left_behind: Iterable[Fanout], now: float) -> None:
        """`left_behind` are those on the disk."""
        self._bearers = {fanout.key: Bearer(fanout, now, is_durable=True) for fanout in left_behind}
        self._deliveries = sum(bearer.deliveries for bearer in self._bearers.values())

    def __len__(self) -> int:
        return len(self._bearers)

    @property
    def deliveries(self) -> int:
        """For how many rows all of them stand, about; many are acknowledged already."""
        return self._deliveries

    @property
    def has_room(self) -> bool:
        """Whether there may be more."""
        return self._deliveries < MAX_DELIVERIES

    def add(self, bearer: Bearer) -> None:
        """One is on its way to the disk."""
        self._bearers[bearer.fanout.key] = bearer
        self._deliveries += bearer.deliveries

    def remove(self, bearer: Bearer) -> None:
        """It is durably gone, or never came to the disk."""
        if self._bearers.get(bearer.fanout.key) is bearer:
            del self._bearers[bearer.fanout.key]
            self._deliveries -= bearer.deliveries

    def before(self, moment: float) -> list[Bearer]:
        """Those that are durable and as old as that, in the order in which they came."""
        return [
            bearer for bearer in self._bearers.values() if bearer.is_durable and bearer.begun_at <= moment
        ]

    def payloads(self) -> dict[PayloadKey, None]:
        """What may get rows that refer to it at any moment."""
        return {key: None for bearer in self._bearers.values() for key in bearer.payloads}

    def borne_for(self, device: DeviceAddress) -> Borne:
        """What durable fan-out rows have for a device, whether or not it is settled."""
        found: Borne = []
        for bearer in self._bearers.values():
            first = bearer.first_for(*device) if bearer.is_durable else None
            if first is not None:
                mine = bearer.fanout.messages_for(*device)
                found += [(Seq(seq), message) for seq, message in enumerate(mine, start=first)]
        return sorted(found, key=lambda each: each[0])
