"""What is on its way: sent once, in order, until every worker has it, and again from where one stands."""

from protocol import DeviceAddress, DeviceId, GroupSeq, MessageNumber, UserId
from relay.group import fanout
from relay.group.fanout import Fanout
from relay.group.roster import Roster
from storage.groups import GroupItem, Membership

PHONE = DeviceAddress(UserId(1), DeviceId(1))


def item(gseq: int, size: int = 1) -> GroupItem:
    return GroupItem(GroupSeq(gseq), PHONE, MessageNumber(gseq), 1, 2, False, b"x" * size)


def two_workers(*pending: GroupItem) -> Fanout:
    """One member at each of two workers."""
    members = {UserId(user): Membership(GroupSeq(1)) for user in (10, 11)}
    return Fanout(Roster(members, lambda user: user - 10), pending)


def sent(out: Fanout) -> list[tuple[int, int, list[int]]]:
    return [(b.worker, b.behind, [each.gseq for each in b.items]) for b in out.next_batches()]


def test_only_what_is_durable_leaves_and_only_once() -> None:
    out = two_workers()
    for gseq in (2, 3):
        out.add(item(gseq))
    assert sent(out) == []
    out.durable = 2
    assert sent(out) == [(0, 0, [2]), (1, 0, [2])]
    out.durable = 3
    assert sent(out) == [(0, 2, [3]), (1, 2, [3])]
    assert sent(out) == []


def test_what_all_workers_have_is_done() -> None:
    out = two_workers(item(2), item(3))
    sent(out)
    out.has_arrived(0, GroupSeq(3))
    assert out.take_done() == 0
    out.has_arrived(1, GroupSeq(2))
    assert out.take_done() == 2
    assert out.waits_for() == [1]
    out.has_arrived(1, GroupSeq(3))
    assert out.take_done() == 3
    assert out.is_done


def test_what_was_not_answered_for_is_sent_again_from_there() -> None:
    out = two_workers(item(2), item(3))
    sent(out)
    out.has_arrived(1, GroupSeq(2))
    out.resend(1)
    assert sent(out) == [(1, 0, [3])]
    out.resend(0)
    assert sent(out) == [(0, 0, [2, 3])]


def test_a_worker_that_has_answered_for_all_needs_nothing_before_the_next() -> None:
    out = two_workers(item(2))
    sent(out)
    out.has_arrived(0, GroupSeq(2))
    out.add(item(3))
    out.durable = 3
    assert sent(out) == [(0, 0, [3]), (1, 2, [3])]


def test_large_items_go_one_by_one() -> None:
    out = two_workers(item(2, fanout.BATCH_BYTES), item(3))
    assert [each for each in sent(out) if each[0] == 0] == [(0, 0, [2]), (0, 2, [3])]


def test_a_batch_is_for_the_same_members() -> None:
    roster = Roster({UserId(10): Membership(GroupSeq(1))}, lambda user: 0)
    roster.join(UserId(12), GroupSeq(3))
    batches = Fanout(roster, [item(2), item(3), item(4)]).next_batches()
    assert [[each.gseq for each in batch.items] for batch in batches] == [[2], [3, 4]]
