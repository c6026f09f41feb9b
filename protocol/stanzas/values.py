"""What fields of stanzas hold besides numbers and bytes: small tuples and enumerations."""

from enum import StrEnum
from typing import NamedTuple, TypeAlias

from protocol.ids import DeviceId, GroupId, GroupSeq, MessageNumber, UserId


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
    discoverable: Audience = Audience.EVERYONE
    """Who finds the user by the number."""


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


class KemPrekey(NamedTuple):
    """An ML-KEM-768 prekey, signed with the device's identity key: one-time, or the last resort."""

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
    kem_prekey: KemPrekey | None = None
    """None if the device has never uploaded one; else one-time, or the last resort if those have run out."""


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


class GroupTicks(NamedTuple):
    """The ticks of everything this device has sent to one group; each number counts for all below it."""

    group: GroupId
    accepted: MessageNumber
    delivered: MessageNumber
    """Every member has it."""
    read: MessageNumber
    """Every member has read it."""


class MemberProgress(NamedTuple):
    """How far one member of a group is, as numbers of the group's timeline."""

    user: UserId
    delivered: GroupSeq
    read: GroupSeq


class JoinRequest(NamedTuple):
    """Somebody who asks to be let into a group."""

    user: UserId
    proof: bytes
    """What they showed for it; for the admins to check."""


class ExportedRow(NamedTuple):
    """One row of what the relay keeps of an account."""

    table: str
    facts: str
    """What it says, as JSON."""


Detail: TypeAlias = int | tuple[int, ...] | None
"""What goes with a code: out-of-order: the number expected; wait: seconds; stale-devices: the device ids;
stale-members: the index of the newest entry; log-moved: the next index;
unknown-stanza: its type; invalid-number: a NumberProblem; pin-required and pin-locked: seconds; pin-wrong:
guesses left. None for all others."""
