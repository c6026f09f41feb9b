"""The requests about an account's devices, and their answers: the signed list, and linking a new device.

Linking goes through a **link**, a meeting point at the relay that lives for a minute. Two sides lay opaque
messages there for each other: the *companion*, which wants to become a device, and the *primary* of an
account. What the messages say and why the relay cannot stand in between: docs/security.md.
"""

from dataclasses import dataclass
from enum import IntEnum

from protocol.ids import DeviceId
from protocol.stanzas.values import KemPrekey, Prekey


class LinkStep(IntEnum):
    """How far a link has come."""

    OPEN = 0
    """The companion waits for somebody to claim it."""
    CLAIMED = 1
    """A primary has claimed it; its message waits for the companion."""
    ANSWERED = 2
    """The companion has answered; its message waits for the primary."""
    CONFIRMED = 3
    """The primary has signed a list with the companion in it; its message waits for the companion."""
    COMPLETED = 4
    """The companion is a device of the account."""


@dataclass(frozen=True, slots=True)
class PublishDevices:
    """My new device list, from the primary: devices of the account that it does not name are removed."""

    request: int
    encoded: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class DevicesPublished:
    """From now on this list is handed out, and what it does not name is gone."""

    request: int


@dataclass(frozen=True, slots=True)
class LeaveAccount:
    """Take this device, a companion, out of its account."""

    request: int


@dataclass(frozen=True, slots=True)
class AccountLeft:
    """It is out, and what was queued for it is gone; the connection ends."""

    request: int


@dataclass(frozen=True, slots=True)
class OpenLink:
    """Let me, a stranger, wait here for a primary that wants me as a companion. My link before is over."""

    request: int


@dataclass(frozen=True, slots=True)
class LinkOpened:
    """The link is open."""

    request: int
    link: bytes
    """Its name: random."""
    nameplate: str
    """Its short name, for people who type: three characters, unlike those of all other links there are."""
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class ClaimLink:
    """I, a primary, want the companion behind this link. Only one may: a second claim ends the link."""

    request: int
    link: bytes | str
    """Its name, or its nameplate."""
    message: bytes
    """For the companion."""


@dataclass(frozen=True, slots=True)
class LinkClaimed:
    """The link is yours."""

    request: int
    link: bytes
    device: DeviceId
    """The number that the companion will have: the next of the account."""


@dataclass(frozen=True, slots=True)
class AnswerLink:
    """The companion's message to the primary that has claimed its link. Answered with LinkState."""

    request: int
    link: bytes
    message: bytes


@dataclass(frozen=True, slots=True)
class ConfirmLink:
    """The companion is the one I want; it becomes a device when it completes. Answered with LinkState."""

    request: int
    link: bytes
    static_key: bytes
    """The companion's Noise key: no other connection can complete the link."""
    encoded: bytes
    """The device list that is valid from then on, with the companion in it."""
    signature: bytes
    message: bytes
    """For the companion."""


@dataclass(frozen=True, slots=True)
class PollLink:
    """How far is the link? Asked about once a second, by either side."""

    request: int
    link: bytes


@dataclass(frozen=True, slots=True)
class LinkState:
    """So far; a link that is over is refused instead, by the name of its end."""

    request: int
    step: int
    """A LinkStep."""
    message: bytes
    """The newest that the other side has left for whoever asks; empty if there is none."""


@dataclass(frozen=True, slots=True)
class CompleteLink:
    """I, the companion, have checked what the primary said: make me its device. Answered with Registered."""

    request: int
    link: bytes
    identity_key: bytes
    signed_prekey_id: int
    signed_prekey: bytes
    signature: bytes
    prekeys: tuple[Prekey, ...]
    last_resort: KemPrekey | None = None
    """The KEM prekey that is always there, as in Register."""


@dataclass(frozen=True, slots=True)
class CancelLink:
    """The link is off; the other side is told so when it asks. Answered with LinkState."""

    request: int
    link: bytes
