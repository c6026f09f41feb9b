"""Which messages go, and what their senders are told, as plain functions."""

from pathlib import Path

from protocol import DeviceAddress, DeviceId, MessageNumber, Run, UserId
from protocol.limits import MAX_EXPIRED_RUNS
from relay.device_queue import DeviceQueue
from relay.expired import give_up_undelivered, lost_with, runs_of, with_expired
from relay.senders import Senders
from storage import InlineJournal, open_environment
from storage.mailboxes import DeviceCursor, QueuedMessage
from storage.progress import Progress


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


def test_only_what_was_accepted_and_not_delivered_is_given_up(tmp_path: Path) -> None:
    behind, done = (DeviceAddress(UserId(user), DeviceId(1)) for user in (1, 2))
    with open_environment(tmp_path) as environment:
        senders = Senders(environment, UserId(7))
        senders.of(behind).progress = Progress(MessageNumber(9), MessageNumber(5), MessageNumber(4))
        senders.of(done).progress = Progress(MessageNumber(3), MessageNumber(3))
        notices, ops = give_up_undelivered(senders, on_disk=False)
        assert notices == {behind: [run(6, 9)]}
        assert len(ops) == 1
        assert senders.of(behind).progress.expired == (run(6, 9),)


def test_what_only_the_device_that_is_gone_would_have_got_is_lost_to_everybody(tmp_path: Path) -> None:
    sender = DeviceAddress(UserId(1), DeviceId(1))
    with open_environment(tmp_path) as environment:
        old, new = (
            DeviceQueue(
                DeviceAddress(UserId(7), DeviceId(device)),
                DeviceCursor(),
                window_messages=9,
                window_bytes=99,
            )
            for device in (1, 2)
        )
        ops = []
        for number in numbers(1, 2, 3, 4):
            message = QueuedMessage(sender, number, 0, 0, b"")
            ops += [queue.append(message) for queue in ((old,) if number < 3 else (old, new))]
        InlineJournal(environment).submit(ops, lambda error: None)
        senders = Senders(environment, UserId(7))
        senders.of(sender).progress = Progress(MessageNumber(4), MessageNumber(1))
        with environment.read() as reader:
            lost = lost_with(reader, [old], [new], senders)
        assert lost.notices == {sender: [run(2, 2)]}
        assert senders.of(sender).progress.expired == (run(2, 2),)
        assert len(lost.ops) == 1
