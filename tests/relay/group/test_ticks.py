"""Ticks in groups: a minimum over everybody else."""

from protocol import DeviceAddress, DeviceId, GroupSeq, MessageNumber, UserId
from relay.group.ticks import EVERYTHING, Least, Ticks
from storage.groups import Mark

ANNA, BEN, CARLA = UserId(1), UserId(2), UserId(3)
PHONE = DeviceAddress(ANNA, DeviceId(1))


def group_of_three() -> Ticks:
    """Anna has said 1 and 2 as items 5 and 7."""
    ticks = Ticks()
    for user in (ANNA, BEN, CARLA):
        ticks.join(user, 1, Mark())
    ticks.sent(PHONE, MessageNumber(1), GroupSeq(5))
    ticks.sent(PHONE, MessageNumber(2), GroupSeq(7))
    return ticks


def test_the_least_leaves_out_one() -> None:
    least = Least([(ANNA, 3), (BEN, 5), (CARLA, 4)])
    assert (least.besides(BEN), least.besides(ANNA)) == (3, 4)
    assert Least([]).besides(ANNA) == Least([(ANNA, 1)]).besides(ANNA) == EVERYTHING


def test_a_message_is_delivered_when_everybody_else_has_it() -> None:
    ticks = group_of_three()
    assert ticks.reached(BEN, 7, 0)
    assert ticks.risen() == [(PHONE, 0, 0)]
    assert ticks.reached(CARLA, 6, 5)
    assert ticks.risen() == [(PHONE, 1, 0)]
    assert ticks.reached(BEN, 7, 7)
    assert ticks.risen() == [(PHONE, 1, 1)]


def test_marks_never_go_back_and_repetitions_are_no_news() -> None:
    ticks = group_of_three()
    assert ticks.reached(BEN, 7, 5)
    assert not ticks.reached(BEN, 6, 5)
    assert not ticks.reached(UserId(9), 6, 5)


def test_whoever_joined_later_holds_nothing_up_that_was_said_before() -> None:
    ticks = group_of_three()
    ticks.reached(BEN, 7, 7)
    ticks.reached(CARLA, 7, 7)
    ticks.join(UserId(4), 8, Mark())
    assert ticks.risen() == [(PHONE, 2, 2)]


def test_whoever_leaves_holds_nothing_up_any_more() -> None:
    ticks = group_of_three()
    ticks.reached(BEN, 7, 7)
    ticks.leave(CARLA)
    assert ticks.risen() == [(PHONE, 2, 2)]


def test_what_all_have_read_waits_no_more() -> None:
    ticks = group_of_three()
    ticks.all_read(PHONE, 1)
    assert list(ticks.waiting[PHONE].numbers) == [(2, 7)]
    ticks.all_read(PHONE, 2)
    assert ticks.risen() == []
