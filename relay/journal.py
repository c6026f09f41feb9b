"""The relay's side of the journal: awaiting a commit, and stopping the node when the journal has failed.

Who owns what: `serve.py` opens the journal before the tree and closes it after the tree, because a resource
that everybody needs until their last word is no actor's state.

Rule 1: a journal that has failed for good ends the node at once: nothing can be promised any more.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import trio

from relay.config import COMMIT_SECONDS
from storage import Environment, Journal, JournalError, JournalFailedError, Op, WriterJournal

log = logging.getLogger("roost.relay")


class RelayJournal:
    """A journal with `commit` for those who wait, and a watch for its end."""

    __slots__ = ("_journal", "failed", "submit")

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.submit = journal.submit  # bound once: it is called for every message
        self.failed = trio.Event()

    async def commit(self, ops: Sequence[Op]) -> None:
        """Submit and wait until it is durable. With no operations: until all that came before is settled.

        Cancelled, the submission is carried out all the same.

        Raises:
            JournalError: it is not durable (or, if the journal failed, nobody knows).
            trio.TooSlowError: the disk has not answered for `COMMIT_SECONDS`.
        """
        answer = _Answer()
        self.submit(ops, answer.set)
        with trio.fail_after(COMMIT_SECONDS):
            await answer.wait()

    def watch(self) -> None:
        """Look whether the journal has ended for good; called after its callbacks, and by the sweeper."""
        if self._journal.failure is not None and not self.failed.is_set():
            log.critical("journal_failed", extra={"reason": str(self._journal.failure)})
            self.failed.set()

    @property
    def backlog(self) -> int:
        """Submissions waiting for the disk."""
        return self._journal.backlog

    @property
    def failure(self) -> JournalFailedError | None:
        """Why the journal has ended for good, or None."""
        return self._journal.failure

    @property
    def raw(self) -> Journal:
        """The journal itself, for statistics."""
        return self._journal


class _Answer:
    """What a journal says about one submission, to be waited for once."""

    __slots__ = ("_done", "_error")

    def __init__(self) -> None:
        self._done = trio.Event()
        self._error: JournalError | None = None

    def set(self, error: JournalError | None) -> None:
        """The journal's `done`."""
        self._error = error
        self._done.set()

    async def wait(self) -> None:
        """Wait for it.

        Raises:
            JournalError: as the journal has it.
        """
        await self._done.wait()
        if self._error is not None:
            raise self._error


@contextmanager
def open_journal(environment: Environment, monotonic: Callable[[], float]) -> Iterator[RelayJournal]:
    """The journal of a running node, for the length of a block inside trio.

    Leaving the block makes durable what was taken, and holds the loop up for as long as the disk needs.
    """
    token = trio.lowlevel.current_trio_token()

    def post(callbacks: Callable[[], None]) -> None:
        token.run_sync_soon(run, callbacks)

    def run(callbacks: Callable[[], None]) -> None:
        callbacks()
        journal.watch()  # a failure is noticed with the callbacks that tell of it

    writer = WriterJournal(environment, post, monotonic)
    journal = RelayJournal(writer)
    try:
        yield journal
    finally:
        writer.close()
