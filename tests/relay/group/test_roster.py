"""Who gets what: from joining to leaving, by the worker that owns them."""

from protocol import GroupSeq, UserId
from relay.group.roster import Roster, pack_users, unpack_users
from storage.groups import Membership

ANNA, BEN, CARLA = UserId(1), UserId(2), UserId(3)


def owner(user: UserId) -> int:
    return 0 if user == ANNA else 1


def hearing(roster: Roster, gseq: int) -> dict[int, tuple[UserId, ...]]:
    return {worker: unpack_users(users) for worker, users in roster.audience(gseq).items()}


def test_users_are_packed_and_unpacked() -> None:
    assert unpack_users(pack_users([ANNA, UserId(2**63 - 1)])) == (ANNA, 2**63 - 1)
    assert unpack_users(b"") == ()


def test_everybody_hears_from_joining_to_leaving() -> None:
    roster = Roster({}, owner)
    for user in (ANNA, BEN):
        roster.join(user, GroupSeq(1))
    roster.join(CARLA, GroupSeq(3))
    roster.leave(BEN, GroupSeq(5))
    assert hearing(roster, 2) == {0: (ANNA,), 1: (BEN,)}
    assert hearing(roster, 3) == {0: (ANNA,), 1: (BEN, CARLA)}
    assert hearing(roster, 5) == {0: (ANNA,), 1: (BEN, CARLA)}
    assert hearing(roster, 6) == hearing(roster, 99) == {0: (ANNA,), 1: (CARLA,)}


def test_what_does_not_change_is_worked_out_once() -> None:
    roster = Roster({ANNA: Membership(GroupSeq(1))}, owner)
    assert roster.audience(2) is roster.audience(3)


def test_whoever_left_is_forgotten_when_all_is_done() -> None:
    roster = Roster({ANNA: Membership(GroupSeq(1)), BEN: Membership(GroupSeq(1), GroupSeq(4))}, owner)
    assert roster.forget_gone(3) == []
    assert roster.forget_gone(4) == [BEN]
    assert list(roster.members) == [ANNA]
