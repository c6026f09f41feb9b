"""The queue of one device as its owner uses it, for the tests of what is in it and of what leaves it."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol.ids import DeviceAddress, DeviceId, MessageNumber, Seq, UserId
from storage import Environment, InlineJournal
from storage.expiry_walk import Walk, expire
from storage.mailboxes import (
    LAST_SEQ,
    DeviceCursor,
    QueuedMessage,
    Taken,
    acknowledge,
    append,
    load_device_queue_state,
    read_range,
)
from storage.tables import Op

ANNA = DeviceAddress(UserId(1), DeviceId(1))
ANNAS_OTHER = DeviceAddress(UserId(1), DeviceId(2))
# Keys are compared as bytes: user 256 is where a little-endian key would go wrong.
BERND = DeviceAddress(UserId(256), DeviceId(1))
LAST = DeviceAddress(UserId(2**63 - 1), DeviceId(2**16 - 1))
EVERYBODY = (ANNA, ANNAS_OTHER, BERND, LAST)


def message(
    number: int, size: int = 10, expires_at: int = 1000, sender: DeviceAddress = BERND
) -> QueuedMessage:
    return QueuedMessage(sender, MessageNumber(number), 100, expires_at, bytes([number % 256]) * size)


@dataclass
class Mailbox:
    """The queue of one device as its owner uses it: each step is one submission."""

    environment: Environment
    device: DeviceAddress = ANNA
    cursor: DeviceCursor = field(default_factory=DeviceCursor)

    def store(self, ops: list[Op]) -> None:
        errors: list[object] = []
        InlineJournal(self.environment).submit(ops, errors.append)
        assert errors == [None]

    def append(self, *messages: QueuedMessage) -> None:
        for each in messages:
            self.cursor, ops = append(self.device, self.cursor, each)
            self.store(ops)

    def acknowledge(self, upto: int) -> None:
        with self.environment.read() as reader:
            waiting = read_range(reader, self.device, self.cursor.acked_seq, LAST_SEQ)
        sizes = [len(message.ciphertext) for seq, message in waiting if seq <= upto]
        taken = Taken(len(sizes), sum(sizes))
        self.cursor, ops = acknowledge(self.device, self.cursor, upto, taken)
        self.store(ops)

    def expire(self, now: float, limit: int = 100, walk: Walk | None = None) -> list[Seq]:
        with self.environment.read() as reader:
            expired = expire(reader, self.device, self.cursor, now, limit, walk=walk)
        if expired is None:
            return []
        self.cursor = expired.cursor
        self.store(expired.ops)
        return [seq for seq, _ in expired.messages]

    def read(self, after: int = 0, limit: int = 100) -> list[tuple[int, QueuedMessage]]:
        with self.environment.read() as reader:
            rows = read_range(reader, self.device, after, limit)
        return [(seq, each) for seq, each in rows if isinstance(each, QueuedMessage)]

    def seqs(self, after: int = 0, limit: int = 100) -> list[int]:
        return [seq for seq, _ in self.read(after, limit)]

    def stored_cursor(self) -> DeviceCursor:
        with self.environment.read() as reader:
            return load_device_queue_state(reader, self.device)
