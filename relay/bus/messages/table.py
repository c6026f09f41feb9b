"""The table of bus messages: the number of each class, and the type of each of its fields.

Numbers are not used again. All workers of a node run the same program, so there is one version for all of it:
`VERSION`, which hello compares.
"""

from collections.abc import Callable
from operator import attrgetter, call
from typing import Any, TypeAlias

from protocol import (
    DeviceAddress,
    DeviceBundle,
    DeviceId,
    GroupAddress,
    GroupId,
    KemPrekey,
    MessageNumber,
    Part,
    Prekey,
    Run,
    SignedDeviceList,
    UserId,
)
from protocol.fields import Bytes, Either, FieldError, FieldType, ListOf, Null, Record, Text, Uint
from protocol.limits import (
    KEM_KEY_BYTES,
    KEY_BYTES,
    LINK_BYTES,
    MAX_CIPHERTEXT_BYTES,
    MAX_CODE_CHARS,
    MAX_DEVICE_ID,
    MAX_DEVICE_LIST_BYTES,
    MAX_DEVICES_PER_USER,
    MAX_ENTRIES_PER_REQUEST,
    MAX_EXPIRED_RUNS,
    MAX_GROUP_MEMBERS,
    MAX_JOIN_PROOF_BYTES,
    MAX_JOIN_REQUESTS,
    MAX_LINK_MESSAGE_BYTES,
    MAX_PHONE_CHARS,
    MAX_PIN_CHARS,
    MAX_PREKEYS_PER_UPLOAD,
    MAX_STANZAS_PER_FRAME,
    MAX_UINT32,
    MAX_UINT63,
    NAMEPLATE_CHARS,
    SIGNATURE_BYTES,
)
from protocol.slots import MAX_WORKERS
from relay.bus.chat import ChatId
from relay.bus.messages.facts import (
    Accepted,
    Activity,
    Close,
    Delivered,
    Expired,
    Hello,
    Inquire,
    Lost,
    Numbered,
    Presence,
    Read,
    Ready,
    Refused,
    Submit,
    Taken,
    Unwatch,
    Voided,
    Watch,
)
from relay.bus.messages.grouping import (
    AppendEntries,
    AskToJoin,
    DismissJoins,
    EntriesAppended,
    GroupActivity,
    GroupArrived,
    GroupDone,
    GroupItems,
    GroupJoinAsked,
    GroupReached,
    GroupTyping,
    SubmitGroup,
)
from relay.bus.messages.linking import (
    AddDevice,
    AnswerLink,
    ClaimLink,
    CompleteLink,
    ConfirmLink,
    ForgetKeys,
    KeysForgotten,
    LinkClaimed,
    LinkOpened,
    LinkStands,
    OpenLink,
    PollLink,
)
from relay.bus.messages.questions import (
    AccountDeleted,
    AccountRemoved,
    Bundles,
    ChangeNumber,
    CodeIssued,
    CodeWithdrawn,
    CreateDevice,
    DeleteAccount,
    DeviceCreated,
    IssueCode,
    NotDone,
    NumberChanged,
    NumberSet,
    PinProved,
    ProvePin,
    Redeem,
    Redeemed,
    RemoveAccount,
    SetNumber,
    TakeBundles,
    WithdrawCode,
)

VERSION = 1

INCARNATION_BYTES = 8

BusMessage: TypeAlias = Any
"""An instance of a class of `TABLE`."""

