from trio.testing import MockClock

from client.groups.logs import TWO_HISTORIES
from client.groups.welcomes import MOST_KEPT, MOST_UNKNOWN
from client.records import MessageState
from protocol.e2e.group_content import GroupWelcome
from protocol.e2e.membership import Vouched
from protocol.ids import GroupId, UserId
from tests.client.groups.conftest import Club, store


def hear(club: Club, sender: UserId, welcome: GroupWelcome) -> None:
    ben = store(club.ben)
    with ben._database.transaction():
        ben.groups.receiving.serve(club.ben.account, club.dan.account.address._replace(user=sender), welcome)


def welcome(club: Club, head: bytes, group: GroupId | None = None) -> GroupWelcome:
    return GroupWelcome(b"12345678", 0, group or club.group, b"k" * 32, Vouched(0, head))


async def test_a_member_who_knows_another_history_shows_that_the_relay_lies(
    club: Club, autojump_clock: MockClock
) -> None:
    hear(club, club.cleo.account.user, welcome(club, b"h" * 32))
    assert store(club.ben).groups.logs.problem(club.group) == TWO_HISTORIES


async def test_what_somebody_says_who_is_no_member_is_dropped(club: Club, autojump_clock: MockClock) -> None:
    hear(club, club.dan.account.user, welcome(club, b"h" * 32))
    assert store(club.ben).groups.logs.problem(club.group) is None
    assert store(club.ben).groups.find("Friends").id == club.group


async def test_of_a_group_whose_log_never_comes_only_a_few_welcomes_are_kept(
    club: Club, autojump_clock: MockClock
) -> None:
    for number in range(MOST_KEPT + 5):
        hear(club, UserId(5_000 + number), welcome(club, b"h" * 32, GroupId(77)))
    kept = store(club.ben)._database.value("SELECT count(*) FROM group_welcomes WHERE group_id = 77")
    assert kept == MOST_KEPT


async def test_nobody_can_make_a_person_a_group(club: Club, autojump_clock: MockClock) -> None:
    ann = club.ann.account.user
    hear(club, club.dan.account.user, welcome(club, b"h" * 32, GroupId(ann)))
    assert not store(club.ben).groups.is_group(ann)
    message_id = club.ben.send_text(ann, "between us")
    await club.ben.wait_for(message_id, MessageState.DELIVERED)


async def test_a_welcome_alone_makes_no_group(club: Club, autojump_clock: MockClock) -> None:
    hear(club, club.dan.account.user, welcome(club, b"h" * 32, GroupId(77)))
    assert [group.id for group in store(club.ben).groups.all()] == [club.group]


async def test_of_one_person_only_some_welcomes_to_unknown_groups_are_kept(
    club: Club, autojump_clock: MockClock
) -> None:
    for number in range(MOST_UNKNOWN + 5):
        hear(club, club.dan.account.user, welcome(club, b"h" * 32, GroupId(5_000 + number)))
    kept = store(club.ben)._database.value("SELECT count(*) FROM group_welcomes")
    assert kept == MOST_UNKNOWN
