"""Payloads go with the last row that refers to them, and never before."""

from collections.abc import Callable
from typing import Any

from protocol import GroupId, GroupSeq
from relay.group.payload_counts import PayloadCounts
from storage import JournalFullError

ONE, OTHER = (GroupId(7), GroupSeq(1)), (GroupId(7), GroupSeq(2))


class Desk:
    """A journal that notes what it is given, and the end of a turn."""

    def __init__(self) -> None:
        self.submitted: list[list[Any]] = []
        self.is_full = False
        self.turn_end: list[Callable[[], None]] = []

    def submit(self, ops: list[Any], _done: object) -> None:
        if self.is_full:
            raise JournalFullError(1, 1)
        self.submitted.append(ops)

    def end_turn(self) -> None:
        for fn in self.turn_end:
            fn()
        self.turn_end.clear()


def counts_of(desk: Desk) -> PayloadCounts:
    return PayloadCounts(desk, desk.turn_end.append)  # type: ignore[arg-type]  # as much of one as is needed


def test_the_last_row_takes_the_payload_along() -> None:
    desk = Desk()
    counts = counts_of(desk)
    counts.hold(ONE, 2)
    counts.hold(OTHER, 1)
    counts.release([ONE, OTHER])
    counts.release([ONE])
    assert len(counts) == 0
    desk.end_turn()
    assert [len(ops) for ops in desk.submitted] == [2]


def test_what_is_not_counted_is_left_to_the_sweep() -> None:
    desk = Desk()
    counts = counts_of(desk)
    counts.has_uncounted = False
    counts.hold(ONE, 1)
    counts.uncount_all()
    assert counts.has_uncounted
    counts.release([ONE])
    desk.end_turn()
    assert desk.submitted == []


def test_what_the_journal_does_not_take_is_left_to_the_sweep() -> None:
    desk = Desk()
    counts = counts_of(desk)
    counts.has_uncounted, desk.is_full = False, True
    counts.hold(ONE, 1)
    counts.release([ONE])
    desk.end_turn()
    assert counts.has_uncounted
    assert ONE not in counts


def test_the_sweep_is_called_for_by_an_acknowledgement_of_what_was_there_before_the_start() -> None:
    desk = Desk()
    counts = counts_of(desk)
    counts.has_uncounted = False  # a first round has passed, and rows referred to it then
    counts.release([ONE])
    assert counts.has_uncounted


def test_the_sweep_is_called_for_by_queues_that_go_with_rows_from_before_the_start() -> None:
    removed, expired = counts_of(Desk()), counts_of(Desk())
    removed.has_uncounted = expired.has_uncounted = False
    removed.uncount_all()
    expired.uncount([ONE])
    assert removed.has_uncounted
    assert expired.has_uncounted


def test_nothing_that_expired_leaves_all_counts_as_they_are() -> None:
    counts = counts_of(Desk())
    counts.has_uncounted = False
    counts.hold(ONE, 1)
    counts.uncount([])
    assert ONE in counts
    assert not counts.has_uncounted


def test_nothing_is_deleted_as_long_as_a_fan_out_row_brings_it_along() -> None:
    desk = Desk()
    counts = counts_of(desk)
    counts.hold(ONE, 2, is_borne=True)
    counts.hold(OTHER, 1, is_borne=True)
    counts.release([ONE, ONE])
    desk.end_turn()
    assert desk.submitted == []
    counts.put_down([ONE, OTHER])
    desk.end_turn()
    assert [len(ops) for ops in desk.submitted] == [1]  # somebody has a row that refers to the other
    counts.release([OTHER])
    desk.end_turn()
    assert [len(ops) for ops in desk.submitted] == [1, 1]


def test_what_waits_for_nobody_may_wait_again_when_an_acknowledgement_is_forgotten() -> None:
    desk = Desk()
    counts = counts_of(desk)
    counts.hold(ONE, 1, is_borne=True)
    counts.release([ONE])
    counts.uncount([ONE])
    counts.put_down([ONE])  # with a row that refers to it
    desk.end_turn()
    assert desk.submitted == []
