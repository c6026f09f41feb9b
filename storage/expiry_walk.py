"""The walk over a device's queue that finds what has expired, a stretch at a time.

Each message has a life of its own, so what is due may lie anywhere in a queue. The cursor knows a time before
which nothing is: until then nothing is read. Then the rows are walked over in steps, and when the walk has
come to the end it is known anew when the next one is due.
Not here: whose queues are looked at, and when (relay/expiry.py, relay/device_queue.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.ids import DeviceAddress, Seq
from storage.environment import Reader
from storage.mailboxes import (
    NO_SEQ,
    DeviceCursor,
    Queued,
    delete_range,
    expires_at_of,
    put_cursor,
    read_row,
    rows_between,
    seq_of,
)
from storage.tables import Op

# Rows that one step of a walk looks at, only for when they expire: about 10 ms.
WALK_ROWS = 8_192


@dataclass(slots=True)
class Walk:
    """How far the walk over a queue has come that looks for what has expired."""

    after: int = NO_SEQ
    # The earliest `expires_at` of what stays; 0: nothing has yet.
    soonest: int = 0
    is_over: bool = False

    def begin(self) -> None:
        """The next one starts at the head of the queue."""
        self.after, self.soonest, self.is_over = NO_SEQ, 0, False


@dataclass(frozen=True, slots=True)
class Expired:
    """Messages whose time has passed, and what removes them."""

    cursor: DeviceCursor
    ops: list[Op]
    messages: list[tuple[Seq, Queued]]


def expire(
    reader: Reader,
    device: DeviceAddress,
    cursor: DeviceCursor,
    now: float,
    limit: int,
    given: int = NO_SEQ,
    walk: Walk | None = None,
    *,
    is_complete: bool = True,
) -> Expired | None:
    """Find up to `limit` messages of the queue whose time has passed; None if nothing is to be written.

    Each message has its own life, so one may expire in the middle of the queue. Nothing is read before
    `cursor.soonest`. Then the rows are walked over, `WALK_ROWS` at a time, and when the walk has come to the
    end it is known anew when the next one is due.

    Args:
        reader: what is durable; no other removal from this part of the queue may be on its way there.
        device: whose queue it is.
        cursor: how far it has come.
        now: unix seconds.
        limit: the most to take at once.
        given: up to this seq the device has just been given the messages: they stay.
        walk: how far earlier steps have come; this one goes on from there, and notes how far it came.
        is_complete: whether all that the cursor counts is durable; what is not, no walk has seen.

    Raises:
        CorruptRecordError: a row that would be dropped is damaged.
    """
    if now < cursor.soonest:
        return None
    walk = walk if walk is not None else Walk()
    messages, ops = _walk_on(reader, device, max(walk.after, cursor.acked_seq), now, limit, given, walk)
    soonest = cursor.soonest
    if walk.is_over:
        soonest = walk.soonest if is_complete else cursor.soonest
        walk.begin()
    if not messages and soonest == cursor.soonest:
        return None
    size = sum(len(message.ciphertext) for _, message in messages)
    # acked_seq stays: nobody acknowledged these, and the sender is told so.
    after = DeviceCursor(
        cursor.next_seq,
        cursor.acked_seq,
        max(0, cursor.messages - len(messages)),
        max(0, cursor.ciphertext_bytes - size),
        soonest,
    )
    ops.append(put_cursor(device, after))
    return Expired(after, ops, messages)


def _walk_on(
    reader: Reader, device: DeviceAddress, after: int, now: float, limit: int, given: int, walk: Walk
) -> tuple[list[tuple[Seq, Queued]], list[Op]]:
    """One step of a walk: what has expired, and what deletes it; neighbours by one operation."""
    messages: list[tuple[Seq, Queued]] = []
    runs: list[list[int]] = []
    is_run = False
    for rows, (key, data) in enumerate(rows_between(reader, device, after)):
        if rows >= WALK_ROWS or len(messages) >= limit:
            break
        seq = seq_of(key)
        expires_at = expires_at_of(key, data)
        walk.after = seq
        if expires_at <= now and seq > given:
            messages.append((seq, read_row(reader, key, data)))
            if is_run:
                runs[-1][1] = seq
            else:
                runs.append([seq, seq])
            is_run = True
        else:
            walk.soonest = min(walk.soonest or expires_at, expires_at)
            is_run = False
    else:
        walk.is_over = True
    return messages, [delete_range(device, first, last) for first, last in runs]
