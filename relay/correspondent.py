"""What a mailbox sees of the devices that write to its user: somebody to tell, wherever they are connected.

A group sees the same of those who write to it, and is the `user` of what is said here.

Two implementations, and a mailbox does not know which it has: the outgoing side of a connection of this
worker (outgoing.py), and one that says the same over the bus to a device's own worker (bus/remote.py).

A *correspondent* is a device, by whichever connection it has now: ticks go there, because they are state. A
*source* is the one connection on which messages came: what was refused is answered there and nowhere else,
because on another connection the same number may be that of another message.

Rule 1: nothing here waits or raises. Who is gone is not told, and finds out when it comes back: by state
(FetchProgress), or because it sends again what was never ticked.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from protocol import DeviceAddress, ErrorCode, MessageNumber, Run, UserId
from relay.bus.chat import ChatId


class Source(Protocol):
    """The connection on which messages came."""

    def refused(
        self,
        user: ChatId,
        number: MessageNumber,
        code: ErrorCode,
        detail: int | tuple[int, ...] | None = None,
    ) -> None:
        """A message to `user` was not accepted."""

    def voided(self, user: ChatId, first: MessageNumber, last: MessageNumber, code: ErrorCode) -> None:
        """These had been admitted, and the journal did not take them: they never came to be."""


class Correspondent(Protocol):
    """A device that has written to somebody."""

    def accepted(self, user: ChatId, number: MessageNumber) -> None:
        """✓ for everything sent to `user` up to `number`."""

    def delivered(self, user: ChatId, number: MessageNumber) -> None:
        """✓✓, likewise."""

    def read(self, user: ChatId, number: MessageNumber) -> None:
        """Blue ✓✓, likewise."""

    def expired(self, user: ChatId, runs: Sequence[Run]) -> None:
        """✗: these messages to `user` are gone."""

    def presence(self, user: UserId, is_online: bool, last_seen: int | None) -> None:
        """How `user` is, whom the device watches."""

    def replaces(self, source: Source) -> bool:
        """Whether what the device is connected by now is newer than `source`.

        Then what came from `source` and is not stored yet is sent again, and must not be taken twice.
        """

    def close(self, code: ErrorCode) -> None:
        """Have the device connect anew: it waits for what will never come."""


FindCorrespondent: TypeAlias = Callable[[DeviceAddress], Correspondent | None]
"""`Worker.correspondent`: whom to tell for a device; None if it is known to be offline."""
