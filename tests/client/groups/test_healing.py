from collections.abc import Sequence

from trio.testing import MockClock

from client.groups.wishes import WishRemove
from client.records import EntryKind, MessageState
from protocol.e2e.retry import RetryRequest
from protocol.ids import MessageNumber, UserId
from tests.client.groups.conftest import Club, store, texts
from tests.helpers.scripted_relay import until


async def test_a_message_whose_key_is_lost_is_asked_for_and_takes_its_place(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.say(club.ann, "one", MessageState.DELIVERED)
    store(club.ben)._database.execute("DELETE FROM group_peer_keys")
    await club.say(club.ann, "two")
    await club.say(club.cleo, "three")
    await club.hears(club.ben, "two")
    await until(lambda: texts(club.ben, club.group) == ["one", "two", "three"])
    # With the repetition came the key: what follows opens by itself.
    await club.say(club.ann, "four")
    await club.hears(club.ben, "four")
    assert store(club.ben)._database.value("SELECT count(*) FROM group_lost") == 0


async def test_who_is_no_member_any_more_is_not_answered(club: Club, autojump_clock: MockClock) -> None:
    await club.say(club.ann, "secret", MessageState.DELIVERED)
    await club.want(club.ann, WishRemove((club.cleo.account.user,)))
    ann, cleo = store(club.ann), club.cleo.account
    request = RetryRequest(b"12345678", 0, club.ann.account.device, (MessageNumber(1),), club.group)
    before = len(_services_to(club, cleo.user))
    with ann._database.transaction():
        ann.groups.healing.answer(club.ann.account, cleo.address, request, club.group)
    assert len(_services_to(club, cleo.user)) == before


async def test_a_member_gets_nothing_from_before_they_came(club: Club, autojump_clock: MockClock) -> None:
    await club.say(club.ann, "before Dan", MessageState.DELIVERED)
    await club.add(club.dan)
    await club.say(club.ann, "with Dan", MessageState.DELIVERED)
    ann, dan = store(club.ann), club.dan.account
    numbers = (MessageNumber(1), MessageNumber(2))
    request = RetryRequest(b"12345678", 0, club.ann.account.device, numbers, club.group)
    before = len(_services_to(club, dan.user))
    with ann._database.transaction():
        ann.groups.healing.answer(club.ann.account, dan.address, request, club.group)
    assert len(_services_to(club, dan.user)) == before + 2  # the second message, and the key


async def test_nobody_is_answered_in_a_group_whose_log_cannot_be_believed(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.say(club.ann, "secret", MessageState.DELIVERED)
    ann, cleo = store(club.ann), club.cleo.account
    request = RetryRequest(b"12345678", 0, club.ann.account.device, (MessageNumber(1),), club.group)
    before = len(_services_to(club, cleo.user))
    with ann._database.transaction():
        ann.groups.logs.distrust(club.group, "two-histories")
        ann.groups.healing.answer(club.ann.account, cleo.address, request, club.group)
    assert len(_services_to(club, cleo.user)) == before


def _services_to(club: Club, user: UserId) -> Sequence[object]:
    return store(club.ann)._database.rows(
        "SELECT 1 FROM messages WHERE user = ? AND kind = ?", user, EntryKind.SERVICE.value
    )
