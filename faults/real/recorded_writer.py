"""A process that stores one submission after the other, and says of each that it is durable.

    strace ... python -m faults.real.recorded_writer DATA SEED COUNT [--without-sync]

It is recorded by power_loss.py. A number is said only after `done(None)`, so what a recording has up to there
must bring back that submission.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import lmdb

from faults.real.storage_work import draw_submissions
from faults.substitution import substituted
from storage import JournalError, WriterJournal, open_environment

WITHOUT_SYNC = "--without-sync"

IN_FLIGHT = 16
"""Submissions under way at a time, so that commits are of one as well as of several."""

MAP_BYTES = 1 << 30


def store(data: Path, seed: int, count: int) -> None:
    """Store so many submissions, one commit after the other, and end."""
    environment = open_environment(data, map_bytes=MAP_BYTES, reserve_bytes=0)
    journal = WriterJournal(environment, lambda answer: answer(), time.perf_counter)
    room = threading.Semaphore(IN_FLIGHT)

    def report(number: int, error: JournalError | None) -> None:
        if error is not None:
            # In the writer's thread: an exception would leave the other one waiting.
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
        os.write(sys.stdout.fileno(), b"%d\n" % number)
        room.release()

    for number, ops in enumerate(draw_submissions(seed, count), start=1):
        room.acquire()
        journal.submit(ops, partial(report, number))
    journal.close()
    environment.close()


def main(words: Sequence[str]) -> None:
    """Do as the words say."""
    data, seed, count = Path(words[0]), int(words[1]), int(words[2])
    if WITHOUT_SYNC not in words:
        store(data, seed, count)
        return
    # As a store would be that trusts the system to write in time.
    with substituted(lmdb, "Environment", partial(lmdb.Environment, sync=False)):
        store(data, seed, count)


if __name__ == "__main__":
    main(sys.argv[1:])
