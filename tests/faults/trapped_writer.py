"""A worker's way to disk and nothing else, with all traps on it: writes one message and says so."""

import sys
from pathlib import Path

from faults.real.failpoints import passages
from relay import worker_process
from storage import InlineJournal, Put, open_environment
from storage.tables import CURSORS, QUEUE

RECEIPT, MESSAGE = Put(CURSORS, b"c" * 8, b"cursor"), Put(QUEUE, b"q" * 24, b"message")


def main() -> None:
    """Commit a receipt, then a message, each by itself."""
    folder = Path(sys.argv[1])
    worker_process.LOG_FACTS["worker"] = 0
    with passages(folder / "within"), open_environment(folder / "store") as environment:
        journal = InlineJournal(environment)
        for put in (RECEIPT, MESSAGE):
            journal.submit([put], lambda _error: print("told", flush=True))


if __name__ == "__main__":
    main()
