"""The way to disk: submissions go in, and each is told when it is durable. Group commit.

    submit(ops, done) ──► queue ──► a batch ──► one transaction, one fsync ──► post(all done callbacks)
                            ▲                                │
                            └── gathers what comes meanwhile ┘

Guarantees, of every journal (tests/storage/test_journal.py runs the same tests on both):
Rule 1: a submission is atomic: all its operations become durable, or none.
Rule 2: `done(None)` runs after fsync has returned, `done(error)` when it was not stored; exactly once, in
    order of submission, through `post`, which puts it on the thread of the loop.
Rule 3: submissions take effect in order.
Rule 4: a StorageFullError is a fence. What was submitted after the failed batch and before its `done`
    callbacks ran may have been made from a state that now never came to be (a cursor that counts a message
    that was refused), so it fails with the same error. What is submitted from those callbacks on is new.
Rule 5: `submit` raises, and `done` never runs, when nothing was taken: journal full, storage nearly full,
    closed, failed.

It is the seam to a replicated log: what comes after it (a cluster) implements `Journal`, and nothing else
changes.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from storage.committer import Committer
from storage.environment import Environment
from storage.errors import (
    JournalClosedError,
    JournalError,
    JournalFailedError,
    JournalFullError,
    StorageFullError,
)
from storage.figures import CommitFigures, JournalStatistics
from storage.tables import Op, only_grows

log = logging.getLogger("roost.storage")

Done: TypeAlias = Callable[[JournalError | None], None]
Post: TypeAlias = Callable[[Callable[[], None]], None]
Submission: TypeAlias = tuple[Sequence[Op], Done]

# More in one transaction gains little (135 k puts a second with 100, 518 k with 1,000) and makes everybody in
# it wait.
DEFAULT_BATCH_LIMIT = 512

# About half a second of work for a disk that does its commits in the time measured in docs/storage.md. More
# waiting would only be more waiting: whoever cannot be served soon is refused, and knows it.
DEFAULT_BACKLOG_LIMIT = 8192

# How often a journal that refuses new messages looks whether an operator has made room on the disk.
ROOM_CHECK_SECONDS = 1.0

# With this much more than the reserve left nothing fills it up in the time below; a look at map and disk is
# 0.1 ms, a quarter of the CPU of a small commit.
PLENTY_BYTES = 1 << 30
PLENTY_LASTS_SECONDS = 0.05


class Journal(Protocol):
    """What the relay needs of a journal. See the rules at the top of this module."""

    def submit(self, ops: Sequence[Op], done: Done) -> None:
        """Take `ops`, to be made durable together; `done` is told. Never blocks. Called on the loop's thread.

        When storage is nearly full, what only adds rows to the growing tables (a message, a registration) is
        refused; anything else is taken as long as LMDB can do it: acknowledgements make room, receipts need
        none. A submission without operations is a barrier: done when all that came before it is.

        Raises:
            JournalFullError: too much is waiting for the disk.
            StorageFullError: map or disk is nearly full, and `ops` only add.
            JournalClosedError: after `close()`.
            JournalFailedError: after a failed commit.
        """

    @property
    def backlog(self) -> int:
        """Submissions that are waiting or on their way to the disk."""

    @property
    def full(self) -> bool:
        """Whether a new message would be refused now, for whatever reason."""

    @property
    def failure(self) -> JournalFailedError | None:
        """Why the journal has ended for good, or None."""

    def statistics(self) -> JournalStatistics:
        """The counters so far."""

    def close(self) -> None:
        """Make durable what was taken, then end.

        Blocks for as long as the disk takes; harmless when done before.
        """


class _GroupCommit:
    """What both journals share: the queue, its refusals, the fence, and what happens to a batch."""

    def __init__(
        self,
        environment: Environment,
        post: Post,
        monotonic: Callable[[], float],
        backlog_limit: int,
        batch_limit: int,
    ) -> None:
        self._committer = Committer(environment)
        self._post = post
        self._monotonic = monotonic
        self._backlog_limit = backlog_limit
        self._batch_limit = batch_limit
        self._figures = CommitFigures()
        self._storage_full = False
        self._look_for_room()
        # Guards everything below.
        self._lock = threading.Lock()
        # Bounded by backlog_limit, minus what is on its way; JournalFullError to the submitter above it.
        self._queue: deque[Submission] = deque()
        self._on_its_way = 0
        self._backlog_peak = 0
        # Set by a batch that did not fit, until its report runs (Rule 4).
        self._fenced = False
        self._closed = False
        self._failure: JournalFailedError | None = None

    @property
    def backlog(self) -> int:
        """Submissions that are waiting or on their way to the disk."""
        return len(self._queue) + self._on_its_way

    @property
    def full(self) -> bool:
        """Whether a new message would be refused now, for whatever reason."""
        return bool(
            self._storage_full or self._failure or self._closed or self.backlog >= self._backlog_limit
        )

    @property
    def failure(self) -> JournalFailedError | None:
        """Why the journal has ended for good, or None."""
        return self._failure

    def statistics(self) -> JournalStatistics:
        """The counters so far."""
        return self._figures.snapshot(self.backlog, self._backlog_peak, self._storage_full)

    # On the submitter's thread, with the lock held ----------------------------------------------------------

    def _enqueue(self, ops: Sequence[Op], done: Done) -> None:
        if self._failure is not None:
            raise JournalFailedError(str(self._failure)) from self._failure
        if self._closed:
            raise JournalClosedError
        backlog = len(self._queue) + self._on_its_way
        if backlog >= self._backlog_limit:
            raise JournalFullError(backlog, self._backlog_limit)
        if self._storage_full and only_grows(ops):
            raise StorageFullError("storage is nearly full: new messages are refused until there is room")
        self._queue.append((ops, done))
        if backlog >= self._backlog_peak:
            self._backlog_peak = backlog + 1

    def _next_batch(self) -> list[Submission]:
        if self._fenced:
            return []
        queue = self._queue
        batch = [queue.popleft() for _ in range(min(len(queue), self._batch_limit))]
        self._on_its_way = len(batch)
        return batch

    # On the writer's thread, without the lock ---------------------------------------------------------------

    def _settle(self, batch: list[Submission]) -> None:
        """Commit `batch` and have its submitters told."""
        started = self._monotonic()
        try:
            errors = self._committer.commit([ops for ops, _ in batch])
            self._look_for_room()
        except JournalFailedError as error:
            self._fail(batch, error)
            return
        except BaseException as error:
            # A bug in here must not leave submitters waiting for an answer that never comes; the journal ends
            # as if the disk had failed, and the cause is in the error for whoever reads the crash report.
            self._fail(batch, _crashed(error))
            return
        failed = sum(error is not None for error in errors)
        operations = sum(len(ops) for ops, _ in batch)
        self._figures.count_commit(len(batch), operations, failed, self._monotonic() - started)
        full = next((error for error in errors if isinstance(error, StorageFullError)), None)
        with self._lock:
            self._on_its_way = 0
            self._fenced = full is not None
        if full is not None:
            self._report(lambda: self._lift_fence(batch, errors, full))
        else:
            self._report(lambda: _answer(batch, errors))

    def _look_for_room(self) -> None:
        """Notice that storage is nearly full, or is not any more; called after every commit."""
        self._storage_full = self._committer.spare_bytes() < 0

    def _fail(self, batch: list[Submission], error: JournalFailedError) -> None:
        """End for good: everybody who waits is told so, and nobody is taken any more."""
        log.critical("journal_failed", extra={"reason": str(error), "submissions": len(batch)})
        with self._lock:
            self._failure = error
            self._on_its_way = 0
            waiting = [*batch, *self._queue]
            self._queue.clear()
        self._report(lambda: _answer(waiting, [error] * len(waiting)))

    def _report(self, answer: Callable[[], None]) -> None:
        """Have `answer` run on the loop's thread."""
        try:
            self._post(answer)
        except Exception:
            # The loop has ended before its journal (trio raises RunFinishedError). What is durable stays so;
            # there is nobody left to tell.
            log.warning("journal_report_dropped", exc_info=True)

    # On the loop's thread -----------------------------------------------------------------------------------

    def _lift_fence(
        self, batch: list[Submission], errors: Sequence[JournalError | None], full: StorageFullError
    ) -> None:
        """Answer the batch that did not fit, and with it everything that was submitted since (Rule 4)."""
        with self._lock:
            stale = list(self._queue)
            self._queue.clear()
            # Before the fence is lifted: until then the writer, to whom the figures belong, stands still.
            self._figures.failed += len(stale)
            self._fenced = False
        _answer([*batch, *stale], [*errors, *[full] * len(stale)])


