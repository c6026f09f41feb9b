"""What workers of a node say to one another: one class for each message, and the table of them.

Told messages are facts or commands; a *question* is a message with a field `ask`, which the bus fills in and
the *answer* repeats. Bytes are the business of codec.py; what a worker does upon a message, of whoever has
registered for its class (`Bus.on`).

A new message is a class here and a row in `TABLE`; numbers are not used again. All workers of a node run the
same program, so there is one version for all of it: `VERSION`, which hello compares.

The classes are slotted and not frozen: several are built for every message that crosses, and freezing
triples what that costs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter, call
from typing import Any, TypeAlias

from protocol import (
    DeviceAddress,
    DeviceBundle,
    DeviceId,
    MessageNumber,
    Part,
    Prekey,
    Run,
    UserId,
)
from protocol.fields import Bytes, Either, FieldError, FieldType, ListOf, Null, Record, Text, Uint
from protocol.limits import (
    KEY_BYTES,
    MAX_CIPHERTEXT_BYTES,
    MAX_CODE_CHARS,
    MAX_DEVICE_ID,
    MAX_DEVICES_PER_USER,
    MAX_EXPIRED_RUNS,
    MAX_PHONE_CHARS,
    MAX_PIN_CHARS,
    MAX_PREKEYS_PER_UPLOAD,
    MAX_STANZAS_PER_FRAME,
    MAX_UINT32,
    MAX_UINT63,
    SIGNATURE_BYTES,
)
from protocol.slots import MAX_WORKERS

VERSION = 1

INCARNATION_BYTES = 8


Numbered: TypeAlias = tuple[MessageNumber, bytes | tuple[Part, ...]]
"""One message of a submission: all go to the same user. A plain tuple, which cbor2 encodes twice as fast."""


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
    user: UserId
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
    user: UserId
    number: MessageNumber


@dataclass(slots=True)
class Delivered:
    """✓✓, likewise."""

    device: DeviceAddress
    user: UserId
    number: MessageNumber


@dataclass(slots=True)
class Read:
    """Blue ✓✓, likewise."""

    device: DeviceAddress
    user: UserId
    number: MessageNumber


@dataclass(slots=True)
class Expired:
    """✗, likewise."""

    device: DeviceAddress
    user: UserId
    runs: Sequence[Run]


@dataclass(slots=True)
class Refused:
    """A message of `device`, or in answer to an inquiry everything up to it, was not accepted."""

    device: DeviceAddress
    connection: int
    user: UserId
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
    user: UserId
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

    user: UserId


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


# ---- questions and answers ----


@dataclass(slots=True)
class TakeBundles:
    """Somebody wants to write to a user of yours. Answered with Bundles."""

    user: UserId
    ask: int = 0


@dataclass(slots=True)
class Bundles:
    """One bundle for each device."""

    ask: int
    bundles: Sequence[DeviceBundle]


@dataclass(slots=True)
class CreateDevice:
    """Make this the only device of a user of yours, who may be new. Answered with DeviceCreated."""

    user: UserId
    phone: str
    static_key: bytes
    identity_key: bytes
    signed_prekey_id: int
    signed_prekey: bytes
    signature: bytes
    prekeys: Sequence[Prekey]
    created_at: int
    ask: int = 0


@dataclass(slots=True)
class DeviceCreated:
    """It is durable, under this number."""

    ask: int
    device: DeviceId


@dataclass(slots=True)
class IssueCode:
    """Make a verification code for this number. To worker 0. Answered with CodeIssued."""

    phone: str
    ask: int = 0


@dataclass(slots=True)
class CodeIssued:
    """The code, for whoever asked to have it brought to the phone."""

    ask: int
    code: str


@dataclass(slots=True)
class WithdrawCode:
    """It could not be brought there. To worker 0. Answered with CodeWithdrawn."""

    phone: str
    ask: int = 0


@dataclass(slots=True)
class CodeWithdrawn:
    """Another one may be had at once."""

    ask: int


@dataclass(slots=True)
class Redeem:
    """Somebody has the code of this number. To worker 0. Answered with Redeemed."""

    phone: str
    code: str
    static_key: bytes
    identity_key: bytes
    signed_prekey_id: int
    signed_prekey: bytes
    signature: bytes
    prekeys: Sequence[Prekey]
    takes_over: int
    pin: str | None
    ask: int = 0


@dataclass(slots=True)
class Redeemed:
    """The device's address; account and directory are durable."""

    ask: int
    device: DeviceAddress


