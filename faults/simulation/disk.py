"""A disk under the real store: commits are LMDB's own, but when they happen, and whether, the seed says.

The journal is the product's, with the queue, the batches and the fence of storage/journal.py. Only its writer
thread is replaced: a commit begins ``begin_seconds`` after the first submission, is on the disk in that
moment, and its submitters hear of it ``report_seconds`` later. In between a node can be killed, on either
side of the commit (``on_commit``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio

from faults.simulation.network import SimNetwork
from relay.journal import RelayJournal
from storage import Environment, InlineJournal, JournalError, JournalFailedError, Op, StorageFullError
from storage.committer import Committer
from storage.journal import Done

Told = Callable[[int, Sequence[Sequence[Op]]], None]
"""Told of the number of an environment, and the submissions that are on its disk now."""

Moment = Callable[["SimDisk"], None]
"""What is done at a commit: it may kill the worker whose disk it is."""


@dataclass
class SimDisk:
    """How the disk of one environment behaves; it outlives the workers that write to it."""

    number: int
    begin_seconds: float = 0.0005
    report_seconds: float = 0.0005
    is_full: bool = False
    fails_next: bool = False
    """The next commit ends in an error of fsync."""
    keeps_failed: bool = False
    """Whether what such a commit wrote is there all the same: nobody can know."""
    before_commit: Moment | None = None
    after_commit: Moment | None = None
    on_commit: Told = lambda _number, _batches: None
    """Told of everything that is on the disk now."""


class _SimCommitter:
    """The product's committer, behind a disk that can be full and fail."""

    def __init__(self, environment: Environment, disk: SimDisk) -> None:
        self._real = Committer(environment)
        self._disk = disk

    def commit(self, submissions: Sequence[Sequence[Op]]) -> list[JournalError | None]:
        disk = self._disk
        if disk.is_full:
            return [StorageFullError("the simulated disk is full") for _ in submissions]
        if disk.fails_next:
            disk.fails_next = False
            if disk.keeps_failed:
                self._commit(submissions)
            raise JournalFailedError("fsync failed on the simulated disk")
        return self._commit(submissions)

    def _commit(self, submissions: Sequence[Sequence[Op]]) -> list[JournalError | None]:
        answers = self._real.commit(submissions)
        stored = [ops for ops, answer in zip(submissions, answers, strict=True) if answer is None]
        self._disk.on_commit(self._disk.number, stored)
        return answers

    def spare_bytes(self) -> int:
        return -1 if self._disk.is_full else 1 << 40


class SimJournal(InlineJournal):
    """The journal of one life of one worker, whose writer is the network's courier instead of a thread."""

    def __init__(self, environment: Environment, disk: SimDisk, network: SimNetwork) -> None:
        super().__init__(environment, self._post_late, trio.current_time)
        self._committer = _SimCommitter(environment, disk)  # type: ignore[assignment]  # of the same shape
        self._disk = disk
        self._network = network
        self._is_writing = False
        self._is_dead = False
        self._reported_at = 0.0
        self.told: Callable[[], None] = lambda: None  # called after submitters have heard

    def submit(self, ops: Sequence[Op], done: Done) -> None:
        """See ``Journal.submit``: nothing is written before it returns."""
        if self._storage_full:
            self._look_for_room()
        self._enqueue(ops, done)
        self._plan()

    @property
    def backlog_limit(self) -> int:
        """How many submissions may wait."""
        return self._backlog_limit

    def die(self) -> None:
        """The process was killed: what was not committed never will be, and nobody is told anything."""
        self._is_dead = True
        self._queue.clear()

    def _plan(self) -> None:
        if self._queue and not self._is_writing and not self._is_dead:
            self._is_writing = True
            self._network.courier.post(self._disk.begin_seconds, self._write)

    def _write(self) -> None:
        self._happen("before_commit")
        self._is_writing = False
        if self._is_dead:
            return
        batch = self._next_batch()
        if batch:
            self._settle(batch)
            self._happen("after_commit")
        self._plan_unless_fenced()

    def _plan_unless_fenced(self) -> None:
        if not self._fenced:
            self._plan()

    def _happen(self, moment: str) -> None:
        act = getattr(self._disk, moment)
        if act is not None and not self._is_dead:
            setattr(self._disk, moment, None)
            act(self._disk)

    def _post_late(self, answer: Callable[[], None]) -> None:
        def tell() -> None:
            if not self._is_dead:
                answer()
                self.told()
                self._plan_unless_fenced()

        # In order, as a thread reports.
        self._reported_at = max(self._reported_at, trio.current_time() + self._disk.report_seconds)
        self._network.courier.post_at(self._reported_at, tell)


def open_sim_journal(
    environment: Environment, disk: SimDisk, network: SimNetwork
) -> tuple[RelayJournal, SimJournal]:
    """The journal as the relay sees it, and as a fault does."""
    late = SimJournal(environment, disk, network)
    journal = RelayJournal(late)
    late.told = journal.watch
    return journal, late
