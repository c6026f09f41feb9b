"""The stanzas: everything the two sides can say to each other once the handshake is done.

One frozen class a stanza, fields in wire order, optional fields last. The names read as a dialogue: the
client asks in the imperative (`Send`, `Register`), the relay answers with facts (`Accepted`, `Delivered`).

A `chat` is an **address** here and a small integer, a handle, on the wire: the connection binds and resolves
handles by itself (handles.py), as HPACK does with header names, so nobody above it ever sees one.

Not here: type numbers, directions and limits (schema.py), bytes (codec.py), who may say what when (state.py).

The classes are frozen although that makes building one about half a microsecond slower: events are handed
from actor to actor, and nothing may change one on its way.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from protocol.ids import Address, DeviceAddress, DeviceId, Handle, MessageNumber, Seq, UserId


class CodeRoute(StrEnum):
    """How a verification code reaches the phone."""

    SMS = "sms"
    VOICE = "voice"


class Audience(StrEnum):
    """Who may see something of a user. Nobody else can tell it from there being nothing to see."""

    EVERYONE = "everyone"
    CONTACTS = "contacts"
    """Those whom the user has named to the relay, and nobody else."""
    NOBODY = "nobody"


class Privacy(NamedTuple):
    """Who may see what of a user; what anybody has who has not chosen."""

    last_seen: Audience = Audience.EVERYONE
    """Online and last seen. Mutual: who hides them from somebody does not see theirs."""
    read_receipts: Audience = Audience.EVERYONE
    """Who is told what was read. Mutual as well."""
    profile: Audience = Audience.EVERYONE


class Part(NamedTuple):
    """One message encrypted for one device of the recipient."""

    device: DeviceId
    ciphertext: bytes


class Prekey(NamedTuple):
    """A one-time prekey: given to one peer, then forgotten by the relay."""

    id: int
    key: bytes


class SignedPrekey(NamedTuple):
    """The prekey that is always there, signed with the device's identity key."""

    id: int
    key: bytes
    signature: bytes


class DeviceBundle(NamedTuple):
    """What a peer needs to start an encrypted session with one device."""

    device: DeviceId
    identity_key: bytes
    signed_prekey_id: int
    signed_prekey: bytes
    signature: bytes
    one_time_prekey: Prekey | None
    """None when the device has run out of them: the session starts with the signed prekey alone."""


class Run(NamedTuple):
    """Message numbers without gaps, both ends included."""

    first: MessageNumber
    last: MessageNumber


class ChatProgress(NamedTuple):
    """The ticks of everything this device has sent to one user; each number counts for all below it."""

    user: UserId
    accepted: MessageNumber
    delivered: MessageNumber
    """What has expired does not count, although it may be below."""
    read: MessageNumber
    expired: tuple[Run, ...] = ()
    """What was dropped undelivered, in order; the newest few runs, so look at them before `delivered`."""


Detail: TypeAlias = int | tuple[int, ...] | None
"""What goes with a code: out-of-order: the number expected; wait: seconds; stale-devices: the device ids;
unknown-stanza: its type; invalid-number: a NumberProblem; pin-required and pin-locked: seconds; pin-wrong:
guesses left. None for all others."""


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

    From a client `chat` is the sender's device; from the relay it is the recipient, a user.
    """

    chat: Address
    number: MessageNumber


@dataclass(frozen=True, slots=True)
class Typing:
    """Someone is typing in a chat. Never stored."""

    chat: Address
    """From a client the user written to; from the relay the device that is typing."""


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


@dataclass(frozen=True, slots=True)
class Accepted:
    """✓: every message of this chat up to this number is on disk."""

    chat: UserId
    number: MessageNumber


@dataclass(frozen=True, slots=True)
class Delivered:
    """✓✓: every message of this chat up to this number has been acknowledged by a device of the recipient."""

    chat: UserId
    number: MessageNumber


@dataclass(frozen=True, slots=True)
class Expired:
    """✗: these messages waited too long; no device of the recipient has fetched them, and they are gone."""

    chat: UserId
    first: MessageNumber
    last: MessageNumber


@dataclass(frozen=True, slots=True)
class Refused:
    """A message was not accepted; its number was not used."""

    chat: UserId
    number: MessageNumber
    code: int
    detail: Detail = None


@dataclass(frozen=True, slots=True)
class Deliver:
    """A message for this device."""

    seq: Seq
    chat: DeviceAddress
    """The sender's device."""
    number: MessageNumber
    ciphertext: bytes
    accepted_at: int | None = None
    """Unix seconds; only when the message waited in the queue."""


