"""What own devices tell each other: to bytes and back, and nothing else is taken for it."""

import cbor2
import pytest

from protocol.e2e import BadContentError, Text
from protocol.e2e import content as contents
from protocol.e2e.siblings import (
    Aside,
    DeviceName,
    History,
    HistoryLine,
    Names,
    Seen,
    SeenMark,
    Sent,
    Sibling,
    decode_line,
    encode_line,
    encode_sibling,
    read_sibling,
)
from protocol.ids import DeviceId, UserId

ID = b"12345678"
LINE = HistoryLine(
    UserId(7),
    "+4930111",
    outgoing=False,
    device=1,
    number=4,
    id=ID,
    kind=1,
    content=b"content",
    stored_at=1_000,
    accepted_at=None,
    state=17,
    error_name=None,
    edit=(b"edit", 5, 6),
    reactions=((UserId(7), "x", 5),),
)
EVERY_KIND: list[Sibling] = [
    Sent(ID, 5, UserId(7), False, b"content", "+4930111"),
    Sent(ID, 5, UserId(7), True, b"content"),
    Seen(ID, 5, (SeenMark(UserId(7), 1, 4), SeenMark(UserId(8), 0, 9))),
    History(ID, 5, DeviceId(2), 1, 3, False, (encode_line(LINE),)),
    History(ID, 5, DeviceId(2), 3, 3, True, ()),
    Aside(ID, 5, DeviceId(2)),
    Names(ID, 5, (DeviceName(DeviceId(1), "Phone", None), DeviceName(DeviceId(2), "Kitchen", 7))),
]


@pytest.mark.parametrize("service", EVERY_KIND, ids=lambda service: type(service).__name__)
def test_every_kind_comes_back_as_it_went(service: Sibling) -> None:
    assert read_sibling(contents.decode(encode_sibling(service))) == service


def test_a_line_comes_back_as_it_went() -> None:
    assert decode_line(encode_line(LINE)) == LINE


def test_what_is_for_people_is_none_of_it() -> None:
    assert read_sibling(Text(ID, 5, "hello")) is None
    assert read_sibling(contents.decode(cbor2.dumps([77, ID, 5]))) is None


@pytest.mark.parametrize(
    "fields",
    [
        [34],
        [37],
        [37, [[2]]],
        [37, [[2, "", None]]],
        [37, [[2, "x" * 65, None]]],
        [37, [[2, "new\nline", None]]],
        [37, [[-2, "Kitchen", None]]],
        [37, [[2, "Kitchen", "now"]]],
        [34, 7, False],
        [34, -1, False, b"", None],
        [34, 7, 1, b"", None],
        [34, 7, False, "text", None],
        [35, 7],
        [35, [[7, 1]]],
        [35, [[7, 1, -1]]],
        [36],
        [36, "2"],
        [36, 2, 1],
        [36, 2, 1, 1, True, ["line"]],
    ],
)
def test_malformed_it_is_bad_content_and_nothing_else(fields: list[object]) -> None:
    kind, *rest = fields
    with pytest.raises(BadContentError):
        read_sibling(contents.decode(cbor2.dumps([kind, ID, 5, *rest])))


@pytest.mark.parametrize("place", range(14))
def test_a_line_with_a_field_that_is_none_is_bad_content(place: int) -> None:
    fields = cbor2.loads(encode_line(LINE))
    fields[place] = {"not": "this"}
    with pytest.raises(BadContentError):
        decode_line(cbor2.dumps(fields))


def test_a_line_that_is_no_line_is_bad_content() -> None:
    for encoded in (b"", b"\xff", cbor2.dumps([1, 2]), cbor2.dumps(7)):
        with pytest.raises(BadContentError):
            decode_line(encoded)
