from trio.testing import MockClock

from client.records import MessageState
from protocol.codes import ErrorCode
from protocol.ids import UserId
from protocol.stanzas import SendGroup
from tests.client.groups.conftest import Club, store, texts
from tests.helpers.scripted_relay import until


async def test_messages_go_out_in_order_and_are_numbered_without_gaps(
    club: Club, autojump_clock: MockClock
) -> None:
    ids = [club.ann.send_text(UserId(club.group), f"message {number}") for number in range(10)]
    await club.ann.wait_for(ids[-1], MessageState.DELIVERED)
    numbers = [event.number for event in club.town.relay.heard_of(SendGroup) if isinstance(event, SendGroup)]
    assert numbers == list(range(1, 11))
    assert texts(club.cleo, club.group) == [f"message {number}" for number in range(10)]


async def test_a_ticks_loss_sends_the_same_bytes_again(club: Club, autojump_clock: MockClock) -> None:
    await club.say(club.ann, "with the keys")
    relay = club.town.relay
    relay.is_deaf = True
    message_id = club.ann.send_text(UserId(club.group), "hello")
    await until(lambda: len(relay.heard_of(SendGroup)) == 2)
    relay.is_deaf = False
    relay.cut_all()
    await club.ann.wait_for(message_id, MessageState.ACCEPTED)
    sent = [event.ciphertext for event in relay.heard_of(SendGroup) if isinstance(event, SendGroup)]
    assert (len(sent), len(set(sent))) == (3, 2)
    await club.hears(club.ben, "hello")
    assert texts(club.ben, club.group) == ["with the keys", "hello"]


async def test_somebody_whose_mailbox_is_full_holds_nobody_up(club: Club, autojump_clock: MockClock) -> None:
    club.town.relay.refusals = [(ErrorCode.MAILBOX_FULL, None)] * 2
    await club.say(club.ben, "hello")
    await club.hears(club.ann, "hello")
    await club.hears(club.cleo, "hello")  # asked for and repeated, if it was Cleo's


async def test_a_member_with_another_key_than_the_log_has_gets_none_until_it_says_so_itself(
    club: Club, autojump_clock: MockClock
) -> None:
    await club.say(club.ann, "hello", MessageState.DELIVERED)
    ann = store(club.ann)
    ann._database.execute(
        "UPDATE device_lists SET primary_key = ? WHERE user = ?", b"x" * 32, club.cleo.account.user
    )
    ann._database.execute("DELETE FROM group_own_keys")
    await club.say(club.ann, "not for Cleo")
    await club.hears(club.ben, "not for Cleo")
    shares = ann._database.rows("SELECT DISTINCT user FROM group_shares")
    assert [row["user"] for row in shares] == [club.ben.account.user]
    group = ann.groups.group(club.group)
    assert group is not None
    assert [m.is_key_known for m in group.members] == [True, True, False]


async def test_a_refusal_that_time_heals_is_tried_again(club: Club, autojump_clock: MockClock) -> None:
    club.town.relay.groups.refusals = [(ErrorCode.OVERLOADED, None)]
    await club.say(club.ann, "again", MessageState.DELIVERED)
    await until(lambda: texts(club.cleo, club.group) == ["again"])
