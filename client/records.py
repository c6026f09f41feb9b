"""What the phone's store takes and gives: frozen records, in the order in which a phone meets them.

Registration first, then sending, receiving and reading. Nothing here touches the database, and no record
shows a private key, a plaintext or a ciphertext in its ``repr``.
"""

from dataclasses import dataclass, field
from enum import Enum, IntEnum

from client.groups.records import GroupChange
from protocol.e2e import Bundle, Content, PublicKemPrekey, PublicPrekey, PublicSignedPrekey, Text
from protocol.ids import (
    DeviceAddress,
    DeviceId,
    GroupAddress,
    GroupId,
    GroupSeq,
    MessageNumber,
    Seq,
    UserId,
)

# ---------------------------------------------------------------- registration


@dataclass(frozen=True, slots=True)
class RegistrationKeys:
    """The keys of a device that is about to be registered; they are on disk before this is handed out."""

    noise_private: bytes = field(repr=False)
    """The X25519 private key whose public half becomes the device's credential."""
    identity_key: bytes
    signed_prekey: PublicSignedPrekey
    prekeys: tuple[PublicPrekey, ...]
    last_resort: PublicKemPrekey


@dataclass(frozen=True, slots=True)
class Account:
    """Who this phone is, and at which relay."""

    user: UserId
    device: DeviceId
    phone: str
    relay_url: str
    relay_key: bytes | None
    """The relay's Noise static key, pinned; None until the first handshake has shown it."""
    noise_private: bytes = field(repr=False)
    identity_key: bytes
    logged_out: bool
    """The relay has said that another device took the number over."""

    @property
    def address(self) -> DeviceAddress:
        """The address under which this phone is a device."""
        return DeviceAddress(self.user, self.device)


@dataclass(frozen=True, slots=True)
class PrekeyUpload:
    """Public keys that the relay should have and does not."""

    signed: PublicSignedPrekey | None
    """A fresh signed prekey when the old one has served its time, else None."""
    prekeys: tuple[PublicPrekey, ...]
    last_resort: PublicKemPrekey | None
    """Always together with a signed prekey for PQXDH."""
    kem_prekeys: tuple[PublicKemPrekey, ...]


# --------------------------------------------------------------------- sending


class MessageState(IntEnum):
    """How far a message has come. The order of the first four is the order of the ticks."""

    PENDING = 0
    """🕓 not yet accepted by the relay; ``error_name`` says why, if the relay has asked for patience."""
    ACCEPTED = 1
    """✓ on the relay's disk."""
    DELIVERED = 2
    """✓✓ acknowledged by the recipient's device."""
    READ = 3
    """Read by the recipient, as far as their device says so."""
    FAILED = 8
    """The relay, or this phone, refused it for good; ``error_name`` says why."""
    EXPIRED = 9
    """✗ The relay had it and dropped it: no device of the recipient came for it in time."""
    RECEIVED = 16
    """Incoming, not yet seen here."""
    SEEN = 17
    """Incoming, seen here."""


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A plaintext that waits for its turn to be encrypted; everything it needs for that is there."""

    message_id: str
    chat: UserId


@dataclass(frozen=True, slots=True)
class Part:
    """The ciphertext for one device of the recipient."""

    device: DeviceId
    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OutgoingSend:
    """An encrypted message as it goes out, and goes out again until it is accepted.

    The parts name their devices. The short form of ``Send`` (bytes alone) says "the newest device" instead
    of a number, so whoever uses it bets that no newer device has been registered since the encryption.
    """

    message_id: str
    chat: UserId
    number: MessageNumber
    parts: tuple[Part, ...]
    """To a group a single one, for the device 0: all devices of all members open the same."""
    epoch: int | None = None
    """To a group: the index of the newest entry of its log that this was sealed behind. Else None."""
    life: int | None = None
    """After how many seconds the relay is to drop it if nobody has come for it."""


# ------------------------------------------------------------------- receiving


@dataclass(frozen=True, slots=True)
class IncomingDelivery:
    """What a ``Deliver`` stanza brought, with its handles already looked up."""

    seq: Seq
    sender: DeviceAddress
    number: MessageNumber
    ciphertext: bytes = field(repr=False)
    accepted_at: float | None = None
    """Unix seconds at which the relay accepted it, if it waited there."""
    phone: str | None = None
    """The sender's phone number by the relay's word, if its ``Bind`` carried one."""
    group: GroupId | None = None
    """The group that it came in; the next two are for that."""
    gseq: GroupSeq | None = None
    is_entry: bool = False
    """It is no message, but an entry of the group's log."""

    @property
    def chat(self) -> UserId:
        """The chat that it belongs to."""
        return self.sender.user if self.group is None else UserId(self.group)


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message that is new here, decrypted and stored; acknowledge ``seq`` and show it."""

    seq: Seq
    sender: DeviceAddress
    number: MessageNumber
    message_id: str
    content: Content
    phone: str | None
    security_code_changed: bool
    """The sender's keys are not those this phone knew: the history has an entry about it."""
    group: GroupId | None = None

    @property
    def text(self) -> str | None:
        """The text, or None if this version does not understand the content."""
        return self.content.text if isinstance(self.content, Text) else None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A delivery that was received before; acknowledge ``seq`` and show nothing."""

    seq: Seq


@dataclass(frozen=True, slots=True)
class Undecryptable:
    """A delivery that cannot be opened; stored as a visible event, so acknowledge ``seq`` and go on."""

    seq: Seq
    sender: DeviceAddress
    number: MessageNumber
    message_id: str
    """The id of the event in the history; the message's own id is inside what cannot be opened."""
    error_name: str
    group: GroupId | None = None


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """A delivery that has changed a group, or what is known of it; acknowledge ``seq`` and look."""

    seq: Seq
    group: GroupId


