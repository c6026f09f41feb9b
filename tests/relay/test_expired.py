"""Which messages go, and what their senders are told, as plain functions."""

from protocol import MessageNumber, Run
from protocol.limits import MAX_EXPIRED_RUNS
from relay.expired import runs_of, with_expired
from storage.mailboxes import Progress


def numbers(*values: int) -> list[MessageNumber]:
    return [MessageNumber(value) for value in values]


def run(first: int, last: int) -> Run:
    return Run(MessageNumber(first), MessageNumber(last))


def test_numbers_in_a_row_are_one_run() -> None:
    assert runs_of(numbers(3, 1, 2)) == [run(1, 3)]


def test_a_gap_makes_two_runs() -> None:
    assert runs_of(numbers(1, 2, 5)) == [run(1, 2), run(5, 5)]


def test_no_numbers_are_no_run() -> None:
    assert runs_of([]) == []


def test_the_ticks_stay_as_they_were() -> None:
    before = Progress(MessageNumber(9), MessageNumber(5), MessageNumber(4))
    assert with_expired(before, [run(6, 7)]) == Progress(
        MessageNumber(9), MessageNumber(5), MessageNumber(4), (run(6, 7),)
    )


def test_runs_that_touch_or_overlap_become_one() -> None:
    before = with_expired(Progress(), [run(1, 3), run(8, 9)])
    assert with_expired(before, [run(3, 5), run(6, 7)]).expired == (run(1, 9),)


def test_more_runs_than_fit_are_joined_at_the_old_end() -> None:
    runs = [run(10 * place, 10 * place + 1) for place in range(1, MAX_EXPIRED_RUNS + 2)]
    expired = with_expired(Progress(), runs).expired
    assert expired == (run(10, 21), *runs[2:])
    assert len(expired) == MAX_EXPIRED_RUNS
