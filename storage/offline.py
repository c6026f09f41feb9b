"""Writing to an environment that belongs to no running node: before a start, or in the copy of a backup.

It goes the way of all writes, through a journal, so that a full map grows and a full disk is noticed as in a
running node; only that the caller waits, and is told by an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from storage.environment import Environment
from storage.errors import JournalError
from storage.journal import InlineJournal
from storage.tables import Op

Write: TypeAlias = Callable[[Sequence[Op]], None]
"""Makes operations durable, together. Raises JournalError if they are not."""


@contextmanager
def open_writer(environment: Environment) -> Iterator[Write]:
    """What writes to `environment`, for the length of a block; nobody else may write meanwhile."""
    journal = InlineJournal(environment)

    def write(ops: Sequence[Op]) -> None:
        answers: list[JournalError | None] = []
        journal.submit(ops, answers.append)
        for error in answers:
            if error is not None:
                raise error

    try:
        yield write
    finally:
        journal.close()