@dataclass(slots=True)
class ProvePin:
    """May whoever has proved the number have the account of a user of yours? Answered with PinProved."""

    user: UserId
    pin: str | None
    ask: int = 0


@dataclass(slots=True)
class PinProved:
    """1: as it is; 0: its PIN is out of the way, and the number starts anew."""

    ask: int
    is_proved: int


@dataclass(slots=True)
class RemoveAccount:
    """Remove all rows of a user of yours. Answered with AccountRemoved."""

    user: UserId
    spare: DeviceId
    """The connection of this device stays; 0: none."""
    ask: int = 0


@dataclass(slots=True)
class AccountRemoved:
    """They are durably gone."""

    ask: int


@dataclass(slots=True)
class DeleteAccount:
    """The user of this device leaves for good. To worker 0. Answered with AccountDeleted."""

    device: DeviceAddress
    ask: int = 0


@dataclass(slots=True)
class AccountDeleted:
    """Account and directory know nothing of them any more."""

    ask: int


@dataclass(slots=True)
class NotDone:
    """The answer to any question that was refused, or could not be dealt with."""

    ask: int
    code: int
    """An ErrorCode."""
    detail: int | tuple[int, ...] | None


BusMessage: TypeAlias = Any
"""An instance of a class of `TABLE`."""


# ---- the table ----

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
PART = Record(Part, (("device", DEVICE_NUMBER), ("ciphertext", Bytes(MAX_CIPHERTEXT_BYTES))))
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
    ),
)
RUNS = ListOf(Record(Run, (("first", NUMBER), ("last", NUMBER))), MAX_EXPIRED_RUNS * 1_024)
DETAIL = Either((Null(), UINT, ListOf(UINT, MAX_DEVICE_ID)))
_NEW_DEVICE: tuple[FieldType, ...] = (KEY, KEY, Uint(MAX_UINT32), KEY, SIGNATURE, PREKEYS)


class _Numbered:
    """Written out, because it is read for every message that crosses."""

    text = "[number, bytes or parts]"

    def read(self, value: object) -> Numbered:
        """Return the number and what goes with it."""
        if type(value) is not list or len(value) != 2:
            raise FieldError("not a numbered message")
        number, parts = value
        if type(number) is not int or not 0 <= number <= MAX_UINT63:
            raise FieldError("not a number")
        if type(parts) is not bytes:
            parts = PARTS.read(parts)
        elif len(parts) > MAX_CIPHERTEXT_BYTES:
            raise FieldError("too long")
        return MessageNumber(number), parts


NUMBERED = _Numbered()


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
    Row(4, Accepted, DEVICE, USER, NUMBER),
    Row(5, Delivered, DEVICE, USER, NUMBER),
    Row(6, Read, DEVICE, USER, NUMBER),
    Row(7, Refused, DEVICE, CONNECTION, USER, NUMBER, CODE, DETAIL, UINT),
    Row(8, Activity, DEVICE, USER, Uint(1)),
    Row(9, Inquire, DEVICE, CONNECTION, USER, NUMBER, UINT),
    Row(10, Expired, DEVICE, USER, RUNS),
    Row(11, Voided, DEVICE, CONNECTION, USER, NUMBER, NUMBER, CODE),
    Row(12, Close, DEVICE, CODE),
    Row(13, Lost, USER),
    Row(14, Watch, DEVICE, USER),
    Row(15, Unwatch, DEVICE, USER),
    Row(16, Presence, DEVICE, USER, Uint(1), Either((Null(), UINT))),
    Row(32, NotDone, UINT, CODE, DETAIL),
    Row(33, TakeBundles, USER, UINT),
    Row(34, Bundles, UINT, ListOf(BUNDLE, MAX_DEVICES_PER_USER)),
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
)
"""What ends a question."""
