from trio.testing import MockClock

from client.groups.wishes import WishDescribe
from protocol.e2e.group_info import GroupInfo
from tests.client.groups.conftest import Club, store
from tests.helpers.scripted_relay import until


async def test_a_description_reaches_everybody_and_the_relay_cannot_read_it(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.want(club.ann, WishDescribe("Old friends", "since 2020", None))
    await until(lambda: store(club.cleo).groups.all()[0].name == "Old friends")
    assert store(club.cleo).groups.find("Old friends").info == GroupInfo("Old friends", "since 2020")
    assert not [entry for entry in club.desk.entries if b"Old friends" in entry or b"since 2020" in entry]


async def test_without_the_key_a_group_has_no_name(club: Club, autojump_clock: MockClock) -> None:
    store(club.ben)._database.execute("UPDATE groups SET info_key = NULL, name = ''")
    group = store(club.ben).groups.group(club.group)
    assert group is not None
    assert (group.name, group.info) == ("", GroupInfo())
