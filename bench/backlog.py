"""Messages that wait for people who are away, put into the store of a node that is not running.

What a busy node has collected in weeks is to be there before a measurement begins, in seconds: so it goes in
through storage's own API, with the rows that the relay writes for a message (queue, cursor, progress), and
not over sockets, which is what `offline` measures.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.accounts import Account
from protocol import DeviceAddress, MessageNumber
from storage import InlineJournal, Op, open_environment, read_layout
from storage.mailboxes import DeviceCursor, QueuedMessage, append_one_of_several, put_cursor
from storage.progress import Progress, put_progress

MESSAGES_EACH = 1_000
"""That wait for one person."""

LIFE_SECONDS = 30 * 86_400
"""As long as a node keeps them by default."""


def people_away(messages: int) -> int:
    """For how many people so many messages wait."""
    return -(-messages // MESSAGES_EACH)


def put_backlog(
    data: Path, away: Sequence[Account], sender: DeviceAddress, messages: int, ciphertext_bytes: int
) -> None:
    """Have messages wait, MESSAGES_EACH for each of the first accounts that they are enough for.

    Raises:
        StorageError: the store is in use, damaged or too new.
    """
    layout = read_layout(data)
    theirs: defaultdict[int, list[Account]] = defaultdict(list)  # {environment: who of them is in it}
    for account in away[: people_away(messages)]:
        theirs[layout.owner(account.address.user)].append(account)
    left = messages
    for at, people in sorted(theirs.items()):
        with open_environment(data, at) as environment:
            journal = InlineJournal(environment)
            for person in people:
                count = min(left, MESSAGES_EACH)
                journal.submit(list(_rows(person.address, sender, count, ciphertext_bytes)), _must_succeed)
                left -= count


def _rows(device: DeviceAddress, sender: DeviceAddress, count: int, size: int) -> Iterator[Op]:
    now, cursor, ciphertext = int(time.time()), DeviceCursor(), b"q" * size
    for number in range(1, count + 1):
        message = QueuedMessage(sender, MessageNumber(number), now, now + LIFE_SECONDS, ciphertext)
        cursor, row = append_one_of_several(device, cursor, message)
        yield row
    yield put_cursor(device, cursor)
    yield put_progress(device.user, sender, Progress(accepted=MessageNumber(count)))


def _must_succeed(error: Exception | None) -> None:
    if error is not None:
        raise error
