import pytest
import trio
from trio.testing import MockClock

from client.errors import NotAllowedInGroupError
from client.groups.wishes import WishRemove, WishSettings
from client.phone import Phone
from client.records import EntryKind, GroupChanged, IncomingDelivery, MessageState, Undecryptable
from protocol.e2e import ChatTimer, Text
from protocol.e2e.content import encode
from protocol.e2e.group_content import GroupKey, encode_group_service
from protocol.e2e.retry import Resent
from protocol.e2e.sender_keys import GroupContext, SenderKey
from protocol.ids import (
    DeviceAddress,
    DeviceId,
    GroupId,
    GroupSeq,
    MemberAddress,
    MessageNumber,
    Seq,
    UserId,
)
from protocol.membership import Settings
from tests.client.groups.conftest import Club, steps, store, texts
from tests.client.phones import seeded_entropy
from tests.helpers.scripted_relay import until


def sealed_by(club: Club, sender: DeviceAddress, epoch: int = 0) -> bytes:
    """A message as somebody makes it who has a key that nobody was given."""
    head = store(club.ann).groups.logs.hash_at(club.group, 0)
    assert head is not None
    key = SenderKey.generate(seeded_entropy(5))
    return key.encrypt(b"content", sender, GroupContext(club.group, epoch, head))


def slip(club: Club, sender: DeviceAddress, payload: bytes, number: int = 1) -> None:
    """Have the relay deliver something that it should not have taken."""
    member = MemberAddress(club.group, *sender)
    club.town.relay.groups.place(club.desk, member, MessageNumber(number), payload, is_entry=False)


async def test_who_speaks_without_being_a_member_is_shown_as_an_intruder_and_not_what_they_say(
    club: Club, autojump_clock: MockClock
) -> None:
    dan = club.dan.account.address
    slip(club, dan, sealed_by(club, dan))
    slip(club, dan, sealed_by(club, dan), 2)
    await club.say(club.ann, "who is that?")
    await club.hears(club.ben, "who is that?")
    assert steps(club.ben, club.group) == ["created", "intruder"]  # said once
    assert texts(club.ben, club.group) == ["who is that?"]


