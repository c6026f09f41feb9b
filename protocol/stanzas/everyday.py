"""The stanzas of every day: messages, ticks, who is there. Their numbers are one byte on the wire."""

from dataclasses import dataclass

from protocol.ids import (
    Address,
    DeviceAddress,
    GroupAddress,
    GroupSeq,
    Handle,
    MemberAddress,
    MessageNumber,
    Seq,
    UserId,
)
from protocol.stanzas.values import Detail, Part

# --- Both ways ---


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there? A client sends it when it has said or heard nothing for the keepalive interval."""


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to exactly one Ping; the connection gives it by itself."""


@dataclass(frozen=True, slots=True)
class Read:
    """The client has read, or the relay reports as read, a sender's messages up to a number.

    From a client `chat` is the sender's device; from the relay it is the recipient, a user. In a group it is
    the group both ways, and the client's number is that of the timeline: all up to there was read.
    """

    chat: Address
    number: MessageNumber | GroupSeq


@dataclass(frozen=True, slots=True)
class Typing:
    """Someone is typing in a chat. Never stored."""

    chat: Address
    """From a client the user or group written to; from the relay the device that is typing, in a group as its
    member."""


@dataclass(frozen=True, slots=True)
class Paused:
    """Someone has stopped typing. Never stored."""

    chat: Address
    """As in Typing."""


@dataclass(frozen=True, slots=True)
class Bind:
    """From now on this handle stands for this address on this connection.

    Sent and understood by the connection itself; an event only if it brings a phone number.
    """

    handle: Handle
    address: Address
    phone: str | None = None
    """From the relay: the directory's word for who this user is."""


@dataclass(frozen=True, slots=True)
class Error:
    """The connection ends after this, and this is why."""

    code: int
    detail: Detail = None


# --- Who is there ---


@dataclass(frozen=True, slots=True)
class Presence:
    """How a user is whom the client watches: said once at first, and then whenever it changes."""

    chat: UserId
    online: int
    """1: at a device at this moment; 0: not, or not for this client to know."""
    last_seen: int | None = None
    """Unix seconds; None while online, and where there is nothing to tell."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Tell me how this user is, and again whenever it changes, until I unsubscribe or leave."""

    chat: UserId


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """I do not want to know any more."""

    chat: UserId


@dataclass(frozen=True, slots=True)
class Available:
    """Somebody is at this device: others may see it as online. Without it a device is only connected."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nobody is at this device any more, though it stays connected."""


# --- Messages ---


@dataclass(frozen=True, slots=True)
class Send:
    """A message for a user."""

    chat: UserId
    number: MessageNumber
    parts: bytes | tuple[Part, ...]
    """Bytes: the user has exactly one device, the newest. Otherwise one part for each device of the user."""
    life_s: int | None = None
    """Seconds after which it is to be dropped if nobody has fetched it; the relay may not wait so long."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """✓: every message of this chat up to this number is on disk."""

    chat: UserId | GroupAddress
    number: MessageNumber


@dataclass(frozen=True, slots=True)
class Delivered:
    """✓✓: every message of this chat up to this number was acknowledged by a device of each recipient."""

    chat: UserId | GroupAddress
    number: MessageNumber


@dataclass(frozen=True, slots=True)
class Expired:
    """✗: these messages waited too long; no device of the recipient has fetched them, and they are gone."""

    chat: UserId | GroupAddress
    first: MessageNumber
    last: MessageNumber


@dataclass(frozen=True, slots=True)
class Refused:
    """A message was not accepted; its number was not used."""

    chat: UserId | GroupAddress
    number: MessageNumber
    code: int
    detail: Detail = None


@dataclass(frozen=True, slots=True)
class Deliver:
    """A message for this device."""

    seq: Seq
    chat: DeviceAddress | MemberAddress
    """The sender's device; in a group as its member."""
    number: MessageNumber
    ciphertext: bytes
    accepted_at: int | None = None
    """Unix seconds; only when the message waited in the queue."""
    gseq: GroupSeq | None = None
    """Its place in the group's timeline; only in a group."""
    is_entry: int | None = None
    """1: no message, but the next entry of the group's log; `number` is then the entry's index + 1."""


@dataclass(frozen=True, slots=True)
class Ack:
    """Everything up to this seq is stored on the device; the relay deletes it, and it becomes ✓✓."""

    seq: Seq
