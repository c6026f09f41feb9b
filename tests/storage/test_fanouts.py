"""Fan-out rows: one for all devices, which counts for each from its cursor on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol.ids import DeviceAddress, DeviceId, GroupId, GroupSeq, MemberAddress, MessageNumber, Seq, UserId
from storage import CorruptRecordError, Environment, Put, accounts, fanouts, mailboxes, payloads
from storage.accounts import UserRecord
from storage.fanouts import FANOUT_CODEC, Fanout
from storage.mailboxes import DeviceCursor, GroupMessage, QueuedMessage
from storage.offline import open_writer
from storage.restoration import SEQ_JUMP, make_safe
from storage.tables import FANOUTS, Op
from tests.storage.fixtures.make_store import ANNA as FIXED_ANNA
from tests.storage.fixtures.make_store import device_record

CLUB, CHOIR = GroupId(7), GroupId(8)
ANNA, BEN, CARLA = (DeviceAddress(UserId(user), DeviceId(1)) for user in (1, 2, 3))


def message(gseq: int, *, group: GroupId = CLUB, is_entry: bool = False) -> GroupMessage:
    sender = MemberAddress(group, *ANNA)
    return GroupMessage(sender, GroupSeq(gseq), MessageNumber(gseq), 1, 99, is_entry, b"%d" % gseq * gseq)


def fanout(*messages: GroupMessage, **firsts: int) -> Fanout:
    devices = {"anna": ANNA, "ben": BEN, "carla": CARLA}
    return Fanout(
        messages, [(devices[name].user, devices[name].device) for name in firsts], list(firsts.values())
    )


def accounts_of(*devices: DeviceAddress) -> list[Op]:
    ops: list[Op] = []
    for device in devices:
        record = replace(device_record(FIXED_ANNA), static_key=bytes([device.user]) * 32)
        account = UserRecord(f"+49171392{device.user:04}", 1)
        ops += accounts.add_device(device.user, account, record)[2]
    return ops


def write(environment: Environment, *ops: Op) -> None:
    with open_writer(environment) as write_:
        write_(ops)


def waiting_for(environment: Environment, device: DeviceAddress) -> list[tuple[int, int]]:
    """(seq, number) of what waits for a device in rows of its own."""
    with environment.read() as reader:
        return [(seq, each.number) for seq, each in mailboxes.read_range(reader, device, 0, 99)]


def cursor_of(environment: Environment, device: DeviceAddress) -> DeviceCursor:
    with environment.read() as reader:
        return mailboxes.load_device_queue_state(reader, device)


def test_a_fan_out_row_comes_back_as_it_was(environment: Environment) -> None:
    there = fanout(message(4), message(5, is_entry=True), message(6), ben=9, carla=1)
    write(environment, fanouts.put_fanout(there))
    with environment.read() as reader:
        (found,) = fanouts.all_fanouts(reader)
    assert (found.key, list(found.devices), list(found.firsts)) == (
        (CLUB, 4),
        [tuple(BEN), tuple(CARLA)],
        [9, 1],
    )
    assert [each.row for each in found.messages] == [each.row for each in there.messages]
    assert [each.ciphertext for each in found.messages] == [each.ciphertext for each in there.messages]


def test_a_message_does_not_go_to_the_device_that_sent_it_but_an_entry_does() -> None:
    there = fanout(message(1), message(2, is_entry=True), message(3), anna=1, ben=1)
    assert [each.number for each in there.messages_for(*ANNA)] == [2]
    assert [each.number for each in there.messages_for(*BEN)] == [1, 2, 3]


def test_rows_are_written_for_every_device_when_no_node_runs(environment: Environment) -> None:
    write(
        environment,
        *accounts_of(ANNA, BEN, CARLA),
        fanouts.put_fanout(fanout(message(1), message(2, is_entry=True), anna=5, ben=1, carla=3)),
        mailboxes.put_cursor(ANNA, DeviceCursor(Seq(5), Seq(4))),
        mailboxes.put_cursor(CARLA, DeviceCursor(Seq(3), Seq(2))),
    )
    assert fanouts.expand(environment) == 1
    assert waiting_for(environment, ANNA) == [(5, 2)]
    assert waiting_for(environment, BEN) == [(1, 1), (2, 2)]
    assert waiting_for(environment, CARLA) == [(3, 1), (4, 2)]
    assert cursor_of(environment, BEN) == DeviceCursor(Seq(3), Seq(0), 2, 3)
    assert cursor_of(environment, CARLA) == DeviceCursor(Seq(5), Seq(2), 2, 3)
    assert fanouts.expand(environment) == 0
    assert waiting_for(environment, BEN) == [(1, 1), (2, 2)]


def test_a_restore_keeps_the_seqs_of_what_was_borne_and_gives_none_of_them_away_again(
    environment: Environment,
) -> None:
    write(
        environment,
        *accounts_of(BEN, CARLA),
        fanouts.put_fanout(fanout(message(1), message(2), ben=5, carla=1)),
        mailboxes.put_cursor(BEN, DeviceCursor(Seq(5), Seq(4))),
    )
    make_safe(environment)
    assert waiting_for(environment, BEN) == [(5, 1), (6, 2)]
    assert waiting_for(environment, CARLA) == [(1, 1), (2, 2)]
    assert cursor_of(environment, BEN) == DeviceCursor(Seq(7 + SEQ_JUMP), Seq(4), 2, 3, 99)
    assert cursor_of(environment, CARLA).next_seq == 3 + SEQ_JUMP
    assert fanouts.expand(environment) == 0


def test_what_a_cursor_accounts_for_is_not_written_again(environment: Environment) -> None:
    cursor, ops = mailboxes.append(
        BEN, DeviceCursor(Seq(3), Seq(2)), QueuedMessage(ANNA, MessageNumber(1), 1, 9, b"!")
    )
    write(
        environment,
        *accounts_of(BEN, CARLA),
        *ops,
        mailboxes.put_cursor(CARLA, DeviceCursor(Seq(2), Seq(1))),
        fanouts.put_fanout(fanout(message(1), message(2), message(3), ben=2, carla=1)),
    )
    assert cursor.next_seq == 4
    fanouts.expand(environment)
    assert waiting_for(environment, BEN) == [(3, 1), (4, 3)]  # seq 2 was acknowledged, 3 is another message
    assert waiting_for(environment, CARLA) == [(2, 2), (3, 3)]


def test_fan_out_rows_of_several_groups_are_taken_in_the_order_of_their_seqs(
    environment: Environment,
) -> None:
    write(
        environment,
        *accounts_of(BEN),
        fanouts.put_fanout(fanout(message(1), ben=3)),
        fanouts.put_fanout(fanout(message(8), ben=4)),
        fanouts.put_fanout(fanout(message(5, group=CHOIR), message(6, group=CHOIR), ben=1)),
    )
    assert fanouts.expand(environment) == 3
    assert waiting_for(environment, BEN) == [(1, 5), (2, 6), (3, 1), (4, 8)]
    assert cursor_of(environment, BEN).next_seq == 5


def test_a_device_that_is_gone_gets_nothing(environment: Environment) -> None:
    write(environment, *accounts_of(BEN), fanouts.put_fanout(fanout(message(1), ben=1, carla=1)))
    fanouts.expand(environment)
    assert waiting_for(environment, CARLA) == []
    assert cursor_of(environment, CARLA) == DeviceCursor()
    assert waiting_for(environment, BEN) == [(1, 1)]


def test_what_is_written_refers_to_a_payload_that_is_there(environment: Environment) -> None:
    write(environment, *accounts_of(BEN), fanouts.put_fanout(fanout(message(3), ben=1)))
    fanouts.expand(environment)
    with environment.read() as reader:
        assert payloads.load_payload(reader, CLUB, GroupSeq(3)) == b"333"


def test_a_damaged_row_is_left_and_holds_up_nobody_else(
    environment: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    good = fanouts.put_fanout(fanout(message(9), ben=1))
    bad = fanouts.put_fanout(fanout(message(1), ben=1))
    damaged = bad.value[:-1] + bytes([bad.value[-1] ^ 1])
    write(environment, *accounts_of(BEN), good, Put(FANOUTS, bad.key, damaged))
    assert fanouts.expand(environment) == 1
    assert [record.message for record in caplog.records] == ["fanout_unreadable"]
    assert waiting_for(environment, BEN) == [(1, 9)]


@pytest.mark.parametrize("cut", [1, 40, 70])
def test_a_row_that_is_cut_short_is_damage(cut: int) -> None:
    put = fanouts.put_fanout(fanout(message(1), message(2), ben=1))
    whole: Any = FANOUT_CODEC.unpack(put.key, put.value)
    assert len(whole.messages) == 2
    with pytest.raises(CorruptRecordError):
        FANOUT_CODEC.unpack(put.key, put.value[:-cut])
