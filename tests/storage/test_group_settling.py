"""What is on its way from groups when users change environments: everybody has it once, in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from protocol.ids import DeviceAddress, DeviceId, GroupId, GroupSeq, MessageNumber, UserId
from storage import Environment, Layout, accounts, groups, mailboxes, open_environment, payloads
from storage.accounts import DeviceRecord, UserRecord
from storage.group_settling import settle_groups
from storage.groups import GroupItem, Membership
from storage.offline import open_writer
from storage.resharding import copy_moving_users
from tests.storage.conftest import MIB

TWO = Layout(2)
CLUB = GroupId(3)  # of environment 0
ANNA, BEN, CARLA = (
    UserId(5),
    UserId(2**62 + 2**61),
    UserId(2**62 + 2**60),
)  # 0; 1 and, of four, 3; 1 and, of four, 2


@pytest.fixture
def environments(tmp_path: Path) -> Iterator[list[Environment]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(open_environment(tmp_path, number, map_bytes=64 * MIB, reserve_bytes=0))
            for number in range(4)
        ]


def add_people(environments: list[Environment]) -> None:
    for user in (ANNA, BEN, CARLA):
        record = DeviceRecord(b"s" * 32, b"i" * 32, 1, b"p" * 32, b"g" * 64, 1)
        with open_writer(environments[TWO.owner(user)]) as write:
            write(accounts.add_device(user, UserRecord(f"+49{user}", 1), record)[2])


def say(environments: list[Environment], *gseqs: int) -> None:
    """Anna has said this, and nobody has it yet. Carla came with 2, Ben went with 3."""
    sender = DeviceAddress(ANNA, DeviceId(1))
    items = [
        GroupItem(GroupSeq(gseq), sender, MessageNumber(gseq), 1, 2, False, b"%d" % gseq) for gseq in gseqs
    ]
    members = {
        ANNA: Membership(GroupSeq(1)),
        BEN: Membership(GroupSeq(1), GroupSeq(3)),
        CARLA: Membership(GroupSeq(2)),
    }
    with open_writer(environments[0]) as write:
        write([groups.put_member(CLUB, user, member) for user, member in members.items()])
        write([groups.put_item(CLUB, item) for item in items])


def queue_of(environment: Environment, user: UserId) -> list[bytes]:
    with environment.read() as reader:
        rows = mailboxes.read_range(reader, DeviceAddress(user, DeviceId(1)), 0, 100)
    return [message.ciphertext for _, message in rows]


def test_everything_on_its_way_arrives_in_order_for_those_it_is_for(environments: list[Environment]) -> None:
    add_people(environments)
    say(environments, 1, 2, 3, 4)
    assert settle_groups(environments[:2], TWO) == 4
    assert queue_of(environments[0], ANNA) == []  # the sending device
    assert queue_of(environments[1], BEN) == [b"1", b"2", b"3"]
    assert queue_of(environments[1], CARLA) == [b"2", b"3", b"4"]
    with environments[0].read() as reader:
        assert list(groups.groups_with_items(reader)) == []
    assert settle_groups(environments[:2], TWO) == 0


def test_what_had_arrived_somewhere_does_not_arrive_there_again(environments: list[Environment]) -> None:
    add_people(environments)
    say(environments, 1, 2)
    with open_writer(environments[1]) as write:
        write([payloads.put_arrived(CLUB, GroupSeq(1))])
    settle_groups(environments[:2], TWO)
    assert queue_of(environments[1], BEN) == [b"2"]


def test_a_settling_that_is_killed_before_it_is_said_to_be_done_doubles_nothing(
    environments: list[Environment],
) -> None:
    add_people(environments)
    say(environments, 1, 2)
    settle_groups(environments[:2], TWO)
    say(environments, 1, 2)  # as if the last step had not become durable
    settle_groups(environments[:2], TWO)
    assert queue_of(environments[1], BEN) == [b"1", b"2"]


def test_whoever_moves_takes_along_what_waits_and_what_is_on_its_way(environments: list[Environment]) -> None:
    add_people(environments)
    say(environments, 1, 2)
    settle_groups(environments[:2], TWO)
    say(environments, 3)
    four = Layout(4, 1)
    copy_moving_users(environments, TWO, four, lambda line: None)
    assert (four.owner(BEN), four.owner(CARLA)) == (3, 2)
    assert queue_of(environments[3], BEN) == [b"1", b"2", b"3"]
    assert queue_of(environments[2], CARLA) == [b"2", b"3"]
