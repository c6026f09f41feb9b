"""Exit reasons: which are abnormal, how they read, and what a crash keeps of its exception."""

from __future__ import annotations

import gc
import weakref

import pytest

from actors import KILL, KILLED, NOPROC, NORMAL, SHUTDOWN, ExitReason, crash, shutdown
from actors.exits import MAX_FRAMES_KEPT


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, shutdown("restarting")])
def test_normal_and_the_shutdowns_are_orderly(reason: ExitReason) -> None:
    assert not reason.is_abnormal


@pytest.mark.parametrize("reason", [KILL, KILLED, NOPROC, crash(ValueError())])
def test_everything_else_is_abnormal(reason: ExitReason) -> None:
    assert reason.is_abnormal


def test_reasons_read_as_in_otp_and_quote_no_exception() -> None:
    assert str(NORMAL) == "normal"
    assert str(shutdown("restarting")) == "shutdown: restarting"
    assert str(crash(KeyError("a phone number"))) == "crash: KeyError"


def raised(depth: int = 0) -> Exception:
    try:
        _raise(depth)
    except ValueError as error:
        return error
    raise AssertionError


def _raise(depth: int) -> None:
    if depth:
        _raise(depth - 1)
    raise ValueError


def test_a_crash_says_where_it_was_raised() -> None:
    places = crash(raised(), "Ping").format_stack().splitlines()
    assert places[-1].endswith("in _raise")
    assert crash(raised(), "Ping").during == "Ping"


def test_a_crash_deep_in_a_recursion_keeps_a_bounded_stack() -> None:
    assert len(crash(raised(depth=200)).stack) == MAX_FRAMES_KEPT


def test_a_crash_keeps_no_frame_alive_not_even_through_its_causes() -> None:
    class Canary:
        pass

    canaries: list[weakref.ref[Canary]] = []

    def inner() -> None:
        canary = Canary()
        canaries.append(weakref.ref(canary))
        raise KeyError

    def outer() -> None:
        canary = Canary()
        canaries.append(weakref.ref(canary))
        try:
            inner()
        except KeyError as cause:
            raise ExceptionGroup("both", [ValueError()]) from cause

    gc.disable()
    try:
        try:
            outer()
        except ExceptionGroup as error:
            reason = crash(error)
        assert [canary() for canary in canaries] == [None, None]
        assert reason.error is not None
    finally:
        gc.enable()


def test_only_a_crash_has_an_error() -> None:
    assert shutdown("term").error is None
    assert isinstance(crash(ValueError()).error, ValueError)
