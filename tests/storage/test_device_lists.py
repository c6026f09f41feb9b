"""The rows of device lists: one a user, replaced and removed."""

from __future__ import annotations

from protocol.device_list import SignedDeviceList
from protocol.ids import UserId
from storage import Environment, InlineJournal, Op
from storage.device_lists import load_device_list, put_device_list, remove_device_list

USER = UserId(77)
FIRST, SECOND = SignedDeviceList(b"first", b"s" * 64), SignedDeviceList(b"second", b"t" * 64)


def commit(environment: Environment, op: Op) -> None:
    def must_succeed(error: Exception | None) -> None:
        assert error is None

    InlineJournal(environment).submit([op], must_succeed)


def test_the_newest_list_is_found_until_it_is_removed(environment: Environment) -> None:
    for op, found in (
        (put_device_list(USER, FIRST), FIRST),
        (put_device_list(USER, SECOND), SECOND),
        (remove_device_list(USER), None),
    ):
        commit(environment, op)
        with environment.read() as reader:
            assert load_device_list(reader, USER) == found


def test_a_list_is_nobody_elses(environment: Environment) -> None:
    commit(environment, put_device_list(USER, FIRST))
    with environment.read() as reader:
        assert load_device_list(reader, UserId(78)) is None