@dataclass(frozen=True, slots=True)
class Ack:
    """Everything up to this seq is stored on the device; the relay deletes it, and it becomes ✓✓."""

    seq: Seq


# --- Session and requests ---


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


@dataclass(frozen=True, slots=True)
class Done:
    """The upload is stored."""

    request: int
    one_time_prekeys_left: int


@dataclass(frozen=True, slots=True)
class FetchBundles:
    """What is needed to start sessions with the devices of this user?"""

    request: int
    user: UserId


@dataclass(frozen=True, slots=True)
class Bundles:
    """One bundle for each device; this is also the fresh device list."""

    request: int
    devices: tuple[DeviceBundle, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Which of these numbers have an account here?"""

    request: int
    phones: tuple[str, ...]


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


@dataclass(frozen=True, slots=True)
class Progresses:
    """The ticks, one entry for each user asked for."""

    request: int
    chats: tuple[ChatProgress, ...]


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """Change what is kept of this account's privacy; one that changes nothing asks how it stands."""

    request: int
    privacy: Privacy | None
    """None: as it is."""
    block: tuple[UserId, ...]
    unblock: tuple[UserId, ...]
    add_contacts: tuple[UserId, ...]
    """Who `contacts` means. Forgotten by the relay as soon as no setting says `contacts`."""
    remove_contacts: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """What is kept of this account's privacy, after the change."""

    request: int
    privacy: Privacy
    blocked: tuple[UserId, ...]
    contacts: int
    """How many contacts the relay has been told."""


@dataclass(frozen=True, slots=True)
class StoreProfile:
    """Keep a piece of this account's encrypted profile; piece 0, which is sent last, puts it in place."""

    request: int
    version: int
    """Random, the same for all pieces of one profile. 0: the profile is to be taken away."""
    piece: int
    """0: name and about; 1 and up: the picture."""
    data: bytes


@dataclass(frozen=True, slots=True)
class ProfileStored:
    """The piece is stored, or everything is gone."""

    request: int


@dataclass(frozen=True, slots=True)
class FetchProfile:
    """Let me have a piece of a user's encrypted profile."""

    request: int
    user: UserId
    piece: int
    known_version: int
    """What the client has already; 0: nothing."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A piece of a profile, encrypted by its owner; the key travels end to end."""

    request: int
    version: int
    """0: there is none, or none for this client."""
    data: bytes
    """Empty if the version is the known one, or 0."""


@dataclass(frozen=True, slots=True)
class SetPin:
    """Have this PIN asked for when the number is registered anew."""

    request: int
    pin: str = field(repr=False)
    """Six digits. Empty: no PIN any more."""


@dataclass(frozen=True, slots=True)
class PinSet:
    """So it is from now on."""

    request: int


@dataclass(frozen=True, slots=True)
class DeleteAccount:
    """Remove everything that there is of this account, for ever."""

    request: int
    phone: str
    """The account's number: nobody deletes one by mistake."""


@dataclass(frozen=True, slots=True)
class AccountDeleted:
    """It is gone, and so is this device; the connection ends."""

    request: int


@dataclass(frozen=True, slots=True)
class TestCrash:
    """Make an actor of the relay crash. Only a relay started with test hooks knows it."""

    __test__ = False  # pytest must not take the class for a test because of its name

    target: str
    """`connection` or `mailbox`."""


Stanza: TypeAlias = (
    Ping | Pong | Ack | Accepted | Delivered | Read | Typing | Paused | Send | Deliver | Refused | Bind
    | Error | Failed | Expired | Welcome | RequestCode | CodeSent | Register | Registered | UploadPrekeys
    | Done | FetchBundles | Bundles | Lookup | Found | FetchProgress | Progresses | TestCrash | Presence
    | Subscribe | Unsubscribe | Available | Unavailable | ChangeSettings | Settings | StoreProfile
    | ProfileStored | FetchProfile | Profile | SetPin | PinSet | DeleteAccount | AccountDeleted
)  # fmt: skip
