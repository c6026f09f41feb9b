import pytest
from trio.testing import MockClock

from client.errors import GroupError
from client.events import TypingChanged
from client.groups.records import WishState
from client.records import MessageState
from tests.client.groups.conftest import Club, outcome, steps
from tests.helpers.scripted_relay import until


async def test_who_has_a_message_and_who_has_read_it(club: Club, autojump_clock: MockClock) -> None:
    message_id = await club.say(club.ann, "hello", MessageState.DELIVERED)
    club.ben.mark_seen()
    assert await club.ben.flush()
    ticks = {t.person.user: (t.has_it, t.has_read) for t in await club.ann.groups.ticks(message_id)}
    assert ticks == {club.ben.account.user: (True, True), club.cleo.account.user: (True, False)}


async def test_of_what_is_no_own_message_in_a_group_nobody_can_be_told(
    club: Club, autojump_clock: MockClock
) -> None:
    with pytest.raises(GroupError) as caught:
        await club.ann.groups.ticks("0123456789abcdef")
    assert caught.value.name == "no-such-message"


async def test_typing_is_seen_by_the_members(club: Club, autojump_clock: MockClock) -> None:
    with club.ben.events.subscribe() as events:
        club.ann.groups.set_typing(club.group, True)
        async for event in events:
            if isinstance(event, TypingChanged):
                assert (event.user, event.group) == (club.ann.account.user, club.group)
                break


async def test_who_leaves_all_groups_is_a_member_of_none_and_the_others_know(
    club: Club, autojump_clock: MockClock
) -> None:
    left = club.ben.groups.leave_all()
    assert [(await outcome(club.ben, row)).state for row in left] == [WishState.DONE]
    assert all(map(club.ben.groups.is_settled, left))
    assert club.ben.groups.leave_all() == []
    await until(lambda: "left" in steps(club.ann, club.group))
