import pytest
from trio.testing import MockClock

from client.errors import GroupError
from client.groups.records import Standing, WishState
from client.groups.wishes import (
    WishDemote,
    WishDescribe,
    WishInvite,
    WishJoin,
    WishLeave,
    WishPromote,
    WishRemove,
    WishRevoke,
    WishSettings,
)
from client.records import MessageState
from protocol.e2e.group_info import GroupInfo
from protocol.ids import UserId
from protocol.membership import Settings
from tests.client.groups.conftest import CLEO, Club, outcome, steps, store, texts
from tests.helpers.scripted_relay import until


async def test_a_message_reaches_everybody_and_is_ticked_when_all_have_it_and_all_have_read_it(
    club: Club, autojump_clock: MockClock
) -> None:
    message_id = await club.say(club.ann, "hello all", MessageState.DELIVERED)
    assert texts(club.ben, club.group) == texts(club.cleo, club.group) == ["hello all"]
    club.ben.mark_seen()
    assert await club.ben.flush()
    entry = club.ann.entry(message_id)
    assert entry is not None
    assert entry.state is MessageState.DELIVERED  # Cleo has not read it
    club.cleo.mark_seen()
    await club.ann.wait_for(message_id, MessageState.READ)


async def test_who_is_removed_is_told_and_can_open_nothing_that_is_sent_afterwards(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.say(club.ann, "with Cleo", MessageState.DELIVERED)
    await club.want(club.ann, WishRemove((club.cleo.account.user,)))
    await until(lambda: store(club.cleo).groups.logs.standing(club.group) is Standing.REMOVED)
    await club.say(club.ann, "without Cleo", MessageState.DELIVERED)
    await club.say(club.ben, "indeed", MessageState.DELIVERED)
    assert steps(club.cleo, club.group) == ["created", "removed"]
    # A relay that gives them the ciphertexts all the same.
    relay = club.town.relay.groups
    for item in [each for each in club.desk.timeline if not each.is_entry][-2:]:
        relay.place(
            club.desk,
            item.sender,
            item.number,
            item.payload,
            is_entry=False,
            audience=(club.cleo.account.user,),
        )
    await until(lambda: len(texts(club.cleo, club.group)) > 1)
    assert texts(club.cleo, club.group)[0] == "with Cleo"
    assert not {"without Cleo", "indeed"} & set(texts(club.cleo, club.group))


async def test_a_newcomer_sees_what_follows_their_joining_and_may_speak(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.say(club.ann, "before Dan")
    await club.add(club.dan)
    await club.say(club.ann, "welcome", MessageState.DELIVERED)
    await club.hears(club.dan, "welcome")
    assert texts(club.dan, club.group) == ["welcome"]
    assert steps(club.dan, club.group) == ["added"]
    assert store(club.dan).groups.find("Friends").id == club.group
    await club.say(club.dan, "thank you", MessageState.DELIVERED)
    await club.hears(club.ben, "thank you")


async def test_a_message_sealed_before_somebody_left_is_sealed_anew(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.say(club.ben, "first", MessageState.DELIVERED)
    line = club.town.relay.device_of(club.ben.account.phone).line
    assert line is not None
    club.town.relay.device_of(club.ben.account.phone).line = None  # Ben does not hear of it at once
    await club.want(club.ann, WishRemove((club.cleo.account.user,)))
    club.town.relay.device_of(club.ben.account.phone).line = line
    await club.say(club.ben, "second", MessageState.ACCEPTED)
    await club.hears(club.ann, "second")
    assert "second" not in texts(club.cleo, club.group)


async def test_joining_by_a_link_and_its_end(club: Club, autojump_clock: MockClock) -> None:
    assert (await club.want(club.ann, WishInvite(b"s" * 32))).state is WishState.DONE
    link = store(club.ann).groups.link(club.group)
    assert link is not None
    joined = await club.want(club.dan, WishJoin(link.invite.seed, link.info_key))
    assert joined.state is WishState.DONE
    group = store(club.dan).groups.find("Friends")
    assert (group.standing, len(group.members)) == (Standing.MEMBER, 4)
    await club.say(club.dan, "hi")
    await club.hears(club.ben, "hi")
    await club.want(club.dan, WishLeave())
    assert (await club.want(club.ann, WishRevoke())).state is WishState.DONE
    assert store(club.ann).groups.link(club.group) is None
    refused = await club.want(club.dan, WishJoin(link.invite.seed, link.info_key))
    assert (refused.state, refused.error_name) == (WishState.REFUSED, "no-such-invite")


async def test_where_admins_approve_who_joins_asks_and_is_let_in(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.want(club.ann, WishSettings(Settings.ADMINS_APPROVE, Settings(0)))
    await club.want(club.ann, WishInvite(b"s" * 32))
    link = store(club.ann).groups.link(club.group)
    assert link is not None
    asked = await club.want(club.dan, WishJoin(link.invite.seed, link.info_key))
    assert asked.state is WishState.ASKED
    assert store(club.dan).groups.logs.standing(club.group) is Standing.ASKING
    (asking,) = await club.ann.groups.asking(club.group)
    assert (asking.person.user, asking.has_link) == (club.dan.account.user, True)
    await club.add(club.dan)
    await until(lambda: store(club.dan).groups.logs.standing(club.group) is Standing.MEMBER)
    assert await club.ann.groups.asking(club.group) == []


async def test_where_only_admins_write_others_are_refused_until_they_are_admins(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.want(club.ann, WishSettings(Settings.ADMINS_SEND, Settings(0)))
    await club.knows(club.ben, 2)
    with pytest.raises(GroupError) as caught:
        club.ben.send_text(UserId(club.group), "may I?")
    assert caught.value.name == "not-allowed"
    await club.want(club.ann, WishPromote((club.ben.account.user,)))
    await club.knows(club.ben, 3)
    await club.say(club.ben, "as admin")
    await club.want(club.ben, WishDemote((club.ann.account.user,)))
    assert not store(club.ben).groups.find("Friends").members[0].is_admin


async def test_what_was_queued_before_one_left_fails_with_a_name(
    club: Club, autojump_clock: MockClock
) -> None:
    club.town.relay.cut_all()
    club.town.relay.is_deaf = True
    message_id = club.ben.send_text(UserId(club.group), "too late")
    with store(club.ben)._database.transaction():
        store(club.ben).groups.logs.set_standing(club.group, Standing.LEFT)
    club.town.relay.is_deaf = False
    club.town.relay.cut_all()
    entry = await club.ben.wait_for(message_id, MessageState.FAILED)
    assert entry.error_name == "not-a-member"


async def test_the_last_admin_leaves_and_the_oldest_member_is_admin(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.want(club.ann, WishLeave())
    assert store(club.ann).groups.logs.standing(club.group) is Standing.LEFT
    await club.knows(club.ben, 2)
    assert store(club.ben).groups.find("Friends").is_admin
    with pytest.raises(GroupError) as caught:
        club.ann.send_text(UserId(club.group), "anybody there?")
    assert caught.value.name == "not-a-member"
    await club.say(club.ben, "she is gone", MessageState.DELIVERED)
    assert "she is gone" not in texts(club.ann, club.group)


async def test_a_group_is_found_by_its_name_and_its_id_and_by_neither_if_two_are_called_so(
    club: Club, autojump_clock: MockClock
) -> None:
    groups = store(club.ann).groups
    assert groups.find("friends").id == groups.find(f"g{club.group:016x}").id == club.group
    await club.want(club.ann, WishDescribe("Old friends", "since 2020", None))
    assert groups.find("Old friends").info == GroupInfo("Old friends", "since 2020")
    await club.make("Old friends", club.ben)
    for text, name in (("Old friends", "ambiguous-group"), ("Enemies", "no-such-group")):
        with pytest.raises(GroupError) as caught:
            groups.find(text)
        assert caught.value.name == name


async def test_reply_reaction_edit_and_deletion_work_in_a_group_for_their_author_alone(
    club: Club, autojump_clock: MockClock
) -> None:
    first = await club.say(club.ann, "who comes?", MessageState.DELIVERED)
    club.ben.send_text(UserId(club.group), "I do", reply_to=first)
    await club.hears(club.cleo, "I do")
    answer = club.cleo.history(UserId(club.group))[-1]
    assert answer.quote is not None
    assert (answer.quote.text, answer.quote.is_own) == ("who comes?", False)
    club.cleo.react(first, "👍")
    club.ann.edit(first, "who comes tonight?")
    await club.hears(club.cleo, "who comes tonight?")
    await until(lambda: bool(_entry(club, first).reactions))
    assert [r.emoji for r in _entry(club, first).reactions] == ["👍"]
    club.ann.delete(first)
    await until(lambda: "who comes tonight?" not in texts(club.ben, club.group))


def _entry(club: Club, message_id: str):  # type: ignore[no-untyped-def] # noqa: ANN202 - a line of Ben's history
    return next(e for e in club.ben.history(UserId(club.group)) if e.message_id == message_id)


async def test_a_name_that_cannot_be_is_refused_at_once(club: Club, autojump_clock: MockClock) -> None:
    with pytest.raises(GroupError) as caught:
        store(club.ann).groups.create([], GroupInfo("two\nlines"))
    assert caught.value.name == "invalid-name"


async def test_a_wish_survives_a_relay_that_does_not_answer(club: Club, autojump_clock: MockClock) -> None:
    club.town.relay.is_deaf = True
    row = club.ann.groups.want(club.group, WishDescribe("Later", None, None))
    club.town.relay.is_deaf = False
    club.town.relay.cut_all()
    assert (await outcome(club.ann, row)).state is WishState.DONE
    assert store(club.ann).groups.find("Later").id == club.group


async def test_a_member_with_a_new_phone_says_so_and_hears_the_group_again(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.say(club.ben, "before", MessageState.DELIVERED)
    await club.town.register(CLEO, home=CLEO + "-new")
    async with club.town.open(CLEO + "-new") as cleo:
        await club.say(club.ann, "knock")  # she hears of the group by it
        await until(lambda: len(club.desk.entries) == 2)  # and has signed her new key
        for phone in (club.ann, club.ben):
            await club.knows(phone, 2)
        await club.say(club.ann, "hello new phone")
        await club.hears(cleo, "hello new phone")
        await club.say(club.ben, "from Ben, too")
        await club.hears(cleo, "from Ben, too")
        await until(lambda: store(cleo).groups.all()[0].name == "Friends")
        group = store(club.ben).groups.group(club.group)
        assert group is not None
        assert all(member.is_key_known for member in group.members)
        await club.say(cleo, "I am back")
        await club.hears(club.ben, "I am back")