UINT = Uint(MAX_UINT63)
USER = Uint(MAX_UINT63, 1)
NUMBER = Uint(MAX_UINT63)
CONNECTION = Uint(MAX_UINT63, 1)
CODE = Uint(65_535)
DEVICE_NUMBER = Uint(MAX_DEVICE_ID, 1)
DEVICE = Record(DeviceAddress, (("user", USER), ("device", DEVICE_NUMBER)))
INCARNATION = Bytes(INCARNATION_BYTES, INCARNATION_BYTES)
KEY = Bytes(KEY_BYTES, KEY_BYTES)
SIGNATURE = Bytes(SIGNATURE_BYTES, SIGNATURE_BYTES)
PHONE = Text(MAX_PHONE_CHARS)
PIN = Either((Null(), Text(MAX_PIN_CHARS)))
PREKEY = Record(Prekey, (("id", Uint(MAX_UINT32)), ("key", KEY)))
PREKEYS = ListOf(PREKEY, MAX_PREKEYS_PER_UPLOAD)
KEM_PREKEY = Record(
    KemPrekey,
    (("id", Uint(MAX_UINT32)), ("key", Bytes(KEM_KEY_BYTES, KEM_KEY_BYTES)), ("signature", SIGNATURE)),
)
LAST_RESORT = Either((Null(), KEM_PREKEY))
PART = Record(Part, (("device", DEVICE_NUMBER), ("ciphertext", Bytes(MAX_CIPHERTEXT_BYTES))))
LIFE = Uint(MAX_UINT32, 1)
PARTS = ListOf(PART, MAX_DEVICE_ID)
BUNDLE = Record(
    DeviceBundle,
    (
        ("device", DEVICE_NUMBER),
        ("identity_key", KEY),
        ("signed_prekey_id", Uint(MAX_UINT32)),
        ("signed_prekey", KEY),
        ("signature", SIGNATURE),
        ("one_time_prekey", Either((Null(), PREKEY))),
        ("kem_prekey", LAST_RESORT),
    ),
)
RUNS = ListOf(Record(Run, (("first", NUMBER), ("last", NUMBER))), MAX_EXPIRED_RUNS * 1_024)
DETAIL = Either((Null(), UINT, ListOf(UINT, MAX_DEVICE_ID)))
DEVICES = ListOf(DEVICE_NUMBER, MAX_DEVICES_PER_USER)
LIST_BYTES = Bytes(MAX_DEVICE_LIST_BYTES)
DEVICE_LIST = Record(SignedDeviceList, (("encoded", LIST_BYTES), ("signature", SIGNATURE)))
LINK = Bytes(LINK_BYTES, LINK_BYTES)
NAMEPLATE = Text(NAMEPLATE_CHARS)
LINK_MESSAGE = Bytes(MAX_LINK_MESSAGE_BYTES)
MAX_ADDRESS_CHARS = 64
"""The host of a peer as text: 45 for the longest IPv6 address."""
_NEW_DEVICE: tuple[FieldType, ...] = (KEY, KEY, Uint(MAX_UINT32), KEY, SIGNATURE, PREKEYS, LAST_RESORT)


class _Numbered:
    """Written out, because it is read for every message that crosses."""

    text = "[number, bytes or parts, life?]"

    def read(self, value: object) -> Numbered:
        """Return the number and what goes with it."""
        if type(value) is not list or not 2 <= len(value) <= 3:
            raise FieldError("not a numbered message")
        number, parts = value[:2]
        if type(number) is not int or not 0 <= number <= MAX_UINT63:
            raise FieldError("not a number")
        if type(parts) is not bytes:
            parts = PARTS.read(parts)
        elif len(parts) > MAX_CIPHERTEXT_BYTES:
            raise FieldError("too long")
        if len(value) == 2:
            return MessageNumber(number), parts
        return MessageNumber(number), parts, LIFE.read(value[2])


NUMBERED = _Numbered()


class _Chat:
    """A user as a number, or a group as an array of it; written out, because every tick has one."""

    text = "uint (a user) or [uint] (a group)"

    def read(self, value: object) -> ChatId:
        """Return the user or the group."""
        if type(value) is int and 0 < value <= MAX_UINT63:
            return UserId(value)
        if type(value) is list and len(value) == 1 and type(value[0]) is int and 0 < value[0] <= MAX_UINT63:
            return GroupAddress(GroupId(value[0]))
        raise FieldError("not a user or group")


class _AsWritten:
    """What another worker of this version has written, and its handler takes apart: large arrays."""

    text = "array"

    def read(self, value: object) -> object:
        """Return the array."""
        if type(value) is not list:
            raise FieldError("not an array")
        return value


