"""How far a user is in groups: the first device counts, but not for what only another one gets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol import DeviceAddress, DeviceId, GroupId, GroupSeq, MemberAddress, MessageNumber, Seq, UserId
from relay.device_queue import InFlight
from relay.group.marks import GroupMarks
from storage import Environment, open_environment
from storage.groups import Mark

CLUB, CHOIR = GroupId(7), GroupId(8)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as opened:
        yield opened


def flown(group: GroupId, gseq: int) -> InFlight:
    return InFlight(Seq(gseq), MemberAddress(group, UserId(1), DeviceId(1)), GroupSeq(gseq), 1)


def test_the_newest_of_each_group_counts(environment: Environment) -> None:
    marks = GroupMarks(environment, UserId(2))
    own = InFlight(Seq(4), DeviceAddress(UserId(1), DeviceId(1)), MessageNumber(1), 1)
    progress, ops = marks.delivered([flown(CLUB, 3), flown(CHOIR, 9), own, flown(CLUB, 5)], None)
    assert progress == {CLUB: Mark(GroupSeq(5)), CHOIR: Mark(GroupSeq(9))}
    assert len(ops) == 2
    assert marks.delivered([flown(CLUB, 5)], None) == ({}, [])


def test_a_later_device_does_not_count_for_what_only_an_older_one_gets(environment: Environment) -> None:
    marks = GroupMarks(environment, UserId(2))
    assert marks.delivered([flown(CLUB, 5)], lambda group, after, before: True) == ({}, [])
    assert marks.delivered([flown(CLUB, 5)], lambda group, after, before: False)[0] == {
        CLUB: Mark(GroupSeq(5))
    }


def test_nobody_reads_what_was_not_delivered(environment: Environment) -> None:
    marks = GroupMarks(environment, UserId(2))
    assert marks.read(CLUB, 9) == ({}, [])
    marks.delivered([flown(CLUB, 5)], None)
    assert marks.read(CLUB, 9)[0] == {CLUB: Mark(GroupSeq(5), GroupSeq(5))}
    assert marks.read(CLUB, 4) == ({}, [])
    marks.forget()
    assert marks.of(CLUB) == Mark()  # nothing of it was submitted
