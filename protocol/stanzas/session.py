"""The beginning of a connection, and the requests around messages: codes, keys, look-ups, progress."""

from dataclasses import dataclass, field

from protocol.device_list import SignedDeviceList
from protocol.ids import DeviceId, GroupId, UserId
from protocol.stanzas.values import (
    ChatProgress,
    CodeRoute,
    Detail,
    DeviceBundle,
    GroupTicks,
    KemPrekey,
    Prekey,
    SignedPrekey,
)


@dataclass(frozen=True, slots=True)
class Failed:
    """A request was refused."""

    request: int
    code: int
    detail: Detail = None


@dataclass(frozen=True, slots=True)
class Welcome:
    """The relay's first stanza: who it takes the device for, and the terms of the connection."""

    user: UserId
    """0: a stranger; only registration is allowed."""
    device: DeviceId
    """0 for a stranger."""
    server_time: int
    """Unix milliseconds."""
    keepalive_s: int
    """Whoever is silent for so long sends a Ping; 2.5 times as long without a byte ends the connection."""
    window: int
    """How many unacknowledged deliveries the relay sends before it waits for an Ack."""
    queued: int
    """How many messages wait for this device."""


@dataclass(frozen=True, slots=True)
class RequestCode:
    """Send a verification code to this number."""

    request: int
    phone: str
    via: CodeRoute


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code is on its way."""

    request: int
    resend_after_s: int
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class Register:
    """Make the static key of this connection a device of the account of this number."""

    request: int
    phone: str
    code: str
    identity_key: bytes
    signed_prekey_id: int
    signed_prekey: bytes
    signature: bytes
    prekeys: tuple[Prekey, ...]
    take_over: int | None = None
    """1: log out the device that the number is active on. Otherwise such a number is `account-exists`."""
    pin: str | None = field(default=None, repr=False)
    """The account's PIN, if it has one."""
    last_resort: KemPrekey | None = None
    """The KEM prekey that is always there; one-time ones are uploaded when the device is registered."""


@dataclass(frozen=True, slots=True)
class Registered:
    """The device has an account from now on; this connection is no longer a stranger's."""

    request: int
    user: UserId
    device: DeviceId


@dataclass(frozen=True, slots=True)
class UploadPrekeys:
    """New prekeys for this device: a signed one, one-time ones, or both."""

    request: int
    signed: SignedPrekey | None
    prekeys: tuple[Prekey, ...]
    last_resort: KemPrekey | None = None
    """In the place of the one before, at the same moment as ``signed``."""
    kem_prekeys: tuple[KemPrekey, ...] | None = None
    """One-time ones."""


@dataclass(frozen=True, slots=True)
class Done:
    """The upload is stored."""

    request: int
    one_time_prekeys_left: int
    kem_prekeys_left: int | None = None
    """One-time ones. None from a relay that keeps no KEM prekeys: it is not to be given any."""


@dataclass(frozen=True, slots=True)
class FetchBundles:
    """What is needed to start sessions with the devices of this user?"""

    request: int
    user: UserId
    devices: tuple[DeviceId, ...] | None = None
    """For these only, those that are gone left out; none: the device list alone. None: for all devices."""


@dataclass(frozen=True, slots=True)
class Bundles:
    """One bundle for each device asked for, and the device list that vouches for them."""

    request: int
    devices: tuple[DeviceBundle, ...]
    device_list: SignedDeviceList | None = None
    """The newest that the user's primary has published; None as long as there is none."""
    present: tuple[DeviceId, ...] | None = None
    """All devices that the user has at the relay, whatever was asked for."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Which of these numbers have an account here?"""

    request: int
    phones: tuple[str, ...]
    in_bulk: int | None = None
    """1: an address book, which leaves the account something for the numbers that somebody writes to."""


@dataclass(frozen=True, slots=True)
class Found:
    """The users in the order of the numbers asked for; 0 where there is none."""

    request: int
    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class FetchProgress:
    """How far are my messages to these users? Asked after connecting, for chats with unread messages."""

    request: int
    users: tuple[UserId, ...]
    groups: tuple[GroupId, ...] | None = None


@dataclass(frozen=True, slots=True)
class Progresses:
    """The ticks, one entry for each user and each group asked for."""

    request: int
    chats: tuple[ChatProgress, ...]
    groups: tuple[GroupTicks, ...] | None = None
    """None if no groups were asked for."""


@dataclass(frozen=True, slots=True)
class TestCrash:
    """Make an actor of the relay crash. Only a relay started with test hooks knows it."""

    __test__ = False  # pytest must not take the class for a test because of its name

    target: str
    """`connection` or `mailbox`."""