async def test_who_is_no_admin_is_not_shown_where_only_admins_write(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.want(club.ann, WishSettings(Settings.ADMINS_SEND, Settings(0)))
    await club.knows(club.ben, 2)
    cleo = club.cleo.account.address
    slip(club, cleo, sealed_by(club, cleo))
    await until(lambda: bool(texts(club.ben, club.group)))
    (line,) = [e for e in club.ben.history(UserId(club.group)) if e.change is None]
    assert (line.kind, line.error_name, line.author) == (EntryKind.UNDECRYPTABLE, "not-allowed", cleo.user)


async def test_a_message_that_names_entries_which_nobody_has_holds_nothing_up(
    club: Club, autojump_clock: MockClock
) -> None:
    cleo = club.cleo.account.address
    slip(club, cleo, sealed_by(club, cleo, epoch=1_000_000))
    await club.say(club.ann, "go on")
    await club.hears(club.ben, "go on")
    assert not store(club.ben).groups.logs.is_behind(club.group)
    assert texts(club.ben, club.group) == [None, "go on"]


async def test_garbage_in_a_group_is_shown_as_such_and_nothing_waits_behind_it(
    club: Club, autojump_clock: MockClock
) -> None:
    slip(club, DeviceAddress(club.cleo.account.user, DeviceId(1)), b"garbage")
    await club.say(club.ann, "go on")
    await club.hears(club.ben, "go on")


async def test_what_was_delivered_once_is_shown_once(club: Club, autojump_clock: MockClock) -> None:
    await club.say(club.ann, "once")
    await club.hears(club.ben, "once")
    item = club.desk.timeline[-1]
    club.town.relay.groups.place(club.desk, item.sender, item.number, item.payload, is_entry=False)
    await club.say(club.ann, "twice")
    await club.hears(club.ben, "twice")
    assert texts(club.ben, club.group) == ["once", "twice"]


async def test_a_rule_of_somebody_who_may_not_set_it_is_not_obeyed(
    club: Club, autojump_clock: MockClock
) -> None:
    chat = UserId(club.group)
    club.cleo.set_timer(chat, 3_600)
    await until(lambda: club.ben.rules_of(chat).life == 3_600)  # all members may, unless the group says else
    await club.want(club.ann, WishSettings(Settings.ADMINS_DESCRIBE, Settings(0)))
    await club.knows(club.ben, 2)
    await club.knows(club.cleo, 2)
    with pytest.raises(NotAllowedInGroupError):
        club.cleo.keep_here(chat, on=True)
    state = store(club.cleo).groups.logs.state(club.group)
    assert state is not None
    assert not state.may_describe(club.cleo.account.user)
    forged = store(club.cleo).compose._queue.queue(chat, lambda id_, at: ChatTimer(id_, at + 1_000, 1))
    club.cleo._outbox.look()
    await club.cleo.wait_for(forged.id.hex(), MessageState.ACCEPTED)
    await club.say(club.ann, "nothing has changed")
    await club.hears(club.ben, "nothing has changed")
    assert club.ben.rules_of(chat).life == 3_600
    await until(lambda: club.ann.set_timer(chat, 0) is not None)
    await until(lambda: club.ben.rules_of(chat).life is None)


async def test_what_disappears_in_a_group_is_gone_on_all_phones(
    club: Club, autojump_clock: MockClock
) -> None:
    chat, everybody = UserId(club.group), (club.ann, club.ben, club.cleo)
    club.ann.set_timer(chat, 30)
    await until(lambda: all(each.rules_of(chat).life == 30 for each in everybody))
    await club.say(club.ben, "soon gone")
    for each in everybody:
        await club.hears(each, "soon gone")
    await trio.sleep(29)
    for each in everybody:
        await until(lambda each=each: "soon gone" not in texts(each, club.group))  # type: ignore[misc]


async def test_what_is_shown_once_in_a_group_is_opened_by_each_member_once(
    club: Club, autojump_clock: MockClock
) -> None:
    message_id = club.ann.send_text(UserId(club.group), "once", view_once=True)
    others = (club.ben, club.cleo)
    await until(lambda: all(each.entry(message_id) is not None for each in others))
    assert club.ben.view(message_id) == "once"
    await until(lambda: _kind(club.ann, message_id) is EntryKind.VIEWED)
    await club.say(club.ann, "and now?")
    await club.hears(club.cleo, "and now?")
    assert club.cleo.view(message_id) == "once"


def _kind(phone: Phone, message_id: str) -> EntryKind | None:
    entry = phone.entry(message_id)
    return None if entry is None else entry.kind


async def test_who_is_no_member_is_not_asked_for_what_does_not_open(
    club: Club, autojump_clock: MockClock
) -> None:
    dan = club.dan.account.address
    slip(club, dan, sealed_by(club, dan, epoch=1_000_000))
    await club.say(club.ann, "who is that?")
    await club.hears(club.ben, "who is that?")
    assert texts(club.ben, club.group) == ["who is that?"]
    assert steps(club.ben, club.group) == ["created", "intruder"]
    assert store(club.ben)._database.value("SELECT count(*) FROM group_lost") == 0


async def test_a_repetition_of_somebody_who_is_no_member_any_more_is_not_shown(
    club: Club, autojump_clock: MockClock
) -> None:
    cleo = club.cleo.account.address
    slip(club, cleo, b"\x14garbage")
    await until(lambda: None in texts(club.ben, club.group))
    await club.want(club.ann, WishRemove((cleo.user,)))
    await club.knows(club.ben, 2)
    ben = store(club.ben)
    text = encode(Text(b"12345678", 0, "I am still here"))
    again = Resent(b"87654321", 0, (MessageNumber(1),), text, club.group)
    delivery = IncomingDelivery(Seq(1), cleo, MessageNumber(9), b"", None, None)
    place = ben._database.value("SELECT row FROM messages WHERE user = ? AND kind = 3", club.group)
    with ben._database.transaction():
        ben.groups.healing.add(club.group, cleo, MessageNumber(1), place)
        ben._receiving._serve(club.ben.account, delivery, again, changed=False)
    assert "I am still here" not in texts(club.ben, club.group)


async def test_a_group_that_has_the_id_of_a_person_is_none(club: Club, autojump_clock: MockClock) -> None:
    ann, dan = club.ann.account.user, club.dan.account.address
    ben = store(club.ben)
    seq = Seq(ben._receiving.cursor() + 1)
    lie = IncomingDelivery(
        seq, dan, MessageNumber(1), b"entry", None, None, GroupId(ann), GroupSeq(1), is_entry=True
    )
    received = ben._receiving.receive_all([lie])[0]
    assert isinstance(received, Undecryptable)
    assert received.error_name == "not-a-group"
    assert not ben.groups.is_group(ann)


async def test_a_key_that_was_lost_on_its_way_is_taken_in_when_it_is_repeated(
    club: Club, autojump_clock: MockClock
) -> None:
    cleo, ben = club.cleo.account.address, store(club.ben)
    key = SenderKey.generate(seeded_entropy(5)).share()
    lost = encode_group_service(GroupKey(b"12345678", 0, club.group, key))
    again = Resent(b"87654321", 0, (MessageNumber(1),), lost)
    delivery = IncomingDelivery(Seq(1), cleo, MessageNumber(9), b"", None, None)
    keys = "SELECT count(*) FROM group_peer_keys WHERE user = ?"
    with ben._database.transaction():
        received = ben._receiving._serve(club.ben.account, delivery, again, changed=False)
    assert isinstance(received, GroupChanged)
    assert ben._database.value(keys, cleo.user) == 1
