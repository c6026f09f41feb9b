"""The stanza table: type number, direction and fields with their types and limits, as data.

Codec, connection, documentation and tests all work from this one table; the numbers are fixed for ever.
Fields come in wire order; those marked optional are last, and may be absent or null. A number below 24 is
one byte on the wire, so the stanzas of every day have those.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from typing import Any, Final

from protocol import limits
from protocol import stanzas as s
from protocol.device_list import SignedDeviceList
from protocol.fields import (
    AddressBytes,
    Bytes,
    Chat,
    Code,
    Either,
    FieldType,
    ListOf,
    Names,
    Null,
    OneOf,
    Record,
    Text,
    Uint,
)
from protocol.ids import DeviceAddress, GroupAddress, MemberAddress


class Sender(Enum):
    """Who sends a stanza; the value is the letter in the tables of the documentation."""

    __hash__ = object.__hash__  # Enum's own is a Python function, and each stanza looks its sender up

    CLIENT = "C"
    RELAY = "R"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a stanza."""

    name: str
    type: FieldType
    optional: bool


class StanzaSpec:
    """One row of the table, with what the codec needs of it worked out once.

    Attributes:
        number: the type on the wire.
        stanza: its class.
        sender: who may send it.
        fields: in wire order.
        required: how many fields must be there.
        chat: the place of the field that is a handle on the wire; None if there is none.
        chat_classes: per sender, the classes that the address behind that handle may have.
        readers: the check of each field.
        values: takes all field values out of a stanza, as a tuple.
    """

    __slots__ = (
        "chat",
        "chat_classes",
        "fields",
        "number",
        "readers",
        "required",
        "sender",
        "stanza",
        "values",
    )

    def __init__(self, number: int, stanza: type[Any], sender: Sender, fields: tuple[FieldSpec, ...]) -> None:
        self.number = number
        self.stanza = stanza
        self.sender = sender
        self.fields = fields
        self.required = sum(not field.optional for field in fields)
        self.chat = next((i for i, field in enumerate(fields) if isinstance(field.type, Chat)), None)
        self.chat_classes = {} if self.chat is None else _chat_classes(fields[self.chat].type)
        self.readers = tuple(_reader(field) for field in fields)
        self.values = _values_of(tuple(field.name for field in fields))

    @property
    def name(self) -> str:
        """The name of the stanza's class."""
        return self.stanza.__name__


# A UserId is an int when the program runs; nothing else about it can be told from outside.
_CLASSES: Final[dict[Names, type[Any]]] = {
    Names.USER: int,
    Names.DEVICE: DeviceAddress,
    Names.GROUP: GroupAddress,
    Names.MEMBER: MemberAddress,
}


def _chat_classes(chat: FieldType) -> dict[Sender, tuple[type[Any], ...]]:
    assert isinstance(chat, Chat)
    sides = {Sender.CLIENT: chat.from_client, Sender.RELAY: chat.from_relay}
    return {sender: tuple(_CLASSES[name] for name in names) for sender, names in sides.items() if names}


@dataclass(frozen=True, slots=True)
class _Optional:
    """Marks a field of the table as optional."""

    type: FieldType


def _reader(field: FieldSpec) -> Callable[[object], object]:
    if not field.optional:
        return field.type.read
    read = field.type.read
    return lambda value: None if value is None else read(value)


