"""The table of bus messages: complete, unambiguous, and its types are those of the classes."""

import dataclasses

from relay.bus import messages as m


def test_every_message_has_one_number_of_its_own() -> None:
    numbers = [row.number for row in m.TABLE]
    assert len(dict.fromkeys(numbers)) == len(numbers)
    assert len(m.ROW_OF_CLASS) == len(m.TABLE)


def test_every_message_class_is_in_the_table_with_a_type_for_each_field() -> None:
    classes = [each for each in vars(m).values() if dataclasses.is_dataclass(each) and isinstance(each, type)]
    ours = [each for each in classes if each.__module__.startswith(m.__name__)]
    assert [each.__name__ for each in ours if each not in m.ROW_OF_CLASS] == []
    for row in m.TABLE:
        assert len(row.fields) == len(dataclasses.fields(row.message)), row.message.__name__


def test_questions_end_with_their_number_and_answers_begin_with_it() -> None:
    for row in m.TABLE:
        names = [field.name for field in dataclasses.fields(row.message)]
        if row.message in m.ANSWERS:
            assert names[0] == "ask"
        elif "ask" in names:
            assert names[-1] == "ask"


def test_the_messages_of_every_day_have_the_numbers_of_one_byte() -> None:
    for kind in (m.Submit, m.Accepted, m.Delivered, m.Read, m.Refused):
        assert m.ROW_OF_CLASS[kind].number < 24


def test_a_message_without_fields_has_no_values() -> None:
    assert m.ROW_OF_CLASS[m.Ready].values(m.Ready()) == ()
    assert m.ROW_OF_CLASS[m.Taken].values(m.Taken(5)) == (5,)
