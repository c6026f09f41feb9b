import dataclasses

import pytest

from protocol.e2e.content_kinds import Change, Message, NumberChanged, Rule
from protocol.e2e.content_schema import (
    CONTENT_SCHEMA,
    KIND_BY_CLASS,
    KIND_BY_NUMBER,
    SCHEMA_VERSION,
    Int,
    Utf8,
)
from protocol.fields import FieldError


def test_every_kind_is_in_the_table_once() -> None:
    classes = {*Message.__args__, *Change.__args__, *Rule.__args__, NumberChanged}
    assert set(KIND_BY_CLASS) == classes
    assert len(KIND_BY_NUMBER) == len(CONTENT_SCHEMA) == len(classes)


def test_the_fields_of_a_row_are_those_of_its_class_in_order() -> None:
    for spec in CONTENT_SCHEMA:
        names = [field.name for field in dataclasses.fields(spec.content)]
        assert names == ["id", "sent_at", *(field.name for field in spec.fields), "marks"]


def test_what_is_optional_stands_at_the_end() -> None:
    for spec in CONTENT_SCHEMA:
        optional = [field.is_optional for field in spec.fields]
        assert optional == sorted(optional)


def test_the_version_of_the_schema_is_that_of_its_newest_kind() -> None:
    assert max(spec.since for spec in CONTENT_SCHEMA) == SCHEMA_VERSION


def test_numbers_from_32_on_are_left_to_what_phones_tell_each_other() -> None:
    told_to_people = [number for number in KIND_BY_NUMBER if number >= 32]
    assert told_to_people == [44]  # phones tell it, and people read it


def test_a_text_is_measured_in_bytes() -> None:
    assert Utf8(4).read("éé") == "éé"
    for wrong in ("ééé", "\ud83d", b"text", None):
        with pytest.raises(FieldError):
            Utf8(4).read(wrong)
    with pytest.raises(FieldError):
        Utf8(4, minimum=1).read("")


def test_an_integer_is_limited_on_both_sides_of_zero() -> None:
    assert [Int(90).read(value) for value in (-90, 0, 90)] == [-90, 0, 90]
    for wrong in (91, -91, 1.0, True, None):
        with pytest.raises(FieldError):
            Int(90).read(wrong)
