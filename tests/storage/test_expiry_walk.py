from __future__ import annotations

import struct

import pytest

from protocol.ids import Seq
from storage import expiry_walk
from storage.expiry_walk import Walk, expire
from storage.mailboxes import DeviceCursor, append
from storage.records import RecordCodec
from storage.tables import CURSORS
from tests.storage.one_queue import ANNA, Mailbox, message


def test_only_what_is_too_old_expires_and_nothing_counts_as_acknowledged(mailbox: Mailbox) -> None:
    mailbox.append(message(1, expires_at=10), message(2, expires_at=20), message(3, expires_at=30))
    assert mailbox.expire(now=5) == []
    assert mailbox.expire(now=20) == [1, 2]
    assert mailbox.seqs() == [3]
    assert mailbox.stored_cursor() == DeviceCursor(Seq(4), Seq(0), 1, 10)
    mailbox.acknowledge(3)
    assert mailbox.stored_cursor() == DeviceCursor(Seq(4), Seq(3), 0, 0)


def test_a_message_expires_in_the_middle_of_the_queue(mailbox: Mailbox) -> None:
    for number, expires_at in enumerate((1000, 50, 60, 1000, 70, 2000), start=1):
        mailbox.append(message(number, expires_at=expires_at))
    assert mailbox.cursor.soonest == 50
    assert mailbox.expire(49) == []
    assert mailbox.expire(60) == [2, 3]
    assert mailbox.seqs() == [1, 4, 5, 6]
    assert mailbox.cursor.soonest == mailbox.stored_cursor().soonest == 70
    assert mailbox.expire(999) == [5]
    assert mailbox.cursor.soonest == 1000


def test_a_long_queue_is_walked_over_in_steps(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry_walk, "WALK_ROWS", 3)
    for number in range(1, 12):
        mailbox.append(message(number, expires_at=50 if number in (5, 11) else 100 + number))
    walk = Walk()
    found: list[Seq] = []
    for _ in range(5):
        found += mailbox.expire(50, walk=walk)
    assert found == [5, 11]
    assert mailbox.cursor.soonest == 101


def test_a_bound_is_not_raised_over_what_is_still_on_its_way_to_the_disk(mailbox: Mailbox) -> None:
    mailbox.append(message(1, expires_at=50))
    mailbox.append(message(2, expires_at=1000))
    on_its_way, _ = append(ANNA, mailbox.cursor, message(3, expires_at=60))
    with mailbox.environment.read() as reader:
        expired = expire(reader, ANNA, on_its_way, 55, 10, is_complete=False)
    assert expired is not None
    assert [seq for seq, _ in expired.messages] == [1]
    assert expired.cursor.soonest == 50


def test_a_cursor_of_the_first_version_knows_no_bound_and_looks(mailbox: Mailbox) -> None:
    mailbox.append(message(1, expires_at=50))
    old: RecordCodec[DeviceCursor] = RecordCodec(
        CURSORS, 1, lambda c: struct.pack(">QQQQ", c.next_seq, c.acked_seq, c.messages, c.ciphertext_bytes),
        {1: lambda _: DeviceCursor()},
    )  # fmt: skip
    mailbox.store([old.put(struct.pack(">QH", *ANNA), mailbox.cursor)])
    mailbox.cursor = mailbox.stored_cursor()
    assert mailbox.cursor.soonest == 0
    assert mailbox.expire(50) == [1]


def test_expiry_stops_at_its_limit(mailbox: Mailbox) -> None:
    mailbox.append(*[message(number, expires_at=10) for number in range(1, 6)])
    assert mailbox.expire(now=10, limit=2) == [1, 2]
    assert mailbox.expire(now=10, limit=2) == [3, 4]


def test_what_the_device_has_just_been_given_does_not_expire(mailbox: Mailbox) -> None:
    mailbox.append(*[message(number, expires_at=10) for number in range(1, 4)])
    with mailbox.environment.read() as reader:
        expired = expire(reader, mailbox.device, mailbox.cursor, 10, 100, given=1)
    assert expired is not None
    assert [seq for seq, _ in expired.messages] == [2, 3]
