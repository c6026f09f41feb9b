import datetime
import json
from pathlib import Path

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.e2e import (
    BadContentError,
    Contact,
    Edit,
    Location,
    MessageRef,
    MisuseError,
    Reaction,
    Text,
    Unknown,
)
from protocol.e2e.content import (
    EPOCH_UNIX_SECONDS,
    MAX_CONTENT_BYTES,
    MAX_SENT_AT,
    MAX_TEXT_BYTES,
    decode,
    encode,
    sent_at_from_unix,
    sent_at_to_unix,
)
from protocol.e2e.content_schema import CONTENT_SCHEMA, KIND_BY_NUMBER, KindSpec
from protocol.ids import UserId
from tests.protocol.e2e.content_samples import SAMPLES, vectors

ID = b"\x01" * 8
VECTORS = Path(__file__).parents[1] / "vectors" / "content.json"

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.integers() | st.text(), inner),
    max_leaves=8,
)


@given(st.binary(min_size=8, max_size=8), st.integers(0, MAX_SENT_AT), st.text())
def test_a_text_comes_out_as_it_went_in(content_id: bytes, sent_at: int, text: str) -> None:
    assert decode(encode(Text(content_id, sent_at, text))) == Text(content_id, sent_at, text)


def test_hello_takes_22_bytes() -> None:
    assert len(encode(Text(ID, 30_000_000, "hello"))) == 22


def test_the_epoch_is_the_beginning_of_2026() -> None:
    epoch = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    assert epoch.timestamp() == EPOCH_UNIX_SECONDS
    assert sent_at_from_unix(epoch.timestamp() + 5.9) == 5
    assert sent_at_to_unix(5) == epoch.timestamp() + 5


def test_a_clock_far_off_is_cut_to_what_can_be_written() -> None:
    assert sent_at_from_unix(0) == 0
    assert sent_at_from_unix(1e12) == MAX_SENT_AT


@given(st.integers(0, 2**16 - 1).filter(lambda k: k not in KIND_BY_NUMBER), st.lists(values, max_size=3))
def test_an_unknown_kind_is_kept_whole(kind: int, body: list[object]) -> None:
    encoded = cbor2.dumps([kind, ID, 7, *body])
    content = decode(encoded)
    assert isinstance(content, Unknown)
    assert (content.id, content.sent_at, content.kind) == (ID, 7, kind)
    assert encode(content) == encoded


def test_further_fields_of_a_text_are_skipped() -> None:
    assert decode(cbor2.dumps([0, ID, 7, "hello", {"later": 1}])) == Text(ID, 7, "hello")


@given(st.binary(max_size=100))
def test_arbitrary_bytes_raise_nothing_but_bad_content(data: bytes) -> None:
    try:
        decode(data)
    except BadContentError:
        pass


@given(values)
def test_arbitrary_cbor_raises_nothing_but_bad_content(value: object) -> None:
    try:
        decode(cbor2.dumps(value))
    except BadContentError:
        pass


@pytest.mark.parametrize(
    "array",
    [
        [],
        [0, ID],
        [0, ID, 7],
        [0, ID, 7, b"bytes"],
        [0, ID[:7], 7, "hello"],
        [0, ID + b"x", 7, "hello"],
        [0, "text id!", 7, "hello"],
        [0, ID, -1, "hello"],
        [0, ID, MAX_SENT_AT + 1, "hello"],
        [0, ID, 7.0, "hello"],
        [0, ID, True, "hello"],
        [True, ID, 7, "hello"],
        [-1, ID, 7, "hello"],
        [2**16, ID, 7, "hello"],
        {0: ID},
        "hello",
    ],
)
def test_what_is_not_content_is_refused(array: object) -> None:
    with pytest.raises(BadContentError):
        decode(cbor2.dumps(array))


@pytest.mark.parametrize(
    "encoded",
    [
        "9f" * 2_000,  # nests deeper than any stack
        "c074323031332d30332d32315432303a30343a30305a",  # a date
        "d9010482c2420100c349010000000000000000",  # odd tags
        "c48200",  # a decimal fraction that is cut short
        "8400480101010101010101076561c0",  # text that is no UTF-8
        "5bffffffffffffffff",  # bytes longer than the world
    ],
)
def test_hostile_cbor_is_refused(encoded: str) -> None:
    with pytest.raises(BadContentError):
        decode(bytes.fromhex(encoded))


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_comes_out_as_it_went_in(name: str) -> None:
    assert decode(encode(SAMPLES[name])) == SAMPLES[name]


def test_the_vectors_that_are_checked_in_are_what_is_written_today() -> None:
    assert json.loads(VECTORS.read_text(encoding="utf-8")) == vectors()


def test_what_stands_in_the_vectors_is_read_as_what_it_was() -> None:
    for vector in json.loads(VECTORS.read_text(encoding="utf-8")):
        assert decode(bytes.fromhex(vector["encoded"])) == SAMPLES[vector["name"]]


@pytest.mark.parametrize("spec", CONTENT_SCHEMA, ids=lambda spec: spec.name)
@given(body=st.lists(values, max_size=6))
def test_whatever_stands_in_a_known_kind_raises_nothing_but_bad_content(
    spec: KindSpec, body: list[object]
) -> None:
    try:
        decode(cbor2.dumps([spec.number, ID, 7, *body]))
    except BadContentError:
        pass


def test_an_optional_field_that_cannot_be_read_does_not_keep_the_rest_from_being_shown() -> None:
    assert decode(cbor2.dumps([0, ID, 7, "hello", b"short", [0, ID], [True], 1])) == Text(ID, 7, "hello")


def test_a_field_outside_its_limits_is_misuse() -> None:
    for content in (
        Reaction(ID, 7, MessageRef(UserId(1), ID), ""),
        Edit(ID, 7, b"short", "text"),
        Location(ID, 7, 90_000_001, 0),
        Contact(ID, 7, "x" * 257, ()),
    ):
        with pytest.raises(MisuseError):
            encode(content)


def test_too_long_a_text_is_refused_on_both_sides() -> None:
    encode(Text(ID, 7, "x" * MAX_TEXT_BYTES))
    with pytest.raises(MisuseError):
        encode(Text(ID, 7, "x" * (MAX_TEXT_BYTES + 1)))
    with pytest.raises(BadContentError):
        decode(cbor2.dumps([0, ID, 7, "x" * (MAX_TEXT_BYTES + 1)]))
    with pytest.raises(BadContentError):
        decode(cbor2.dumps([99, ID, 7, b"x" * MAX_CONTENT_BYTES]))


def test_half_a_surrogate_pair_is_refused_as_misuse() -> None:
    with pytest.raises(MisuseError):
        encode(Text(ID, 7, "\ud83d"))


def test_no_repr_shows_the_text() -> None:
    assert "secret" not in repr(Text(ID, 7, "secret"))
    assert "secret" not in repr(decode(cbor2.dumps([99, ID, 7, "secret"])))
