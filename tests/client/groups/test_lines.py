from trio.testing import MockClock

from client.groups.records import GroupStep
from client.groups.wishes import WishDescribe, WishPromote, WishRemove, WishSettings
from protocol.ids import UserId
from protocol.membership import Settings
from tests.client.groups.conftest import Club, steps
from tests.helpers.scripted_relay import until


async def test_each_change_of_a_group_is_a_line_in_order_and_says_who_did_what_to_whom(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.want(club.ann, WishPromote((club.ben.account.user,)))
    await club.want(club.ann, WishSettings(Settings.ADMINS_SEND, Settings(0)))
    await club.want(club.ann, WishDescribe("Other name", None, None))
    await club.want(club.ann, WishRemove((club.cleo.account.user,)))
    expected = ["created", "promoted", "settings", "described", "removed"]
    await until(lambda: steps(club.ben, club.group) == expected)
    changes = [e.change for e in club.ben.history(UserId(club.group)) if e.change is not None]
    assert changes[1].people[0].is_self
    assert changes[2].settings == Settings.ADMINS_SEND
    assert changes[3].name == "Other name"
    assert changes[4].step is GroupStep.REMOVED
    assert changes[4].author is not None
    assert changes[4].author.phone == club.ann.account.phone