@dataclass(frozen=True, slots=True)
class Served:
    """A delivery that was for the phone and not for its person; acknowledge ``seq`` and show nothing."""

    seq: Seq


@dataclass(frozen=True, slots=True)
class SentElsewhere:
    """Another device of this account has sent something; it is in the history, as ours."""

    seq: Seq
    chat: UserId
    message_id: str
    content: Content
    phone: str | None
    is_group: bool


@dataclass(frozen=True, slots=True)
class SeenElsewhere:
    """Messages of these chats were seen on another device of this account."""

    seq: Seq
    chats: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class HistoryArrived:
    """Some of the history came from another device of this account."""

    seq: Seq
    received: int
    total: int
    is_done: bool


Received = (
    ReceivedMessage
    | Duplicate
    | Undecryptable
    | Served
    | GroupChanged
    | SentElsewhere
    | SeenElsewhere
    | HistoryArrived
)
"""What ``Store.receive`` answers. Each of them is to be acknowledged."""


# --------------------------------------------------------------------- reading


class EntryKind(Enum):
    """What a line of the history is about. The values are stored: never change one."""

    TEXT = 1
    UNKNOWN = 2
    """A content kind of a later version; its bytes are kept for the version that understands it."""
    UNDECRYPTABLE = 3
    SECURITY_CODE_CHANGED = 4
    DELETED = 5
    """Its author has deleted it for everyone; nothing of it is here any more."""
    CONTACT = 6
    LOCATION = 7
    CHANGE = 8
    """A reaction, an edit or a deletion on its way out: no line by itself, but seen at its message."""
    RULE = 9
    """What holds in the chat from then on (``client/chat_rules.py``)."""
    VIEW_ONCE = 10
    """A text that is to be shown once, and has not been yet; nothing of it is in the entry."""
    VIEWED = 11
    """It has been shown, and is gone."""
    NUMBER_CHANGED = 12
    """They say that they have another number (``client/number_changes.py``)."""
    GROUP = 20
    """A change of a group: who came, who left, what it is called (client/groups/)."""
    SERVICE = 32
    """What phones tell each other (``protocol/e2e/retry.py``): in the outbox, and never shown."""


@dataclass(frozen=True, slots=True)
class ReactionShown:
    """A reaction to a message."""

    emoji: str = field(repr=False)
    is_own: bool
    """Whether this account has reacted; else the other side."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The message that a text answers, as it is now."""

    message_id: str
    is_own: bool
    text: str | None = field(repr=False)
    """None if it is not here, is deleted, or is no text."""


@dataclass(frozen=True, slots=True)
class Mentioned:
    """Somebody who is named in a text by their number."""

    user: UserId
    phone: str
    name: str | None = field(repr=False)
    is_own: bool
    """Whether this account is meant."""
    book_name: str | None = field(default=None, repr=False)
    """What they are called in this phone's address book."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of a chat's history, in either direction.

    In a group ``user`` is the group, as the chat; ``author``, with ``phone`` and ``name``, is who wrote
    it, if it came in.
    """

    message_id: str
    kind: EntryKind
    outgoing: bool
    user: UserId | None
    """The other side; None while a phone number has not been looked up."""
    phone: str | None
    name: str | None = field(repr=False)
    """What they call themselves, by their profile; nobody vouches for it."""
    sender_device: DeviceId | None
    """The device it came from; None for outgoing messages."""
    number: MessageNumber | None
    text: str | None = field(repr=False)
    """Of a text, in its newest wording."""
    sent_at: float
    """Unix seconds by the sender's clock."""
    stored_at: float
    """Unix seconds by this phone's clock."""
    accepted_at: float | None
    state: MessageState
    error_name: str | None
    book_name: str | None = field(default=None, repr=False)
    """What they are called in this phone's address book."""
    content: Content | None = field(default=None, repr=False)
    """As it was sent; None if there is none any more, or never was."""
    is_edited: bool = False
    quote: Quote | None = None
    mentions: tuple[UserId, ...] = ()
    reactions: tuple[ReactionShown, ...] = ()
    group: GroupId | None = None
    group_name: str | None = field(default=None, repr=False)
    author: UserId | None = None
    gseq: GroupSeq | None = None
    change: GroupChange | None = None
    """Of a line about the group itself: what it says."""
    mentioned: tuple[Mentioned, ...] = ()
    """Of those in ``mentions`` whose number is in the text: how they are called here."""
    life: int | None = None
    """Seconds that it lives from being sent; None: it stays."""
    forwards: int = 0
    """How often it was forwarded before it came here."""


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """Says "I have read the messages of this device up to this number": the fields of a ``Read`` stanza.

    Of a group it says that everything was read up to a place in the timeline.
    """

    sender: DeviceAddress | GroupAddress
    number: MessageNumber | GroupSeq


__all__ = [
    "Account",
    "Bundle",
    "Duplicate",
    "EntryKind",
    "GroupChanged",
    "HistoryArrived",
    "HistoryEntry",
    "IncomingDelivery",
    "Mentioned",
    "MessageState",
    "OutgoingSend",
    "Part",
    "PrekeyUpload",
    "QueuedMessage",
    "Quote",
    "ReactionShown",
    "ReadReceipt",
    "Received",
    "ReceivedMessage",
    "RegistrationKeys",
    "SeenElsewhere",
    "SentElsewhere",
    "Served",
    "Undecryptable",
]