CHAT = _Chat()
ARRAY = _AsWritten()
PACKED = Bytes(8 * MAX_GROUP_MEMBERS * 2)


class Row:
    """One message: its number on the bus, its class, and the type of each field, in order.

    A device in the first place (nearly all messages are about one) is two numbers and not an array: a third
    less for encoding and decoding a tick.
    """

    __slots__ = ("begins_with_device", "fields", "message", "number", "readers", "values")

    def __init__(self, number: int, message: type[Any], *fields: FieldType) -> None:
        self.number = number
        self.message = message
        self.fields = fields
        self.begins_with_device = bool(fields) and fields[0] is DEVICE
        self.readers = [kind.read for kind in fields[self.begins_with_device :]]
        self.values: Callable[[Any], tuple[Any, ...]] = _getter(message, self.begins_with_device)

    def read(self, item: list[Any]) -> Any:
        """A message out of its CBOR form, `[number, *fields]`.

        Raises:
            FieldError: it does not fit.
        """
        if len(item) != len(self.fields) + 1 + self.begins_with_device:
            raise FieldError(f"{len(item) - 1} values")
        if self.begins_with_device:
            return self.message(read_device(item[1], item[2]), *map(call, self.readers, item[3:]))
        return self.message(*map(call, self.readers, item[1:]))


def read_device(user: Any, device: Any) -> DeviceAddress:
    """A device out of its two numbers.

    Raises:
        FieldError: they are none.
    """
    if type(user) is int and type(device) is int and 0 < user <= MAX_UINT63 and 0 < device <= MAX_DEVICE_ID:
        return DeviceAddress(UserId(user), DeviceId(device))
    raise FieldError("not a device")


def _getter(message: type[Any], begins_with_device: bool) -> Callable[[Any], tuple[Any, ...]]:
    """Takes all field values out of a message, as a tuple."""
    names = tuple(message.__match_args__)
    if begins_with_device:
        names = (f"{names[0]}.user", f"{names[0]}.device", *names[1:])
    if len(names) == 1:
        get = attrgetter(names[0])
        return lambda value: (get(value),)
    return attrgetter(*names) if names else lambda _: ()


