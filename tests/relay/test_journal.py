"""The relay's journal: a commit can be awaited, and its end for good stops the node."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from actors.ports import system_monotonic
from relay.journal import RelayJournal, open_journal
from storage import InlineJournal, JournalFailedError, Op, Put, StorageFullError, open_environment
from storage.journal import Done
from storage.tables import META

OPS: list[Op] = [Put(META, b"key", b"value")]


class FailingJournal(InlineJournal):
    """Fails as it is told to."""

    error: StorageFullError | JournalFailedError = StorageFullError("full")

    def submit(self, ops: Sequence[Op], done: Done) -> None:
        if isinstance(self.error, JournalFailedError):
            self._failure = self.error
        done(self.error)


async def test_a_commit_returns_when_the_disk_has_it(tmp_path: Path) -> None:
    with open_environment(tmp_path) as environment, open_journal(environment, system_monotonic) as journal:
        await journal.commit(OPS)
        with environment.read() as reader:
            assert reader.get(META, b"key") == b"value"


async def test_leaving_the_block_makes_durable_what_was_taken(tmp_path: Path) -> None:
    with open_environment(tmp_path) as environment:
        with open_journal(environment, system_monotonic) as journal:
            journal.submit(OPS, lambda error: None)
        await trio.testing.wait_all_tasks_blocked()
        with environment.read() as reader:
            assert reader.get(META, b"key") == b"value"


async def test_a_commit_that_failed_says_so_to_whoever_waits(tmp_path: Path) -> None:
    with open_environment(tmp_path) as environment:
        journal = RelayJournal(FailingJournal(environment))
        with pytest.raises(StorageFullError):
            await journal.commit(OPS)
        journal.watch()
        assert not journal.failed.is_set()


async def test_the_end_of_the_journal_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_environment(tmp_path) as environment:
        failing = FailingJournal(environment)
        failing.error = JournalFailedError("fsync")
        journal = RelayJournal(failing)
        with pytest.raises(JournalFailedError):
            await journal.commit(OPS)
        journal.watch()
        journal.watch()
        assert journal.failed.is_set()
        assert [record.getMessage() for record in caplog.records].count("journal_failed") == 1
