"""Payloads: once for an environment, found by what refers to them."""

from __future__ import annotations

import pytest

from protocol.ids import DeviceAddress, DeviceId, GroupId, GroupSeq, MemberAddress, MessageNumber, UserId
from storage import CorruptRecordError, Environment, Put, mailboxes, payloads
from storage.mailboxes import DeviceCursor, GroupMessage, QueuedMessage
from storage.offline import open_writer

CLUB = GroupId(7)
BEN = DeviceAddress(UserId(2), DeviceId(1))
SENDER = MemberAddress(CLUB, UserId(1), DeviceId(1))


def message(gseq: int) -> GroupMessage:
    return GroupMessage(SENDER, GroupSeq(gseq), MessageNumber(40 + gseq), 1, 2, gseq == 2, b"sealed" * gseq)


def test_a_row_of_a_queue_refers_to_its_payload(environment: Environment) -> None:
    cursor, ops = mailboxes.append(BEN, DeviceCursor(), message(1))
    cursor, more = mailboxes.append(BEN, cursor, QueuedMessage(BEN, MessageNumber(1), 1, 2, b"own"))
    cursor, last = mailboxes.append(BEN, cursor, message(2))
    kept = [payloads.put_payload(CLUB, GroupSeq(gseq), b"sealed" * gseq) for gseq in (1, 2)]
    with open_writer(environment) as write:
        write([*kept, *ops, *more, *last])
    with environment.read() as reader:
        rows = mailboxes.read_range(reader, BEN, 0, 10)
        behind, found = mailboxes.group_rows_after(reader, b"", 10)
        assert mailboxes.group_rows_after(reader, b"", 2)[1] == [(CLUB, 1)]
    assert [each.ciphertext for _, each in rows] == [b"sealed", b"own", b"sealedsealed"]
    first, last_row = rows[0][1], rows[2][1]
    assert isinstance(first, GroupMessage)
    assert isinstance(last_row, GroupMessage)
    assert (first.sender, first.number, first.origin, first.is_entry) == (SENDER, 1, 41, False)
    assert last_row.is_entry
    assert (behind, found) == (None, [(CLUB, 1), (CLUB, 2)])


def test_a_row_is_short_however_long_the_payload(environment: Environment) -> None:
    _, ops = mailboxes.append(BEN, DeviceCursor(), GroupMessage(
        SENDER, GroupSeq(1), MessageNumber(1), 1, 2, False, b"x" * 60_000
    ))  # fmt: skip
    put = ops[0]
    assert isinstance(put, Put)
    assert len(put.value) < 80


def test_a_payload_that_is_gone_is_damage_and_no_guess(environment: Environment) -> None:
    with open_writer(environment) as write:
        write(mailboxes.append(BEN, DeviceCursor(), message(1))[1])
    with environment.read() as reader, pytest.raises(CorruptRecordError):
        mailboxes.read_range(reader, BEN, 0, 10)


def test_payloads_are_found_in_order_and_removed(environment: Environment) -> None:
    keys = [(CLUB, GroupSeq(1)), (CLUB, GroupSeq(2)), (GroupId(9), GroupSeq(1))]
    with open_writer(environment) as write:
        write([payloads.put_payload(*key, b"p") for key in keys])
        write(payloads.remove_payloads(keys[:1]))
    with environment.read() as reader:
        assert payloads.load_payload(reader, *keys[0]) is None
        assert payloads.load_payload(reader, *keys[1]) == b"p"
        assert payloads.payloads_after(reader, None, 10) == keys[1:]
        assert payloads.payloads_after(reader, keys[1], 10) == keys[2:]


def test_how_far_a_group_has_come_is_remembered(environment: Environment) -> None:
    with open_writer(environment) as write:
        write([payloads.put_arrived(CLUB, GroupSeq(5))])
    with environment.read() as reader:
        assert payloads.load_arrived(reader, CLUB) == 5
        assert payloads.load_arrived(reader, GroupId(9)) == payloads.NOTHING