TABLE: tuple[Row, ...] = (
    Row(0, Hello, UINT, Uint(MAX_WORKERS - 1), Uint(MAX_WORKERS, 1), INCARNATION),
    Row(1, Ready),
    Row(2, Taken, UINT),
    Row(3, Submit, DEVICE, CONNECTION, USER, ListOf(NUMBERED, MAX_STANZAS_PER_FRAME)),
    Row(4, Accepted, DEVICE, CHAT, NUMBER),
    Row(5, Delivered, DEVICE, CHAT, NUMBER),
    Row(6, Read, DEVICE, CHAT, NUMBER),
    Row(7, Refused, DEVICE, CONNECTION, CHAT, NUMBER, CODE, DETAIL, UINT),
    Row(8, Activity, DEVICE, USER, Uint(1)),
    Row(9, Inquire, DEVICE, CONNECTION, CHAT, NUMBER, UINT),
    Row(10, Expired, DEVICE, CHAT, RUNS),
    Row(11, Voided, DEVICE, CONNECTION, CHAT, NUMBER, NUMBER, CODE),
    Row(12, Close, DEVICE, CODE),
    Row(13, Lost, CHAT),
    Row(14, Watch, DEVICE, USER),
    Row(15, Unwatch, DEVICE, USER),
    Row(16, Presence, DEVICE, USER, Uint(1), Either((Null(), UINT))),
    Row(32, NotDone, UINT, CODE, DETAIL),
    Row(33, TakeBundles, USER, Either((Null(), DEVICES)), UINT),
    Row(34, Bundles, UINT, ListOf(BUNDLE, MAX_DEVICES_PER_USER), Either((Null(), DEVICE_LIST)), DEVICES),
    Row(35, CreateDevice, USER, PHONE, *_NEW_DEVICE, UINT, UINT),
    Row(36, DeviceCreated, UINT, DEVICE_NUMBER),
    Row(37, IssueCode, PHONE, UINT),
    Row(38, CodeIssued, UINT, Text(MAX_CODE_CHARS)),
    Row(39, WithdrawCode, PHONE, UINT),
    Row(40, CodeWithdrawn, UINT),
    Row(41, Redeem, PHONE, Text(MAX_CODE_CHARS), *_NEW_DEVICE, Uint(1), PIN, UINT),
    Row(42, Redeemed, UINT, DEVICE),
    Row(52, ProvePin, USER, PIN, UINT),
    Row(53, PinProved, UINT, Uint(1)),
    Row(54, RemoveAccount, USER, Uint(MAX_DEVICE_ID), UINT),
    Row(55, AccountRemoved, UINT),
    Row(56, DeleteAccount, DEVICE, UINT),
    Row(57, AccountDeleted, UINT),
    Row(58, ChangeNumber, DEVICE, PHONE, Text(MAX_CODE_CHARS), UINT),
    Row(59, NumberChanged, UINT),
    Row(60, SetNumber, USER, DEVICE_NUMBER, PHONE, UINT),
    Row(61, NumberSet, UINT),
    Row(80, OpenLink, KEY, Text(MAX_ADDRESS_CHARS), UINT),
    Row(81, LinkOpened, UINT, LINK, NAMEPLATE),
    Row(82, ClaimLink, DEVICE, Either((LINK, NAMEPLATE)), DEVICE_NUMBER, LINK_MESSAGE, UINT),
    Row(83, LinkClaimed, UINT, LINK),
    Row(84, AnswerLink, LINK, KEY, LINK_MESSAGE, UINT),
    Row(85, ConfirmLink, DEVICE, LINK, KEY, LIST_BYTES, SIGNATURE, LINK_MESSAGE, UINT),
    Row(86, PollLink, LINK, Either((Null(), DEVICE)), Either((Null(), KEY)), Uint(1), UINT),
    Row(87, LinkStands, UINT, Uint(255), LINK_MESSAGE),
    Row(88, CompleteLink, LINK, *_NEW_DEVICE, UINT),
    Row(89, AddDevice, USER, *_NEW_DEVICE, UINT, LIST_BYTES, SIGNATURE, UINT),
    Row(90, ForgetKeys, ListOf(KEY, MAX_DEVICES_PER_USER), UINT),
    Row(91, KeysForgotten, UINT),
    Row(96, SubmitGroup, DEVICE, CONNECTION, USER, ARRAY),
    Row(97, GroupItems, USER, UINT, PACKED, ARRAY),
    Row(98, GroupArrived, USER, Uint(MAX_WORKERS - 1), UINT, ListOf(USER, MAX_GROUP_MEMBERS * 2)),
    Row(99, GroupReached, USER, ARRAY),
    Row(100, GroupActivity, DEVICE, USER, Uint(1)),
    Row(101, GroupTyping, DEVICE, USER, PACKED, Uint(1)),
    Row(102, GroupJoinAsked, USER, USER, USER),
    Row(103, AppendEntries, DEVICE, USER, ListOf(Bytes(MAX_CIPHERTEXT_BYTES), MAX_ENTRIES_PER_REQUEST), UINT),
    Row(104, EntriesAppended, UINT, UINT),
    Row(105, AskToJoin, USER, USER, KEY, Bytes(MAX_JOIN_PROOF_BYTES), UINT),
    Row(106, DismissJoins, USER, USER, ListOf(USER, MAX_JOIN_REQUESTS), UINT),
    Row(107, GroupDone, UINT),
)

ROW_OF_CLASS: dict[type[Any], Row] = {row.message: row for row in TABLE}
ROW_OF_NUMBER: dict[int, Row] = {row.number: row for row in TABLE}
ANSWERS = (
    NotDone,
    Bundles,
    DeviceCreated,
    CodeIssued,
    CodeWithdrawn,
    Redeemed,
    PinProved,
    AccountRemoved,
    AccountDeleted,
    NumberChanged,
    NumberSet,
    LinkOpened,
    LinkClaimed,
    LinkStands,
    KeysForgotten,
    EntriesAppended,
    GroupDone,
)
"""What ends a question."""
