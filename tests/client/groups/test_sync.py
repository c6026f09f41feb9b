from trio.testing import MockClock

from client.groups.records import WishState
from client.groups.wishes import WishAdd, WishDescribe, WishRemove
from protocol.ids import UserId
from protocol.stanzas import AppendEntries
from tests.client.groups.conftest import Club, outcome, store
from tests.helpers.scripted_relay import until


async def test_two_who_change_a_group_at_once_both_come_through(
    club: Club, autojump_clock: MockClock
) -> None:
    rows = [
        (club.ann, club.ann.groups.want(club.group, WishDescribe("From Ann", None, None))),
        (club.ben, club.ben.groups.want(club.group, WishDescribe(None, "from Ben", None))),
    ]
    for phone, row in rows:
        assert (await outcome(phone, row)).state is WishState.DONE
    await until(lambda: len(club.desk.entries) == 3)


async def test_an_answer_that_is_lost_makes_no_second_entry(club: Club, autojump_clock: MockClock) -> None:
    club.town.relay.loses_answer = lambda event: isinstance(event, AppendEntries)
    row = club.ann.groups.want(club.group, WishRemove((club.cleo.account.user,)))
    await until(lambda: len(club.desk.entries) == 2)
    club.town.relay.loses_answer = lambda _: False
    club.town.relay.cut_all()
    assert (await outcome(club.ann, row)).state is WishState.DONE
    assert len(club.desk.entries) == 2


async def test_somebody_who_does_not_exist_cannot_be_added(club: Club, autojump_clock: MockClock) -> None:
    refused = await club.want(club.ann, WishAdd((UserId(424242),)))
    assert (refused.state, refused.error_name) == (WishState.REFUSED, "unknown-user")


async def test_a_plain_members_wish_is_refused_with_the_rules_name(
    club: Club, autojump_clock: MockClock
) -> None:
    refused = await club.want(club.ben, WishRemove((club.cleo.account.user,)))
    assert (refused.state, refused.error_name) == (WishState.REFUSED, "not-allowed")
    assert store(club.ben).groups.find("Friends").next_index == 1
