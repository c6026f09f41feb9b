from dataclasses import fields

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.e2e import Marks, MisuseError, Text, Unknown
from protocol.e2e.content import decode, encode
from protocol.e2e.content_marks import MARKS, MAX_FORWARDS, NO_MARKS, read_marks
from protocol.limits import MAX_LIFE_SECONDS

ID = b"\x01" * 8

marks = st.builds(
    Marks,
    life=st.none() | st.integers(1, MAX_LIFE_SECONDS),
    view_once=st.integers(0, 1),
    forwards=st.integers(0, MAX_FORWARDS),
)
anything = st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.text()


def test_the_table_has_every_mark_once_in_the_order_of_the_class() -> None:
    assert [spec.name for spec in MARKS] == [field.name for field in fields(Marks)]
    assert [spec.number for spec in MARKS] == list(range(len(MARKS)))


@given(marks)
def test_marks_come_out_as_they_went_in(these: Marks) -> None:
    assert decode(encode(Text(ID, 7, "hello", marks=these))) == Text(ID, 7, "hello", marks=these)


@given(marks)
def test_a_kind_that_nobody_knows_has_its_marks_all_the_same(these: Marks) -> None:
    text = cbor2.loads(encode(Text(ID, 7, "hello", marks=these)))
    content = decode(cbor2.dumps([999, *text[1:]]))
    assert isinstance(content, Unknown)
    assert content.marks == these


@given(st.dictionaries(st.integers() | st.text(), anything))
def test_whatever_stands_in_the_map_raises_nothing(these: dict[object, object]) -> None:
    read_marks(these)


def test_what_is_not_known_or_cannot_be_read_is_left_out() -> None:
    assert read_marks({0: MAX_LIFE_SECONDS + 1, 1: True, 2: 3, 99: 1, "life": 5}) == Marks(forwards=3)
    assert read_marks({}) == NO_MARKS


def test_a_content_without_marks_costs_no_byte_for_them() -> None:
    assert cbor2.loads(encode(Text(ID, 7, "hello"))) == [0, ID, 7, "hello"]


def test_a_life_of_a_week_costs_seven_bytes() -> None:
    plain, marked = Text(ID, 7, "hello"), Text(ID, 7, "hello", marks=Marks(life=604_800))
    assert len(encode(marked)) - len(encode(plain)) == 7


@pytest.mark.parametrize("wrong", [Marks(life=-1), Marks(life=MAX_LIFE_SECONDS + 1), Marks(forwards=256)])
def test_a_mark_outside_its_limits_is_misuse(wrong: Marks) -> None:
    with pytest.raises(MisuseError):
        encode(Text(ID, 7, "hello", marks=wrong))
