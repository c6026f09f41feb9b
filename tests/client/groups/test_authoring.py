from trio.testing import MockClock

from client.groups.authoring import AlreadySo, Append, CannotBe, NeedDevices
from client.groups.wishes import (
    DueWish,
    Wish,
    WishAdd,
    WishCreate,
    WishDescribe,
    WishInvite,
    WishPromote,
    WishRemove,
    WishRevoke,
    WishSettings,
)
from protocol.ids import GroupId
from protocol.membership import Create, Settings, decode_signed_entry
from tests.client.groups.conftest import Club, store


def step(club: Club, wish: Wish, group: GroupId | None = None) -> object:
    return store(club.ann).groups.next_step(DueWish(1, group or club.group, wish))


async def test_what_is_so_already_needs_no_entry(club: Club, autojump_clock: MockClock) -> None:
    dan, ann = club.dan.account.user, club.ann.account.user
    for wish in (
        WishRemove((dan,)),
        WishAdd((club.ben.account.user,)),
        WishPromote((ann,)),
        WishSettings(Settings(0), Settings.ADMINS_SEND),
        WishDescribe("Friends", None, None),
        WishRevoke(),
    ):
        assert isinstance(step(club, wish), AlreadySo), wish


async def test_people_whose_keys_are_unknown_are_asked_for_first(
    club: Club, autojump_clock: MockClock
) -> None:
    dan = club.dan.account.user
    assert step(club, WishAdd((dan,))) == NeedDevices((dan,))
    create = WishCreate((dan,), Settings(0), "New", "", None)
    assert step(club, create, GroupId(99)) == NeedDevices((dan,))


async def test_a_new_group_begins_with_its_creator_and_its_name_is_sealed(
    club: Club, autojump_clock: MockClock
) -> None:
    made = step(club, WishCreate((club.ben.account.user,), Settings(0), "Secret club", "", None), GroupId(99))
    assert isinstance(made, Append)
    (signed,) = made.entries
    action = decode_signed_entry(signed).entry.action
    assert isinstance(action, Create)
    assert [member.user for member in action.members] == [club.ann.account.user, club.ben.account.user]
    assert b"Secret club" not in signed


async def test_what_the_rules_refuse_is_named_as_the_relay_would(
    club: Club, autojump_clock: MockClock
) -> None:
    wish = DueWish(1, club.group, WishRemove((club.ann.account.user,)))
    assert store(club.ben).groups.next_step(wish) == CannotBe("not-allowed")
    assert step(club, WishInvite(b"s" * 32), GroupId(98)) == CannotBe("no-such-group")