def _answer(batch: Sequence[Submission], errors: Sequence[JournalError | None]) -> None:
    """Run every `done`, in order.

    One that raises does not keep the others from theirs; the first such exception is raised at the end.
    """
    raised: Exception | None = None
    for (_, done), error in zip(batch, errors, strict=True):
        try:
            done(error)
        except Exception as surprise:
            raised = raised or surprise
    if raised is not None:
        raise raised


class WriterJournal(_GroupCommit):
    """The journal of a running node: one writer thread, so that the loop never waits for the disk.

    The thread needs the GIL a few times a transaction. Beside a loop that computes without a break each of
    these waits lasts up to `sys.getswitchinterval()`, which at Python's default of 5 ms makes a commit of 0.5
    ms take 15: a node sets it to 0.5 ms.
    """

    def __init__(
        self,
        environment: Environment,
        post: Post,
        monotonic: Callable[[], float],
        *,
        backlog_limit: int = DEFAULT_BACKLOG_LIMIT,
        batch_limit: int = DEFAULT_BATCH_LIMIT,
    ) -> None:
        """Start the writer.

        Args:
            environment: what to write to; nobody else writes to it until `close()`.
            post: runs a function on the loop's thread, soon; called from the writer thread (trio:
                `token.run_sync_soon`).
            monotonic: seconds, for the statistics and for looking now and then.
            backlog_limit: how many submissions may wait; above it JournalFullError.
            batch_limit: how many submissions one transaction takes at most.
        """
        self._plenty_until = -math.inf  # on the clock `monotonic`: until then there is room
        super().__init__(environment, post, monotonic, backlog_limit, batch_limit)
        self._wake = threading.Condition(self._lock)
        self._idle = False
        # A daemon: a node that ends without close() must end. What was promised is on the disk by then, and
        # what was not promised may be lost.
        self._thread = threading.Thread(target=self._run, name="roost-journal", daemon=True)
        self._thread.start()

    def submit(self, ops: Sequence[Op], done: Done) -> None:
        """See `Journal.submit`."""
        with self._lock:
            self._enqueue(ops, done)
            if self._idle:
                self._wake.notify()

    def close(self) -> None:
        """See `Journal.close`.

        The last `done` callbacks are posted before it returns, and run when the loop runs them.
        """
        with self._lock:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while batch := self._take():
                self._settle(batch)
        except BaseException as error:
            # Between two batches the disk could not be asked for its room. Nobody may wait for a dead thread.
            self._fail([], _crashed(error))

    def _take(self) -> list[Submission]:
        """The next batch; empty when the journal has ended. Waits without limit for something to do."""
        with self._lock:
            while not (batch := self._next_batch()):
                # What is left behind a fence is answered by the report that is on its way.
                if self._closed or self._failure is not None:
                    break
                self._wait()
            return batch

    def _look_for_room(self) -> None:
        now = self._monotonic()
        if now < self._plenty_until:
            return
        spare = self._committer.spare_bytes()
        self._storage_full = spare < 0
        if spare >= PLENTY_BYTES:
            self._plenty_until = now + PLENTY_LASTS_SECONDS

    def _wait(self) -> None:
        self._idle = True
        woken = self._wake.wait(ROOM_CHECK_SECONDS if self._storage_full else None)
        self._idle = False
        if not woken:
            self._look_for_room()

    def _lift_fence(
        self, batch: list[Submission], errors: Sequence[JournalError | None], full: StorageFullError
    ) -> None:
        super()._lift_fence(batch, errors, full)
        with self._lock:
            self._wake.notify()


