"""Lets a client come by the two moments around a commit of one of its phones, at which it can be killed.

Before: all that a phone is about to know is in its transaction, and nothing of it has happened. After: it has
happened, and nobody was told: no ✓ was shown, nothing was acknowledged, nothing has gone out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from client.database import Database
from faults.real.moments import Moment, Passage
from faults.substitution import substituted

ONLY_ONE = 0
"""Traps are laid for a worker by its number; a client has a folder of its own, and is the only one in it."""


def _number() -> int:
    return ONLY_ONE


@contextmanager
def passages(folder: Path) -> Iterator[None]:
    """Let this process come by both moments in the length of a block; traps are laid in the folder."""
    before = Passage(folder, Moment.BEFORE_COMMIT, _number)
    after = Passage(folder, Moment.AFTER_COMMIT, _number)
    transaction = Database.transaction

    @contextmanager
    def watched(database: Database) -> Iterator[None]:
        is_outermost = not database._connection.in_transaction  # those within have no commit of their own
        with transaction(database):
            yield
            if is_outermost:
                before.come_by()
        if is_outermost:
            after.come_by()

    with substituted(Database, "transaction", watched):
        yield
