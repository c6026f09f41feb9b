"""Field types: what they accept, what they refuse, what they make of it."""

import pytest

from protocol.codes import ErrorCode
from protocol.fields import (
    AddressBytes,
    Bytes,
    Chat,
    Code,
    Either,
    FieldError,
    FieldType,
    ListOf,
    Names,
    Null,
    OneOf,
    Record,
    Text,
    Uint,
)
from protocol.ids import DeviceAddress, DeviceId, MessageNumber, UserId
from protocol.limits import MAX_HANDLE
from protocol.stanzas import ChatProgress, CodeRoute, Prekey

PREKEY = Record(Prekey, (("id", Uint(9)), ("key", Bytes(4))))
PROGRESS = Record(
    ChatProgress,
    (
        ("user", Uint(9)),
        ("accepted", Uint(9)),
        ("delivered", Uint(9)),
        ("read", Uint(9)),
        ("expired", ListOf(Uint(9), 1)),
    ),
    optional=1,
)

ACCEPTED: list[tuple[FieldType, object, object]] = [
    (Uint(5), 0, 0),
    (Uint(5, minimum=1), 5, 5),
    (Code(), 36, ErrorCode.WAIT),
    (Code(), 999, 999),
    (Bytes(3), b"", b""),
    (Bytes(3, minimum=3), b"abc", b"abc"),
    (Text(2), "äö", "äö"),
    (OneOf(tuple(CodeRoute)), "sms", CodeRoute.SMS),
    (ListOf(Uint(5), 2), (1, 2), (1, 2)),
    (PREKEY, (1, b"k"), Prekey(1, b"k")),
    (PREKEY, (1, b"k", "a later version's"), Prekey(1, b"k")),
    (PROGRESS, (7, 3, 2, 1), ChatProgress(UserId(7), MessageNumber(3), MessageNumber(2), MessageNumber(1))),
    (Either((Null(), PREKEY)), None, None),
    (Either((Null(), PREKEY)), (1, b"k"), Prekey(1, b"k")),
    (AddressBytes(), bytes(7) + b"\x05", UserId(5)),
    (AddressBytes(), bytes(7) + b"\x05\x00\x01", DeviceAddress(UserId(5), DeviceId(1))),
    (Chat((Names.USER,), ()), MAX_HANDLE, MAX_HANDLE),
]

REFUSED: list[tuple[FieldType, object]] = [
    (Uint(5), 6),
    (Uint(5, minimum=1), 0),
    (Uint(5), -1),
    (Uint(5), True),
    (Uint(5), 1.0),
    (Uint(5), "1"),
    (Uint(5), None),
    (Code(), -1),
    (Code(), True),
    (Code(), 65_536),
    (Bytes(3), b"abcd"),
    (Bytes(3, minimum=1), b""),
    (Bytes(3), "abc"),
    (Text(2), "abc"),
    (Text(2), b"a"),
    (OneOf(("a", "b")), "c"),
    (OneOf(("a", "b")), 1),
    (ListOf(Uint(5), 2), (1, 2, 3)),
    (ListOf(Uint(5), 2), (1, 6)),
    (ListOf(Uint(5), 2), 1),
    (PREKEY, (1,)),
    (PREKEY, (10, b"k")),
    (PREKEY, b"12"),
    (Either((Null(), PREKEY)), 0),
    (AddressBytes(), b"short"),
    (AddressBytes(), bytes(8)),
    (AddressBytes(), 5),
    (Chat((Names.USER,), ()), MAX_HANDLE + 1),
    (Chat((Names.USER,), ()), "0"),
]


@pytest.mark.parametrize(("kind", "value", "read"), ACCEPTED, ids=str)
def test_a_value_within_the_limits_is_read_as_our_own_type(
    kind: FieldType, value: object, read: object
) -> None:
    assert kind.read(value) == read
    assert type(kind.read(value)) is type(read)


@pytest.mark.parametrize(("kind", "value"), REFUSED, ids=str)
def test_every_other_value_is_a_field_error(kind: FieldType, value: object) -> None:
    with pytest.raises(FieldError):
        kind.read(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Uint(2**63 - 1, minimum=1), "uint 1..2^63-1"),
        (Uint(65_535), "uint 0..65,535"),
        (Bytes(32, minimum=32), "bytes, exactly 32"),
        (Bytes(61_440, minimum=1), "bytes, 1 to 61,440"),
        (OneOf(tuple(CodeRoute)), "text, `sms` or `voice`"),
        (ListOf(Uint(9), 3), "array of up to 3: uint 0..9"),
        (PREKEY, "[id: uint 0..9, key: bytes, 0 to 4]"),
        (Chat((Names.USER,), (Names.DEVICE,)), "handle 0..8191 of a user (C), a device (R)"),
        (
            Chat((Names.GROUP,), (Names.DEVICE, Names.MEMBER)),
            "handle 0..8191 of a group (C), a device or a device in a group (R)",
        ),
    ],
    ids=str,
)
def test_a_type_describes_itself_for_the_documentation(kind: FieldType, text: str) -> None:
    assert kind.text == text
