"""A process that accepts messages as fast as it can and says, on its standard output, which are durable.

Its parent kills it. A line is written only after `done(None)`, so whatever the parent has read must be in the
data folder.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from protocol.ids import DeviceAddress, DeviceId, MessageNumber, UserId
from storage import JournalError, WriterJournal, mailboxes, open_environment
from storage.progress import Progress, put_progress

SENDER = DeviceAddress(UserId(1), DeviceId(1))
RECIPIENT = DeviceAddress(UserId(2), DeviceId(1))

# Submissions under way at a time, so that a kill finds some in every state.
IN_FLIGHT = 64


def ciphertext(number: int) -> bytes:
    """What message `number` holds: the parent checks it."""
    return number.to_bytes(8, "big") * 25


def accept_for_ever(data: Path) -> None:
    """Append messages, acknowledging every hundredth, until somebody ends the process."""
    environment = open_environment(data, map_bytes=1 << 30)
    journal = WriterJournal(environment, lambda answer: answer(), time.perf_counter)
    room = threading.Semaphore(IN_FLIGHT)
    with environment.read() as reader:
        cursor = mailboxes.load_device_queue_state(reader, RECIPIENT)

    def report(number: int, error: JournalError | None) -> None:
        assert error is None
        os.write(sys.stdout.fileno(), b"%d\n" % number)
        room.release()

    while True:
        room.acquire()
        number = int(cursor.next_seq)
        message = mailboxes.QueuedMessage(SENDER, MessageNumber(number), 1, 2, ciphertext(number))
        cursor, ops = mailboxes.append(RECIPIENT, cursor, message)
        progress = Progress(MessageNumber(number))
        ops.append(put_progress(RECIPIENT.user, SENDER, progress))
        journal.submit(ops, lambda error, number=number: report(number, error))  # type: ignore[misc]  # mypy cannot infer a lambda with a default


if __name__ == "__main__":
    accept_for_ever(Path(sys.argv[1]))