class InlineJournal(_GroupCommit):
    """A journal without a thread, for simulation and tests: `submit` returns after the commit.

    Same rules; `done` runs when `post` runs it, which by default is before `submit` returns.
    """

    def __init__(
        self,
        environment: Environment,
        post: Post | None = None,
        monotonic: Callable[[], float] | None = None,
        *,
        backlog_limit: int = DEFAULT_BACKLOG_LIMIT,
        batch_limit: int = DEFAULT_BATCH_LIMIT,
    ) -> None:
        """As `WriterJournal`.

        Without `post` callbacks run at once, without `monotonic` no seconds are counted.
        """
        super().__init__(
            environment,
            post if post is not None else _run_now,
            monotonic if monotonic is not None else _no_time,
            backlog_limit,
            batch_limit,
        )

    def submit(self, ops: Sequence[Op], done: Done) -> None:
        """See `Journal.submit`."""
        if self._storage_full:
            self._look_for_room()
        with self._lock:
            self._enqueue(ops, done)
            batch = self._next_batch()
        if batch:
            self._settle(batch)

    def close(self) -> None:
        """See `Journal.close`."""
        self._closed = True


def _crashed(cause: BaseException) -> JournalFailedError:
    failure = JournalFailedError(f"the journal crashed: {cause!r}")
    failure.__cause__ = cause
    return failure


def _run_now(answer: Callable[[], None]) -> None:
    answer()


def _no_time() -> float:
    return 0.0
