from trio.testing import MockClock

from client.groups.logs import TWO_HISTORIES
from client.groups.records import Standing
from client.groups.wishes import WishDescribe, WishRemove
from client.records import MessageState
from protocol.e2e import IdentityKeyPair
from protocol.e2e.membership import Author, draft, sign_entry
from protocol.ids import DeviceAddress, DeviceId, UserId
from protocol.membership import Add, NewMember, entry_hash, skip
from tests.client.groups.conftest import Club, steps, store, texts
from tests.helpers.scripted_relay import until

MALLORY = UserId(666)


def forged_entry(club: Club) -> bytes:
    """An entry in Ann's name by which she adds Mallory, which she has not signed."""
    state = store(club.ann).groups.logs.state(club.group)
    somebody = IdentityKeyPair.from_seed(b"m" * 32)
    author = Author(DeviceAddress(club.ann.account.user, DeviceId(1)), somebody, None)
    entry = draft(state, club.group, author, 0, Add((NewMember(MALLORY, somebody.public),)))
    return sign_entry(author, entry)


async def test_a_member_whom_no_admin_has_added_is_shown_as_an_intruder_and_gets_no_key(
    club: Club, autojump_clock: MockClock
) -> None:
    relay, signed = club.town.relay.groups, forged_entry(club)
    before = club.desk.state
    relay.slip(club.desk, signed, before, skip(before, entry_hash(signed)))
    for phone in (club.ann, club.ben, club.cleo):
        await club.knows(phone, 2)
        assert steps(phone, club.group)[-2:] == ["forged", "intruder"]
        group = store(phone).groups.group(club.group)
        assert group is not None
        assert [member.person.user for member in group.members].count(MALLORY) == 0
    await club.say(club.ben, "nobody else hears this")
    await club.hears(club.cleo, "nobody else hears this")
    queued = store(club.ben)._database.rows("SELECT DISTINCT user FROM group_shares")
    assert MALLORY not in [row["user"] for row in queued]


async def test_another_history_for_others_is_found_out_and_nothing_is_sent(
    club: Club, autojump_clock: MockClock
) -> None:
    with store(club.ben)._database.transaction():
        account = store(club.ben).account()
        assert account is not None
        taken = store(club.ben).groups.logs.take(account, club.group, 0, forged_entry(club))
    assert not taken.is_new
    assert store(club.ben).groups.logs.problem(club.group) == TWO_HISTORIES


async def test_an_entry_that_comes_twice_is_taken_once(club: Club, autojump_clock: MockClock) -> None:
    logs, account = store(club.ben).groups.logs, store(club.ben).account()
    assert account is not None
    first = logs.entry_at(club.group, 0)
    assert first is not None
    with store(club.ben)._database.transaction():
        assert not logs.take(account, club.group, 0, first).is_new
    assert logs.problem(club.group) is None
    assert steps(club.ben, club.group) == ["created"]


async def test_a_gap_in_the_log_is_fetched_and_what_came_behind_it_is_kept(
    club: Club, autojump_clock: MockClock
) -> None:
    device = club.town.relay.device_of(club.cleo.account.phone)
    line, device.line = device.line, None
    for number in range(4):
        await club.want(club.ann, WishDescribe(f"Name {number}", None, None))
    await club.say(club.ann, "under the fourth name")
    # The queue has dropped the first entries, as an expiry does; the message is still there.
    device.queue = device.queue[-2:]
    assert line is not None
    device.line = line
    line.link.abort()
    await club.hears(club.cleo, "under the fourth name")
    assert store(club.cleo).groups.find("Name 3").next_index == 5
    assert texts(club.cleo, club.group) == ["under the fourth name"]


async def test_standing_follows_the_log(club: Club, autojump_clock: MockClock) -> None:
    assert store(club.ben).groups.logs.standing(club.group) is Standing.MEMBER
    await club.want(club.ann, WishRemove((club.ben.account.user,)))
    await until(lambda: store(club.ben).groups.logs.standing(club.group) is Standing.REMOVED)


async def test_a_new_key_counts_if_it_was_a_primarys_and_not_if_a_companion_had_it(
    club: Club, autojump_clock: MockClock
) -> None:
    """A companion that was removed cannot make itself the member with the relay's help."""
    ann, cleo = store(club.ann), club.cleo.account.user
    ann._database.execute(
        "INSERT INTO peer_devices (user, device, identity_key, first_seen_at, active) VALUES (?, 9, ?, 0, 0)",
        cleo,
        b"c" * 32,
    )
    knows = ann.groups.logs.key_view(club.ann.account)
    assert knows(cleo, club.cleo.account.identity_key)
    assert not knows(cleo, b"c" * 32)


async def test_no_number_leads_to_a_group(club: Club, autojump_clock: MockClock) -> None:
    """A relay that says so would have what is meant for a person from whoever is in the group."""
    ben, phone = store(club.ben), "+4915119999999"
    message = ben.queue_text(phone, "for you alone")
    ben.meet(phone, UserId(club.group))
    assert ben.user_of(phone) is None
    ben.learn_phone(phone, UserId(club.group))
    entry = ben.entry(message)
    assert entry is not None
    assert (entry.state, entry.error_name) == (MessageState.FAILED, "unknown-user")