def _values_of(names: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    if not names:
        return lambda stanza: ()
    get = attrgetter(*names)
    if len(names) > 1:
        return get
    return lambda stanza: (get(stanza),)  # attrgetter gives a bare value for a single name


def _row(number: int, stanza: type[Any], sender: Sender, /, **fields: FieldType | _Optional) -> StanzaSpec:
    specs = [
        FieldSpec(name, kind.type, optional=True)
        if isinstance(kind, _Optional)
        else FieldSpec(name, kind, optional=False)
        for name, kind in fields.items()
    ]
    return StanzaSpec(number, stanza, sender, tuple(specs))


# --- The field types that rows share ---

_FLAG: Final = Uint(1)
_COUNT: Final = Uint(limits.MAX_UINT32)
_REQUEST: Final = Uint(limits.MAX_UINT32)
_SECONDS: Final = Uint(limits.MAX_UINT32)
_USER: Final = Uint(limits.MAX_UINT63, minimum=1)
_USER_OR_NONE: Final = Uint(limits.MAX_UINT63)
_DEVICE: Final = Uint(limits.MAX_DEVICE_ID, minimum=1)
_NUMBER: Final = Uint(limits.MAX_UINT63, minimum=1)
_REACHED: Final = Uint(limits.MAX_UINT63)
_SEQ: Final = Uint(limits.MAX_UINT63, minimum=1)
_CIPHERTEXT: Final = Bytes(limits.MAX_CIPHERTEXT_BYTES, minimum=1)
_PHONE: Final = Text(limits.MAX_PHONE_CHARS)
_PIN: Final = Text(limits.MAX_PIN_CHARS)
_KEY: Final = Bytes(limits.KEY_BYTES, minimum=limits.KEY_BYTES)
_SIGNATURE: Final = Bytes(limits.SIGNATURE_BYTES, minimum=limits.SIGNATURE_BYTES)
_KEY_ID: Final = Uint(limits.MAX_UINT32)
_DETAIL: Final = _Optional(
    Either((Uint(limits.MAX_UINT63), ListOf(Uint(limits.MAX_DEVICE_ID), limits.MAX_DEVICES_PER_USER)))
)

_PART: Final = Record(s.Part, (("device", _DEVICE), ("ciphertext", _CIPHERTEXT)))
_PARTS: Final = Either((_CIPHERTEXT, ListOf(_PART, limits.MAX_DEVICES_PER_USER)))
_PREKEY: Final = Record(s.Prekey, (("id", _KEY_ID), ("key", _KEY)))
_PREKEYS: Final = ListOf(_PREKEY, limits.MAX_PREKEYS_PER_UPLOAD)
_SIGNED_PREKEY: Final = Record(s.SignedPrekey, (("id", _KEY_ID), ("key", _KEY), ("signature", _SIGNATURE)))
_KEM_PREKEY: Final = Record(
    s.KemPrekey,
    (
        ("id", _KEY_ID),
        ("key", Bytes(limits.KEM_KEY_BYTES, minimum=limits.KEM_KEY_BYTES)),
        ("signature", _SIGNATURE),
    ),
)
_BUNDLE: Final = Record(
    s.DeviceBundle,
    (
        ("device", _DEVICE),
        ("identity_key", _KEY),
        ("signed_prekey_id", _KEY_ID),
        ("signed_prekey", _KEY),
        ("signature", _SIGNATURE),
        ("one_time_prekey", Either((Null(), _PREKEY))),
        ("kem_prekey", Either((Null(), _KEM_PREKEY))),
    ),
    optional=1,
)
_DEVICE_LIST: Final = Bytes(limits.MAX_DEVICE_LIST_BYTES, minimum=1)
_SIGNED_DEVICE_LIST: Final = Record(SignedDeviceList, (("encoded", _DEVICE_LIST), ("signature", _SIGNATURE)))
_DEVICES: Final = ListOf(_DEVICE, limits.MAX_DEVICES_PER_USER)
_LINK: Final = Bytes(limits.LINK_BYTES, minimum=limits.LINK_BYTES)
_NAMEPLATE: Final = Text(limits.NAMEPLATE_CHARS)
_LINK_MESSAGE: Final = Bytes(limits.MAX_LINK_MESSAGE_BYTES)
_RUN: Final = Record(s.Run, (("first", _NUMBER), ("last", _NUMBER)))
_PROGRESS: Final = Record(
    s.ChatProgress,
    (
        ("user", _USER),
        ("accepted", _REACHED),
        ("delivered", _REACHED),
        ("read", _REACHED),
        ("expired", ListOf(_RUN, limits.MAX_EXPIRED_RUNS)),
    ),
    optional=1,
)

_GROUP: Final = Uint(limits.MAX_UINT63, minimum=1)
_GSEQ: Final = Uint(limits.MAX_UINT63, minimum=1)
_INDEX: Final = Uint(limits.MAX_UINT32)
_ENTRY: Final = Bytes(limits.MAX_CIPHERTEXT_BYTES, minimum=1)
_INVITE: Final = Bytes(limits.KEY_BYTES, minimum=limits.KEY_BYTES)
_PROOF: Final = Bytes(limits.MAX_JOIN_PROOF_BYTES, minimum=1)
_LIFE: Final = Uint(limits.MAX_UINT32, minimum=1)
_GROUP_TICKS: Final = Record(
    s.GroupTicks,
    (("group", _GROUP), ("accepted", _REACHED), ("delivered", _REACHED), ("read", _REACHED)),
)
_MEMBER_PROGRESS: Final = Record(
    s.MemberProgress, (("user", _USER), ("delivered", _REACHED), ("read", _REACHED))
)
_JOIN_REQUEST: Final = Record(s.JoinRequest, (("user", _USER), ("proof", _PROOF)))

_EXPORTED_ROW: Final = Record(
    s.ExportedRow,
    (("table", Text(limits.MAX_TABLE_NAME_CHARS)), ("facts", Text(limits.MAX_EXPORTED_ROW_CHARS))),
)
_PLACE: Final = Bytes(limits.MAX_EXPORT_PLACE_BYTES)

_AUDIENCE: Final = OneOf(tuple(s.Audience))
_PRIVACY: Final = Record(
    s.Privacy,
    (
        ("last_seen", _AUDIENCE),
        ("read_receipts", _AUDIENCE),
        ("profile", _AUDIENCE),
        ("discoverable", _AUDIENCE),
    ),
    optional=1,
)
_USERS: Final = ListOf(_USER, limits.MAX_SETTINGS_USERS)
_PIECE: Final = Uint(limits.MAX_PROFILE_PIECES - 1)
_VERSION: Final = Uint(limits.MAX_UINT63)
_PROFILE_DATA: Final = Bytes(limits.MAX_PROFILE_PIECE_BYTES)

# What a chat's handle stands for depends on who says it: a client writes to users, and hears from devices.
_TO_USER: Final = Chat(from_client=(Names.USER,), from_relay=())
_TO_GROUP: Final = Chat(from_client=(Names.GROUP,), from_relay=())
_OF_USER: Final = Chat(from_client=(), from_relay=(Names.USER,))
_OF_CHAT: Final = Chat(from_client=(), from_relay=(Names.USER, Names.GROUP))
_OF_GROUP: Final = Chat(from_client=(), from_relay=(Names.GROUP,))
_FROM_DEVICE: Final = Chat(from_client=(), from_relay=(Names.DEVICE, Names.MEMBER))
_ACTIVITY: Final = Chat(from_client=(Names.USER, Names.GROUP), from_relay=(Names.DEVICE, Names.MEMBER))
_READING: Final = Chat(from_client=(Names.DEVICE, Names.GROUP), from_relay=(Names.USER, Names.GROUP))

_CLIENT: Final = Sender.CLIENT
_RELAY: Final = Sender.RELAY
_BOTH: Final = Sender.BOTH

SCHEMA: Final[tuple[StanzaSpec, ...]] = (
    _row(0, s.Ping, _BOTH),
    _row(1, s.Pong, _BOTH),
    _row(2, s.Ack, _CLIENT, seq=_SEQ),
    _row(3, s.Accepted, _RELAY, chat=_OF_CHAT, number=_NUMBER),
    _row(4, s.Delivered, _RELAY, chat=_OF_CHAT, number=_NUMBER),
    _row(5, s.Read, _BOTH, chat=_READING, number=_NUMBER),
    _row(6, s.Typing, _BOTH, chat=_ACTIVITY),
    _row(7, s.Paused, _BOTH, chat=_ACTIVITY),
    _row(
        8, s.Send, _CLIENT,
        chat=_TO_USER, number=_NUMBER, parts=_PARTS, life_s=_Optional(_LIFE),
    ),
    _row(
        9, s.Deliver, _RELAY,
        seq=_SEQ, chat=_FROM_DEVICE, number=_NUMBER, ciphertext=_CIPHERTEXT,
        accepted_at=_Optional(Uint(limits.MAX_UINT63)), gseq=_Optional(_GSEQ), is_entry=_Optional(_FLAG),
    ),
    _row(10, s.Refused, _RELAY, chat=_OF_CHAT, number=_NUMBER, code=Code(), detail=_DETAIL),
    _row(
        11, s.Bind, _BOTH,
        handle=Uint(limits.MAX_HANDLE), address=AddressBytes(), phone=_Optional(_PHONE),
    ),
    _row(12, s.Error, _BOTH, code=Code(), detail=_DETAIL),
    _row(13, s.Failed, _RELAY, request=_REQUEST, code=Code(), detail=_DETAIL),
    _row(14, s.Expired, _RELAY, chat=_OF_CHAT, first=_NUMBER, last=_NUMBER),
    _row(15, s.Presence, _RELAY, chat=_OF_USER, online=Uint(1), last_seen=_Optional(Uint(limits.MAX_UINT63))),
    _row(16, s.Subscribe, _CLIENT, chat=_TO_USER),
    _row(17, s.Unsubscribe, _CLIENT, chat=_TO_USER),
    _row(18, s.Available, _CLIENT),
    _row(19, s.Unavailable, _CLIENT),
    _row(
        24, s.Welcome, _RELAY,
        user=_USER_OR_NONE, device=Uint(limits.MAX_DEVICE_ID), server_time=Uint(limits.MAX_UINT63),
        keepalive_s=Uint(limits.MAX_KEEPALIVE_SECONDS, minimum=1), window=Uint(limits.MAX_UINT32, minimum=1),
        queued=Uint(limits.MAX_UINT63),
    ),
    _row(32, s.RequestCode, _CLIENT, request=_REQUEST, phone=_PHONE, via=OneOf(tuple(s.CodeRoute))),
    _row(33, s.CodeSent, _RELAY, request=_REQUEST, resend_after_s=_SECONDS, expires_in_s=_SECONDS),
    _row(
        34, s.Register, _CLIENT,
        request=_REQUEST, phone=_PHONE, code=Text(limits.MAX_CODE_CHARS), identity_key=_KEY,
        signed_prekey_id=_KEY_ID, signed_prekey=_KEY, signature=_SIGNATURE, prekeys=_PREKEYS,
        take_over=_Optional(_FLAG), pin=_Optional(_PIN), last_resort=_Optional(_KEM_PREKEY),
    ),
    _row(35, s.Registered, _RELAY, request=_REQUEST, user=_USER, device=_DEVICE),
    _row(
        36, s.UploadPrekeys, _CLIENT,
        request=_REQUEST, signed=Either((Null(), _SIGNED_PREKEY)), prekeys=_PREKEYS,
        last_resort=_Optional(_KEM_PREKEY),
        kem_prekeys=_Optional(ListOf(_KEM_PREKEY, limits.MAX_KEM_PREKEYS_PER_UPLOAD)),
    ),
    _row(
        37, s.Done, _RELAY,
        request=_REQUEST, one_time_prekeys_left=_COUNT, kem_prekeys_left=_Optional(_COUNT),
    ),
    _row(38, s.FetchBundles, _CLIENT, request=_REQUEST, user=_USER, devices=_Optional(_DEVICES)),
    _row(
        39, s.Bundles, _RELAY,
        request=_REQUEST, devices=ListOf(_BUNDLE, limits.MAX_DEVICES_PER_USER),
        device_list=_Optional(_SIGNED_DEVICE_LIST), present=_Optional(_DEVICES),
    ),
    _row(
        40, s.Lookup, _CLIENT,
        request=_REQUEST, phones=ListOf(_PHONE, limits.MAX_LOOKUP_PHONES), in_bulk=_Optional(_FLAG),
    ),
    _row(41, s.Found, _RELAY, request=_REQUEST, users=ListOf(_USER_OR_NONE, limits.MAX_LOOKUP_PHONES)),
    _row(
        42, s.FetchProgress, _CLIENT,
        request=_REQUEST, users=ListOf(_USER, limits.MAX_PROGRESS_USERS),
        groups=_Optional(ListOf(_GROUP, limits.MAX_PROGRESS_USERS)),
    ),
    _row(
        43, s.Progresses, _RELAY,
        request=_REQUEST, chats=ListOf(_PROGRESS, limits.MAX_PROGRESS_USERS),
        groups=_Optional(ListOf(_GROUP_TICKS, limits.MAX_PROGRESS_USERS)),
    ),
    _row(44, s.TestCrash, _CLIENT, target=OneOf(("connection", "mailbox"))),
    _row(
        46, s.ChangeSettings, _CLIENT,
        request=_REQUEST, privacy=Either((Null(), _PRIVACY)), block=_USERS, unblock=_USERS,
        add_contacts=_USERS, remove_contacts=_USERS,
    ),
    _row(
        47, s.Settings, _RELAY,
        request=_REQUEST, privacy=_PRIVACY, blocked=ListOf(_USER, limits.MAX_BLOCKED_USERS), contacts=_COUNT,
    ),
    _row(
        48, s.StoreProfile, _CLIENT,
        request=_REQUEST, version=_VERSION, piece=_PIECE, data=_PROFILE_DATA,
    ),
    _row(49, s.ProfileStored, _RELAY, request=_REQUEST),
    _row(
        50, s.FetchProfile, _CLIENT,
        request=_REQUEST, user=_USER, piece=_PIECE, known_version=_VERSION,
    ),
    _row(51, s.Profile, _RELAY, request=_REQUEST, version=_VERSION, data=_PROFILE_DATA),
    _row(52, s.SetPin, _CLIENT, request=_REQUEST, pin=_PIN),
    _row(53, s.PinSet, _RELAY, request=_REQUEST),
    _row(54, s.DeleteAccount, _CLIENT, request=_REQUEST, phone=_PHONE),
    _row(55, s.AccountDeleted, _RELAY, request=_REQUEST),
    _row(56, s.FetchAccount, _CLIENT, request=_REQUEST, begin=_PLACE),
    _row(
        57, s.AccountPage, _RELAY,
        request=_REQUEST, rows=ListOf(_EXPORTED_ROW, limits.MAX_EXPORTED_ROWS), next=_PLACE,
    ),
    _row(58, s.RequestNumberCode, _CLIENT, request=_REQUEST, phone=_PHONE, via=OneOf(tuple(s.CodeRoute))),
    _row(59, s.ChangeNumber, _CLIENT, request=_REQUEST, phone=_PHONE, code=Text(limits.MAX_CODE_CHARS)),
    _row(60, s.NumberChanged, _RELAY, request=_REQUEST),
    _row(
        96, s.SendGroup, _CLIENT,
        chat=_TO_GROUP, number=_NUMBER, epoch=_INDEX, ciphertext=_CIPHERTEXT, life_s=_Optional(_LIFE),
    ),
    _row(
        97, s.AppendEntries, _CLIENT,
        request=_REQUEST, group=_GROUP, entries=ListOf(_ENTRY, limits.MAX_ENTRIES_PER_REQUEST),
    ),
    _row(98, s.EntriesAppended, _RELAY, request=_REQUEST, next=_INDEX),
    _row(
        99, s.FetchLog, _CLIENT,
        request=_REQUEST, group=_GROUP, first=_INDEX, invite=_Optional(_INVITE),
    ),
    _row(
        100, s.Log, _RELAY,
        request=_REQUEST, entries=ListOf(_ENTRY, limits.MAX_ENTRIES_PER_REQUEST), next=_INDEX,
    ),
    _row(101, s.FetchGroupProgress, _CLIENT, request=_REQUEST, group=_GROUP, number=_NUMBER),
    _row(
        102, s.GroupProgress, _RELAY,
        request=_REQUEST, gseq=_GSEQ, members=ListOf(_MEMBER_PROGRESS, limits.MAX_GROUP_MEMBERS),
    ),
    _row(
        103, s.RequestJoin, _CLIENT,
        request=_REQUEST, group=_GROUP, invite=_INVITE, proof=_PROOF,
    ),
    _row(104, s.JoinRequested, _RELAY, request=_REQUEST),
    _row(105, s.FetchJoinRequests, _CLIENT, request=_REQUEST, group=_GROUP),
    _row(
        106, s.JoinRequests, _RELAY,
        request=_REQUEST, requests=ListOf(_JOIN_REQUEST, limits.MAX_JOIN_REQUESTS),
    ),
    _row(
        107, s.DismissJoins, _CLIENT,
        request=_REQUEST, group=_GROUP, users=ListOf(_USER, limits.MAX_JOIN_REQUESTS),
    ),
    _row(108, s.JoinsDismissed, _RELAY, request=_REQUEST),
    _row(109, s.JoinAsked, _RELAY, chat=_OF_GROUP, user=_USER),
    _row(
        80, s.PublishDevices, _CLIENT,
        request=_REQUEST, encoded=_DEVICE_LIST, signature=_SIGNATURE,
    ),
    _row(81, s.DevicesPublished, _RELAY, request=_REQUEST),
    _row(82, s.LeaveAccount, _CLIENT, request=_REQUEST),
    _row(83, s.AccountLeft, _RELAY, request=_REQUEST),
    _row(84, s.OpenLink, _CLIENT, request=_REQUEST),
    _row(
        85, s.LinkOpened, _RELAY,
        request=_REQUEST, link=_LINK, nameplate=_NAMEPLATE, expires_in_s=_SECONDS,
    ),
    _row(
        86, s.ClaimLink, _CLIENT,
        request=_REQUEST, link=Either((_LINK, _NAMEPLATE)), message=_LINK_MESSAGE,
    ),
    _row(87, s.LinkClaimed, _RELAY, request=_REQUEST, link=_LINK, device=_DEVICE),
    _row(88, s.AnswerLink, _CLIENT, request=_REQUEST, link=_LINK, message=_LINK_MESSAGE),
    _row(
        89, s.ConfirmLink, _CLIENT,
        request=_REQUEST, link=_LINK, static_key=_KEY, encoded=_DEVICE_LIST, signature=_SIGNATURE,
        message=_LINK_MESSAGE,
    ),
    _row(90, s.PollLink, _CLIENT, request=_REQUEST, link=_LINK),
    _row(91, s.LinkState, _RELAY, request=_REQUEST, step=Uint(255), message=_LINK_MESSAGE),
    _row(
        92, s.CompleteLink, _CLIENT,
        request=_REQUEST, link=_LINK, identity_key=_KEY, signed_prekey_id=_KEY_ID, signed_prekey=_KEY,
        signature=_SIGNATURE, prekeys=_PREKEYS, last_resort=_Optional(_KEM_PREKEY),
    ),
    _row(93, s.CancelLink, _CLIENT, request=_REQUEST, link=_LINK),
)  # fmt: skip

SPEC_OF_NUMBER: Final[dict[int, StanzaSpec]] = {spec.number: spec for spec in SCHEMA}
SPEC_OF_CLASS: Final[dict[type[Any], StanzaSpec]] = {spec.stanza: spec for spec in SCHEMA}
