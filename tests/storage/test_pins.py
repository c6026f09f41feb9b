"""The rows of PINs: one a user, replaced and removed, and never shown."""

from __future__ import annotations

from protocol.ids import UserId
from storage import Environment, InlineJournal, Op
from storage.pins import PinRecord, load_pin, put_pin, remove_pin

USER = UserId(77)
RECORD = PinRecord(b"s" * 16, b"d" * 32, 1_790_000_000, 10, 1_790_000_000)


def commit(environment: Environment, op: Op) -> None:
    def must_succeed(error: Exception | None) -> None:
        assert error is None

    InlineJournal(environment).submit([op], must_succeed)


def test_a_pin_is_found_until_it_is_removed(environment: Environment) -> None:
    for op, found in ((put_pin(USER, RECORD), RECORD), (remove_pin(USER), None)):
        commit(environment, op)
        with environment.read() as reader:
            assert load_pin(reader, USER) == found


def test_a_pin_is_nobody_elses(environment: Environment) -> None:
    commit(environment, put_pin(USER, RECORD))
    with environment.read() as reader:
        assert load_pin(reader, UserId(78)) is None


def test_what_is_kept_of_a_pin_is_in_no_log() -> None:
    assert "ssss" not in repr(RECORD)
    assert "dddd" not in repr(RECORD)
