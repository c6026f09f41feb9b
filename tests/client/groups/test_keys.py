from trio.testing import MockClock

from client.groups.keys import KEPT_UNKNOWN, KEY_SECONDS, Share
from client.groups.wishes import WishRemove
from client.records import MessageState
from protocol.e2e.group_content import GroupKey
from protocol.e2e.sender_keys import SenderKey
from protocol.ids import DeviceId, GroupId
from tests.client.groups.conftest import Club, store
from tests.client.phones import seeded_entropy


def key_of(club: Club) -> bytes:
    own = store(club.ann).groups.keys.own(club.group)
    assert own is not None
    return own.key.key_id


async def test_a_key_is_used_on_and_is_new_after_somebody_was_removed(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.say(club.ann, "one")
    first = key_of(club)
    await club.say(club.ann, "two")
    assert key_of(club) == first
    await club.want(club.ann, WishRemove((club.cleo.account.user,)))
    await club.say(club.ann, "three")
    assert key_of(club) != first


async def test_a_key_is_not_current_after_a_week_nor_with_a_clock_far_off(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.say(club.ann, "one")
    keys, state = store(club.ann).groups.keys, store(club.ann).groups.logs.state(club.group)
    assert state is not None
    assert keys.is_current(state)
    for made_at in (-KEY_SECONDS - 1.0, KEY_SECONDS + 1.0):
        store(club.ann)._database.execute("UPDATE group_own_keys SET made_at = made_at + ?", made_at)
        assert not keys.is_current(state)
        store(club.ann)._database.execute("UPDATE group_own_keys SET made_at = made_at - ?", made_at)


async def test_a_key_is_new_after_a_member_has_removed_a_device(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.say(club.ann, "one")
    first, ann, ben = key_of(club), store(club.ann)._database, club.ben.account.user
    share = ann.value("SELECT message FROM group_shares WHERE user = ?", ben)
    ann.execute("INSERT INTO recipients (message, device) VALUES (?, 9)", share)
    ann.execute(
        "INSERT INTO peer_devices (user, device, identity_key, first_seen_at, active)"
        " VALUES (?, 9, zeroblob(32), 0, 1)",
        ben,
    )
    await club.say(club.ann, "two")
    assert key_of(club) == first
    ann.execute("UPDATE peer_devices SET active = 0 WHERE device = 9")
    await club.say(club.ann, "three")
    assert key_of(club) != first
    await club.hears(club.ben, "three")


async def test_keys_of_groups_of_which_nothing_has_come_are_bounded(
    club: Club, autojump_clock: MockClock
) -> None:
    ben, dan = store(club.ben), club.dan.account.address
    with ben._database.transaction():
        for number in range(KEPT_UNKNOWN + 5):
            shared = SenderKey.generate(seeded_entropy(number)).share()
            key = GroupKey(b"12345678", 0, GroupId(5_000 + number), shared)
            ben.groups.receiving.serve(club.ben.account, dan, key)
    kept = ben._database.value("SELECT count(*) FROM group_peer_keys WHERE user = ?", dan.user)
    assert kept == KEPT_UNKNOWN


async def test_the_keys_of_who_has_left_leave_the_disk(club: Club, autojump_clock: MockClock) -> None:
    for each in (club.ann, club.cleo):
        await club.say(each, "hello", MessageState.DELIVERED)
    await club.want(club.ann, WishRemove((club.cleo.account.user,)))
    await club.knows(club.ben, 2)
    rows = store(club.ben)._database.rows("SELECT DISTINCT user FROM group_peer_keys")
    assert [row["user"] for row in rows] == [club.ann.account.user]


async def test_keys_are_accepted_before_the_message_that_needs_them(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.say(club.ann, "hello", MessageState.DELIVERED)
    kinds = [type(event).__name__ for event in club.town.relay.heard]
    last_share = max(at for at, name in enumerate(kinds) if name == "Send")
    assert kinds.index("SendGroup") > last_share


async def test_an_old_keys_text_leaves_the_disk_when_it_is_renewed(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.say(club.ann, "hello", MessageState.DELIVERED)
    await club.want(club.ann, WishRemove((club.cleo.account.user,)))
    await club.say(club.ann, "again", MessageState.DELIVERED)
    services = store(club.ann)._database.rows(
        "SELECT m.content FROM messages m WHERE m.kind = 32 AND m.state > 0"
        " AND m.row NOT IN (SELECT message FROM group_shares) AND m.content NOTNULL"
    )
    assert len(services) == 2  # the two welcomes, which hold no sender key


def test_a_share_lacks_devices_that_it_was_not_sealed_for() -> None:
    assert Share().lacks([])
    assert not Share(is_queued=True).lacks([DeviceId(1)])
    assert not Share(rests=True).lacks([DeviceId(1)])
    assert not Share({DeviceId(1): None}).lacks([DeviceId(1)])
    assert Share({DeviceId(1): None}).lacks([DeviceId(1), DeviceId(2)])
