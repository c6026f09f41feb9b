"""Work for a store, drawn from a seed: what a power loss is tried on, and what must be there after it.

Each submission counts itself in a row of its own, so a store says how many of them it holds; and because
submissions take effect in order, and whole, its other rows must then be exactly theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

from protocol.ids import DeviceAddress, DeviceId, MessageNumber, Seq, UserId
from storage import Delete, Op, Put, Reader, mailboxes
from storage.mailboxes import DeviceCursor, QueuedMessage, Taken
from storage.progress import Progress, load_progress, put_progress
from storage.tables import DURABLE_TABLES, META, Table

Submission: TypeAlias = Sequence[Op]
Rows: TypeAlias = dict[tuple[Table, bytes], bytes]

SENDER = DeviceAddress(UserId(1), DeviceId(1))
COUNTED_BY = UserId(2)
"""Whose progress says how many submissions there are."""

RECIPIENTS = 24
ACKNOWLEDGEMENTS = 0.3
"""This part of the submissions deletes what has been read, so that pages are used again."""

LARGEST_MESSAGE = 6_000
"""Beyond a half of a page, rows have pages of their own."""

LAST_KEY = b"\xff" * 64


@dataclass(slots=True)
class _Queue:
    """The queue of one device, as a mailbox remembers it."""

    device: DeviceAddress
    cursor: DeviceCursor = field(default_factory=DeviceCursor)
    sizes: dict[int, int] = field(default_factory=dict)  # {seq: bytes}


def draw_submissions(seed: int, count: int) -> list[Submission]:
    """So many submissions; the same ones for the same seed."""
    random = Random(seed)
    queues = [_Queue(DeviceAddress(UserId(10 + number), DeviceId(1))) for number in range(RECIPIENTS)]
    return [
        [*_draw(random, queues), put_progress(COUNTED_BY, SENDER, Progress(MessageNumber(number)))]
        for number in range(1, count + 1)
    ]


def _draw(random: Random, queues: Sequence[_Queue]) -> list[Op]:
    queue = random.choice(queues)
    if queue.sizes and random.random() < ACKNOWLEDGEMENTS:
        return _acknowledge(queue, random.choice(list(queue.sizes)))
    # Most are short, some are as long as two pages.
    size = 20 + int(random.random() ** 6 * LARGEST_MESSAGE)
    return _append(queue, random.randbytes(size))


def _append(queue: _Queue, ciphertext: bytes) -> list[Op]:
    seq = queue.cursor.next_seq
    message = QueuedMessage(SENDER, MessageNumber(seq), 1, 2, ciphertext)
    queue.cursor, ops = mailboxes.append(queue.device, queue.cursor, message)
    queue.sizes[seq] = len(ciphertext)
    return [*ops, put_progress(queue.device.user, SENDER, Progress(MessageNumber(seq)))]


def _acknowledge(queue: _Queue, upto: int) -> list[Op]:
    gone = [queue.sizes.pop(seq) for seq in list(queue.sizes) if seq <= upto]
    queue.cursor, ops = mailboxes.acknowledge(
        queue.device, queue.cursor, Seq(upto), Taken(len(gone), sum(gone))
    )
    return ops


def rows_after(submissions: Sequence[Submission]) -> Rows:
    """What a store holds that has taken these."""
    rows: Rows = {}
    for op in (op for ops in submissions for op in ops):
        if isinstance(op, Put):
            rows[op.table, op.key] = op.value
        elif isinstance(op, Delete):
            rows.pop((op.table, op.key), None)
        else:
            for table, key in [row for row in rows if row[0] == op.table and op.first <= row[1] <= op.last]:
                del rows[table, key]
    return rows


def count_stored(reader: Reader) -> int:
    """How many submissions a store says that it holds."""
    return load_progress(reader, COUNTED_BY, SENDER).accepted


def stored_rows(reader: Reader) -> Rows:
    """All rows of a store but those that say what it is."""
    return {
        (table, key): value
        for table in DURABLE_TABLES
        if table != META
        for key, value in reader.scan(table, b"\0", LAST_KEY)
    }
