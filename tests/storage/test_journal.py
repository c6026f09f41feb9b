"""The contract of a journal, run on both."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import (
    Delete,
    DeleteRange,
    Environment,
    InlineJournal,
    InvalidOperationError,
    Journal,
    JournalClosedError,
    JournalError,
    JournalFailedError,
    JournalFullError,
    Put,
    StorageFullError,
    WriterJournal,
    open_environment,
)
from storage.journal import Post
from storage.tables import PROGRESS, QUEUE, Op, Table
from tests.storage.conftest import MIB
from tests.storage.writing import Answers, Gate, Loop

OpenJournal = Callable[..., Journal]


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture(params=["writer", "inline"])
def open_journal(request: pytest.FixtureRequest, loop: Loop) -> Iterator[OpenJournal]:
    opened: list[Journal] = []

    def open_one(environment: Environment, post: Post = loop.post, **limits: int) -> Journal:
        kind = WriterJournal if request.param == "writer" else InlineJournal
        opened.append(kind(environment, post, time.perf_counter, **limits))
        return opened[-1]

    yield open_one
    for journal in opened:
        journal.close()


@pytest.fixture
def journal(open_journal: OpenJournal, environment: Environment) -> Journal:
    return open_journal(environment)


@pytest.fixture
def writer(environment: Environment, loop: Loop) -> Iterator[WriterJournal]:
    journal = WriterJournal(environment, loop.post, time.perf_counter)
    yield journal
    journal.close()


def rows(environment: Environment) -> dict[bytes, bytes]:
    with environment.read() as reader:
        return dict(reader.scan(QUEUE, b"\0", b"\xff" * 16))


def put(key: str, value: bytes = b"v") -> list[Op]:
    return [Put(QUEUE, key.encode(), value)]


def is_full(journal: Journal) -> bool:
    """A function, since mypy takes a property that was true once for true ever after."""
    return journal.full


class TestContract:
    def test_what_is_done_is_there(
        self, journal: Journal, environment: Environment, loop: Loop, answers: Answers
    ) -> None:
        journal.submit([*put("a"), *put("b")], answers.done("first"))
        loop.run_until(lambda: bool(answers.seen))
        assert answers.seen == [("first", None)]
        assert rows(environment) == {b"a": b"v", b"b": b"v"}

    def test_nothing_is_told_before_post_runs_it(
        self, journal: Journal, loop: Loop, answers: Answers
    ) -> None:
        journal.submit(put("a"), answers.done("a"))
        loop.wait_for_post()
        assert answers.seen == []

    def test_everybody_is_answered_once_and_in_order(
        self, journal: Journal, environment: Environment, loop: Loop, answers: Answers
    ) -> None:
        for number in range(1100):
            journal.submit(put(f"{number:04}"), answers.done(number))
        loop.run_until(lambda: len(answers.seen) == 1100)
        assert answers.seen == [(number, None) for number in range(1100)]
        assert len(rows(environment)) == 1100

    def test_submissions_take_effect_in_order(
        self, journal: Journal, environment: Environment, loop: Loop, answers: Answers
    ) -> None:
        journal.submit(put("k", b"old"), answers.done(1))
        journal.submit([Delete(QUEUE, b"k")], answers.done(2))
        journal.submit(put("k", b"new"), answers.done(3))
        journal.submit(put("z", b"gone"), answers.done(4))
        journal.submit([DeleteRange(QUEUE, b"l", b"zz")], answers.done(5))
        loop.run_until(lambda: len(answers.seen) == 5)
        assert rows(environment) == {b"k": b"new"}

    def test_an_empty_submission_is_done(self, journal: Journal, loop: Loop, answers: Answers) -> None:
        journal.submit([], answers.done("nothing"))
        loop.run_one()
        assert answers.seen == [("nothing", None)]

    def test_bad_input_fails_alone(
        self, journal: Journal, environment: Environment, loop: Loop, answers: Answers
    ) -> None:
        journal.submit(put("a"), answers.done("a"))
        journal.submit([*put("half"), Put(Table("nowhere"), b"k", b"v")], answers.done("bad"))
        journal.submit(put("b"), answers.done("b"))
        loop.run_until(lambda: len(answers.seen) == 3)
        assert [type(error) for _, error in answers.seen] == [type(None), InvalidOperationError, type(None)]
        assert list(rows(environment)) == [b"a", b"b"]

    def test_a_done_that_raises_keeps_nobody_from_theirs(
        self, journal: Journal, loop: Loop, answers: Answers
    ) -> None:
        def raise_surprise(error: JournalError | None) -> None:
            raise RuntimeError("surprise")

        journal.submit(put("a"), raise_surprise)
        with pytest.raises(RuntimeError, match="surprise"):
            loop.run_one()
        journal.submit(put("b"), answers.done("b"))
        loop.run_until(lambda: bool(answers.seen))
        assert answers.seen == [("b", None)]

    def test_a_done_may_submit(
        self, journal: Journal, environment: Environment, loop: Loop, answers: Answers
    ) -> None:
        journal.submit(put("a"), lambda error: journal.submit(put("b"), answers.done("b")))
        loop.run_until(lambda: bool(answers.seen))
        assert list(rows(environment)) == [b"a", b"b"]

    def test_a_closed_journal_takes_nothing(self, journal: Journal, answers: Answers) -> None:
        journal.close()
        with pytest.raises(JournalClosedError):
            journal.submit(put("a"), answers.done("a"))
        assert journal.full

    def test_close_makes_durable_what_was_taken_and_may_be_repeated(
        self, journal: Journal, environment: Environment, loop: Loop, answers: Answers
    ) -> None:
        for number in range(200):
            journal.submit(put(f"{number:04}"), answers.done(number))
        journal.close()
        journal.close()
        assert len(rows(environment)) == 200
        loop.run_until(lambda: len(answers.seen) == 200)

    def test_what_is_larger_than_the_map_makes_it_grow_and_nobody_notices(
        self, open_journal: OpenJournal, tmp_path: Path, loop: Loop, answers: Answers
    ) -> None:
        with open_environment(tmp_path, map_bytes=MIB // 2, reserve_bytes=0) as environment:
            journal = open_journal(environment)
            for number in range(64):
                journal.submit(put(f"{number:04}", b"v" * 60_000), answers.done(number))
            loop.run_until(lambda: len(answers.seen) == 64)
            journal.close()
            assert {error for _, error in answers.seen} == {None}
            assert len(rows(environment)) == 64

    def test_new_messages_are_refused_before_storage_is_full_and_room_is_made_meanwhile(
        self, open_journal: OpenJournal, tmp_path: Path, loop: Loop, answers: Answers
    ) -> None:
        with open_environment(
            tmp_path, map_bytes=4 * MIB, max_map_bytes=4 * MIB, reserve_bytes=2 * MIB
        ) as environment:
            journal = open_journal(environment)
            journal.submit(put("a", b"v" * (5 * MIB // 2)), answers.done("large"))
            loop.run_until(lambda: bool(answers.seen))
            assert is_full(journal)
            assert journal.statistics().storage_full
            with pytest.raises(StorageFullError):
                journal.submit(put("b"), answers.done("refused"))
            # Receipts and barriers take no room to speak of.
            journal.submit([Put(PROGRESS, b"p", b"v")], answers.done("receipt"))
            journal.submit([], answers.done("barrier"))
            journal.submit([Delete(QUEUE, b"a"), *put("cursor")], answers.done("makes room"))
            loop.run_until(lambda: len(answers.seen) == 4)
            assert not is_full(journal)
            journal.submit(put("b"), answers.done("b"))
            loop.run_until(lambda: len(answers.seen) == 5)
            assert answers.names() == ["large", "receipt", "barrier", "makes room", "b"]
            assert {error for _, error in answers.seen} == {None}
            journal.close()

    def test_a_batch_that_does_not_fit_is_refused_and_the_journal_goes_on(
        self, open_journal: OpenJournal, tmp_path: Path, loop: Loop, answers: Answers
    ) -> None:
        with open_environment(tmp_path, map_bytes=MIB, max_map_bytes=MIB, reserve_bytes=0) as environment:
            journal = open_journal(environment)
            journal.submit(put("a"), answers.done("a"))
            loop.run_until(lambda: len(answers.seen) == 1)
            journal.submit(put("b", b"v" * (2 * MIB)), answers.done("too large"))
            loop.run_until(lambda: len(answers.seen) == 2)
            journal.submit(put("c"), answers.done("c"))
            loop.run_until(lambda: len(answers.seen) == 3)
            assert [type(error) for _, error in answers.seen] == [type(None), StorageFullError, type(None)]
            assert list(rows(environment)) == [b"a", b"c"]
            journal.close()

    def test_what_was_submitted_before_a_refusal_was_told_is_refused_too(
        self, open_journal: OpenJournal, tmp_path: Path, loop: Loop, answers: Answers
    ) -> None:
        with open_environment(tmp_path, map_bytes=MIB, max_map_bytes=MIB, reserve_bytes=0) as environment:
            journal = open_journal(environment)

            def resubmit(error: JournalError | None) -> None:
                answers.done("too large")(error)
                journal.submit(put("after", b"v"), answers.done("after"))

            journal.submit(put("message 5", b"v" * (2 * MIB)), resubmit)
            loop.wait_for_post()
            # Made in the belief that message 5 was on its way: alone it would leave a gap.
            journal.submit(put("message 6"), answers.done("follows"))
            loop.run_until(lambda: len(answers.seen) == 3)
            assert answers.names() == ["too large", "follows", "after"]
            assert [type(error) for _, error in answers.seen] == [
                StorageFullError,
                StorageFullError,
                type(None),
            ]
            assert list(rows(environment)) == [b"after"]
            journal.close()

    def test_a_refusal_that_nobody_hears_does_not_keep_it_from_closing(
        self, open_journal: OpenJournal, tmp_path: Path, loop: Loop, answers: Answers
    ) -> None:
        with open_environment(tmp_path, map_bytes=MIB, max_map_bytes=MIB, reserve_bytes=0) as environment:
            journal = open_journal(environment)
            journal.submit(put("b", b"v" * (2 * MIB)), answers.done("too large"))
            loop.wait_for_post()
            journal.submit(put("c"), answers.done("follows"))
            journal.close()
            loop.run_one()
            assert answers.names() == ["too large", "follows"]

    def test_a_failed_commit_ends_it_for_good(
        self,
        journal: Journal,
        environment: Environment,
        loop: Loop,
        answers: Answers,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def broken() -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(environment, "begin_write", broken)
        journal.submit(put("a"), answers.done("a"))
        loop.run_until(lambda: bool(answers.seen))
        monkeypatch.undo()
        assert isinstance(answers.seen[0][1], JournalFailedError)
        assert isinstance(journal.failure, JournalFailedError)
        with pytest.raises(JournalFailedError):
            journal.submit(put("b"), answers.done("b"))
        assert rows(environment) == {}
        assert journal.full

    def test_a_bug_in_it_leaves_nobody_waiting(
        self,
        journal: Journal,
        environment: Environment,
        loop: Loop,
        answers: Answers,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def bug() -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(environment, "begin_write", bug)
        journal.submit(put("a"), answers.done("a"))
        loop.run_until(lambda: bool(answers.seen))
        error = answers.seen[0][1]
        assert isinstance(error, JournalFailedError)
        assert isinstance(error.__cause__, ZeroDivisionError)

    def test_a_loop_that_has_ended_does_not_keep_it_from_writing(
        self, open_journal: OpenJournal, environment: Environment, answers: Answers
    ) -> None:
        def ended(answer: Callable[[], None]) -> None:
            raise RuntimeError("the loop is over")

        journal = open_journal(environment, ended)
        journal.submit(put("a"), answers.done("a"))
        journal.submit(put("b"), answers.done("b"))
        journal.close()
        assert list(rows(environment)) == [b"a", b"b"]
        assert answers.seen == []

    def test_statistics_count_what_happened(self, journal: Journal, loop: Loop, answers: Answers) -> None:
        for number in range(10):
            journal.submit([*put(f"{number}"), *put("cursor")], answers.done(number))
        loop.run_until(lambda: len(answers.seen) == 10)
        seen = journal.statistics()
        assert (seen.submissions, seen.operations, seen.failed, seen.backlog) == (10, 20, 0, 0)
        assert 1 <= seen.commits <= 10
        assert 1 <= seen.backlog_peak <= 10
        assert sum(seen.batch_sizes) == sum(seen.commit_seconds) == seen.commits
        assert 0 < seen.commit_seconds_max <= seen.commit_seconds_sum


class TestWriterJournal:
    def test_what_comes_during_a_commit_shares_the_next_one(
        self,
        writer: WriterJournal,
        environment: Environment,
        loop: Loop,
        answers: Answers,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        gate = Gate(environment, monkeypatch)
        writer.submit(put("first"), answers.done("first"))
        assert gate.entered.wait(timeout=10)
        for number in range(100):
            writer.submit(put(f"{number}"), answers.done(number))
        assert writer.backlog == 101
        gate.open()
        loop.run_until(lambda: len(answers.seen) == 101)
        assert (writer.statistics().commits, writer.statistics().largest_batch) == (2, 100)
        assert loop.calls == 2

    def test_a_batch_is_bounded(
        self, environment: Environment, loop: Loop, answers: Answers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = Gate(environment, monkeypatch)
        journal = WriterJournal(environment, loop.post, time.perf_counter, batch_limit=10)
        for number in range(50):
            journal.submit(put(f"{number}"), answers.done(number))
        gate.open()
        journal.close()
        assert journal.statistics().largest_batch <= 10
        assert journal.statistics().commits >= 5

    def test_a_full_backlog_refuses_and_takes_nothing(
        self, environment: Environment, loop: Loop, answers: Answers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = Gate(environment, monkeypatch)
        journal = WriterJournal(environment, loop.post, time.perf_counter, backlog_limit=5)
        for number in range(5):
            journal.submit(put(f"{number}"), answers.done(number))
        assert is_full(journal)
        with pytest.raises(JournalFullError) as raised:
            journal.submit(put("refused"), answers.done("refused"))
        assert (raised.value.backlog, raised.value.limit) == (5, 5)
        gate.open()
        loop.run_until(lambda: len(answers.seen) == 5)
        assert not is_full(journal)
        assert b"refused" not in rows(environment)
        assert journal.statistics().backlog_peak == 5
        journal.close()

    def test_everybody_waiting_is_told_of_the_failure(
        self,
        writer: WriterJournal,
        environment: Environment,
        loop: Loop,
        answers: Answers,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        gate = Gate(environment, monkeypatch)
        # Breaks the transaction that waits at the gate, after others have queued up behind it.
        writer.submit(put("first"), answers.done("first"))
        assert gate.entered.wait(timeout=10)
        for number in range(3):
            writer.submit(put(f"{number}"), answers.done(number))
        monkeypatch.setattr("storage.batch.apply", lambda *arguments: 1 / 0)
        gate.open()
        loop.run_until(lambda: len(answers.seen) == 4)
        assert answers.names() == ["first", 0, 1, 2]
        assert {type(error) for _, error in answers.seen} == {JournalFailedError}

    def test_it_notices_room_that_somebody_else_has_made(
        self, environment: Environment, loop: Loop, answers: Answers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("storage.journal.ROOM_CHECK_SECONDS", 0.005)
        monkeypatch.setattr("storage.environment.disk_free_bytes", lambda folder: 0)
        journal = WriterJournal(environment, loop.post, time.perf_counter)
        assert journal.full
        noticed = threading.Event()
        spare_bytes = journal._committer.spare_bytes

        def room_is_back() -> int:
            if (spare := spare_bytes()) >= 0:
                noticed.set()
            return spare

        monkeypatch.setattr(type(journal._committer), "spare_bytes", lambda committer: room_is_back())
        monkeypatch.setattr("storage.environment.disk_free_bytes", lambda folder: 1 << 40)
        assert noticed.wait(timeout=10)
        journal.submit(put("a"), answers.done("a"))
        loop.run_one()
        assert answers.seen == [("a", None)]
        journal.close()


def test_a_writer_with_plenty_of_room_does_not_look_after_every_commit(
    environment: Environment, loop: Loop, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, looks = 0.0, 0

    def disk_free(_folder: Path) -> int:
        nonlocal looks
        looks += 1
        return 1 << 40

    monkeypatch.setattr("storage.environment.disk_free_bytes", disk_free)
    journal = WriterJournal(environment, loop.post, lambda: now)
    for number in range(5):
        journal.submit(put(f"{number}"), answers.done(number))
        loop.run_one()
    looked = looks
    now = 1.0
    journal.submit(put("later"), answers.done("later"))
    loop.run_one()
    journal.close()
    assert (looked, looks) == (1, 2)


def test_a_writer_that_cannot_ask_the_disk_ends_and_says_so(
    environment: Environment, loop: Loop, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.journal.ROOM_CHECK_SECONDS", 0.005)
    monkeypatch.setattr("storage.environment.disk_free_bytes", lambda folder: 0)
    journal = WriterJournal(environment, loop.post, time.perf_counter)
    monkeypatch.setattr("storage.environment.disk_free_bytes", lambda folder: 1 // 0)
    loop.run_one()
    assert isinstance(journal.failure, JournalFailedError)
    with pytest.raises(JournalFailedError):
        journal.submit(put("a"), answers.done("a"))
    journal.close()


def test_an_inline_journal_answers_before_submit_returns_if_nobody_says_otherwise(
    environment: Environment, answers: Answers
) -> None:
    InlineJournal(environment).submit(put("a"), answers.done("a"))
    assert answers.seen == [("a", None)]
