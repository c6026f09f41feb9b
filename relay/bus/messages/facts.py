"""What workers tell one another without being asked: the link itself, messages on their way, presence.

The classes are slotted and not frozen: several are built for every message that crosses, and freezing
triples what that costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from protocol import DeviceAddress, MessageNumber, Part, Run, UserId
from relay.bus.chat import ChatId

Numbered: TypeAlias = (
    tuple[MessageNumber, bytes | tuple[Part, ...]] | tuple[MessageNumber, bytes | tuple[Part, ...], int]
)
"""One message of a submission, with its life in seconds if it has its own: all go to the same user. A plain
tuple, which cbor2 encodes twice as fast."""


# ---- the link itself ----


@dataclass(slots=True)
class Hello:
    """The first message of either side."""

    version: int
    worker: int
    workers: int
    """How many the node has: two that do not agree would send messages to the wrong owner."""
    incarnation: bytes
    """Random at the start of the process; for the log."""


@dataclass(slots=True)
class Ready:
    """The second: I have heard your hello, and whatever I say from now on reaches you."""


@dataclass(slots=True)
class Taken:
    """So many bytes of yours have been dealt with since hello: room for more."""

    total: int


# ---- messages on their way to a mailbox ----


@dataclass(slots=True)
class Submit:
    """Messages of one of our devices for a user of yours, in order."""

    sender: DeviceAddress
    connection: int
    """On which they came; what is refused is answered with it."""
    user: UserId
    messages: Sequence[Numbered]


@dataclass(slots=True)
class Inquire:
    """What became of everything up to `submitted`? Answered with ticks, and a refusal of what is missing."""

    sender: DeviceAddress
    connection: int
    user: ChatId
    submitted: MessageNumber
    round: int
    """Repeated in the refusal: only the answer to the latest inquiry counts. From 1."""


@dataclass(slots=True)
class Activity:
    """One of our devices types to a user of yours, or has paused."""

    sender: DeviceAddress
    user: UserId
    is_typing: int


# ---- and back ----


@dataclass(slots=True)
class Accepted:
    """✓ for what `device` has sent to `user`."""

    device: DeviceAddress
    user: ChatId
    number: MessageNumber


@dataclass(slots=True)
class Delivered:
    """✓✓, likewise."""

    device: DeviceAddress
    user: ChatId
    number: MessageNumber


@dataclass(slots=True)
class Read:
    """Blue ✓✓, likewise."""

    device: DeviceAddress
    user: ChatId
    number: MessageNumber


@dataclass(slots=True)
class Expired:
    """✗, likewise."""

    device: DeviceAddress
    user: ChatId
    runs: Sequence[Run]


@dataclass(slots=True)
class Refused:
    """A message of `device`, or in answer to an inquiry everything up to it, was not accepted."""

    device: DeviceAddress
    connection: int
    user: ChatId
    number: MessageNumber
    code: int
    detail: int | tuple[int, ...] | None
    round: int
    """Of the inquiry that this answers; 0 if it answers the message itself."""


@dataclass(slots=True)
class Voided:
    """Messages that had been admitted and never came to be: the journal did not take them."""

    device: DeviceAddress
    connection: int
    user: ChatId
    first: MessageNumber
    last: MessageNumber
    code: int


@dataclass(slots=True)
class Close:
    """Have the device connect anew: it waits for what will never come."""

    device: DeviceAddress
    code: int


@dataclass(slots=True)
class Lost:
    """Messages to this user may have been lost on the way into the mailbox: inquire."""

    user: ChatId


# ---- presence ----


@dataclass(slots=True)
class Watch:
    """One of our devices wants to know how a user of yours is, now and whenever it changes."""

    watcher: DeviceAddress
    user: UserId


@dataclass(slots=True)
class Unwatch:
    """It does not want to know any more."""

    watcher: DeviceAddress
    user: UserId


@dataclass(slots=True)
class Presence:
    """How a user of ours is, whom a device of yours watches."""

    device: DeviceAddress
    user: UserId
    is_online: int
    last_seen: int | None
