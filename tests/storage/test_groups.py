"""What is kept of groups: read as it was written, group by group."""

from __future__ import annotations

from protocol.ids import DeviceAddress, DeviceId, GroupId, GroupSeq, MessageNumber, UserId
from storage import Environment, groups
from storage.groups import GroupItem, JoinAsk, Mark, Membership
from storage.offline import open_writer

CLUB, CHOIR = GroupId(7), GroupId(8)
ANNA = DeviceAddress(UserId(1), DeviceId(1))


def item(gseq: int, payload: bytes = b"sealed") -> GroupItem:
    return GroupItem(GroupSeq(gseq), ANNA, MessageNumber(gseq), 1, 2, False, payload)


def test_a_group_that_is_not_there_begins_at_the_first_item(environment: Environment) -> None:
    with environment.read() as reader:
        assert groups.load_group(reader, CLUB) is None
        assert groups.load_next_gseq(reader, CLUB) == groups.FIRST_GSEQ


def test_the_log_is_read_in_order_and_as_far_as_it_fits(environment: Environment) -> None:
    with open_writer(environment) as write:
        write([groups.put_entry(CLUB, index, bytes([index]) * 10) for index in range(5)])
        write([groups.put_entry(CHOIR, 0, b"other")])
    with environment.read() as reader:
        assert groups.read_entries(reader, CLUB, 3, 100, 1_000) == [b"\3" * 10, b"\4" * 10]
        assert len(groups.read_entries(reader, CLUB, 0, 2, 1_000)) == 2
        assert len(groups.read_entries(reader, CLUB, 0, 100, 25)) == 2
        assert len(groups.read_entries(reader, CLUB, 0, 100, 1)) == 1


def test_items_leave_up_to_where_everybody_has_them(environment: Environment) -> None:
    with open_writer(environment) as write:
        write([groups.put_item(CLUB, item(gseq)) for gseq in (1, 2, 3)])
        write([groups.put_item(CHOIR, item(1)), groups.remove_items(CLUB, GroupSeq(2))])
    with environment.read() as reader:
        assert groups.read_items(reader, CLUB, 0, 10) == [item(3)]
        assert groups.read_items(reader, CLUB, 3, 10) == []
        assert list(groups.groups_with_items(reader)) == [CLUB, CHOIR]


def test_a_member_hears_from_joining_to_leaving() -> None:
    there, gone = Membership(GroupSeq(3)), Membership(GroupSeq(3), GroupSeq(5))
    assert [there.hears(gseq) for gseq in (2, 3, 9)] == [False, True, True]
    assert [gone.hears(gseq) for gseq in (2, 3, 5, 6)] == [False, True, True, False]


def test_members_and_marks_are_kept_where_they_belong(environment: Environment) -> None:
    with open_writer(environment) as write:
        write(
            [
                groups.put_member(CLUB, ANNA.user, Membership(GroupSeq(1))),
                groups.put_member(CLUB, UserId(2), Membership(GroupSeq(2))),
                groups.remove_member(CLUB, UserId(2)),
                groups.put_mark(ANNA.user, CLUB, Mark(GroupSeq(4), GroupSeq(3))),
            ]
        )
    with environment.read() as reader:
        assert groups.load_members(reader, CLUB) == {ANNA.user: Membership(GroupSeq(1))}
        assert groups.load_mark(reader, ANNA.user, CLUB) == Mark(GroupSeq(4), GroupSeq(3))
        assert groups.load_mark(reader, ANNA.user, CHOIR) == Mark()


def test_only_the_newest_numbers_of_a_sender_are_remembered(environment: Environment) -> None:
    with open_writer(environment) as write:
        for number in range(1, 6):
            write(groups.put_number(CLUB, ANNA, number, GroupSeq(number + 10), keep=3))
    with environment.read() as reader:
        assert groups.read_numbers(reader, CLUB, ANNA, 0) == [(3, 13), (4, 14), (5, 15)]
        assert groups.load_number(reader, CLUB, ANNA, 4) == 14
        assert groups.load_number(reader, CLUB, ANNA, 2) is None


def test_who_asks_first_stands_first(environment: Environment) -> None:
    with open_writer(environment) as write:
        write([groups.put_join(CLUB, UserId(user), JoinAsk(b"i", b"p", 10 - user)) for user in (1, 2, 3)])
        write([groups.remove_join(CLUB, UserId(2))])
    with environment.read() as reader:
        assert [user for user, _ in groups.list_joins(reader, CLUB)] == [3, 1]
