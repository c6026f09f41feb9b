"""Messages disappear in time, on both sides, and leave nothing on the disk."""

from collections.abc import Callable
from dataclasses import replace

import cbor2
import pytest

from client.records import EntryKind, OutgoingSend, ReceivedMessage, Served
from client.timers import Gone
from protocol.e2e import Marks, Text, Unknown
from protocol.e2e import content as contents
from protocol.ids import MessageNumber
from tests.client.phones import TestPhone
from tests.client.test_changes import encrypted, now, shown, told

Phones = tuple[TestPhone, TestPhone]
HOUR, DAY = 3_600, 86_400
SECRET = "the cat is in the well"


def accepted(sender: TestPhone, receiver: TestPhone, send: OutgoingSend) -> None:
    sender.store.mark_accepted(receiver.user, send.number)


def under_a_timer(alice: TestPhone, bob: TestPhone, seconds: int = DAY) -> None:
    alice.store.compose.timer(bob.user, seconds)
    rule = encrypted(alice)
    bob.receive(alice, rule)
    accepted(alice, bob, rule)


def spoken(phone: TestPhone) -> list[str | None]:
    return [entry.text for entry in phone.store.history() if entry.kind is not EntryKind.RULE]


def later(phones: Phones, seconds: float) -> None:
    for phone in phones:
        phone.clock.time += seconds


def traces(phone: TestPhone, secret: str = SECRET) -> list[str]:
    """The files of a home in which a secret still stands."""
    return [path.name for path in phone.home.iterdir() if secret.encode() in path.read_bytes()]


def test_a_message_disappears_on_both_sides_when_its_time_is_over(friends: Phones) -> None:
    alice, bob = friends
    under_a_timer(alice, bob)
    message_id, send = told(bob, alice, SECRET)
    accepted(bob, alice, send)
    later(friends, DAY - 1)
    assert [phone.store.timers.sweep() for phone in friends] == [[], []]
    assert spoken(alice) == spoken(bob) == [SECRET]
    later(friends, 1)
    assert alice.store.timers.sweep() == [Gone(message_id, bob.user)]
    assert bob.store.timers.sweep() == [Gone(message_id, alice.user)]
    assert spoken(alice) == spoken(bob) == []


def test_nothing_of_it_is_left_in_any_file(friends: Phones) -> None:
    alice, bob = friends
    under_a_timer(alice, bob)
    message_id, send = told(bob, alice, SECRET)
    accepted(bob, alice, send)
    bob.store.compose.edit(message_id, f"{SECRET}, and the dog")
    alice.store.compose.text(bob.user, f"really? {SECRET}", message_id)
    alice.store.compose.reaction(message_id, "😱 sure")
    for sender, receiver in ((bob, alice), (alice, bob), (alice, bob)):
        one = encrypted(sender)
        receiver.receive(sender, one)
        sender.store.mark_delivered(receiver.user, one.number)
    assert all(traces(phone) for phone in friends)
    later(friends, DAY + 1)
    for phone in friends:
        phone.store.timers.sweep()
        assert traces(phone) == traces(phone, "😱 sure") == []
        for table in ("reactions", "edits", "deletions"):
            assert phone.store._database.value(f"SELECT count(*) FROM {table}") == 0


def test_what_disappeared_while_the_phone_was_off_is_gone_before_anything_is_shown(friends: Phones) -> None:
    alice, bob = friends
    under_a_timer(alice, bob)
    told(alice, bob, SECRET)
    later(friends, 2 * DAY)
    bob.reopen()
    assert spoken(bob) == []
    assert traces(bob) == []


def test_what_waits_in_the_outbox_has_not_begun_to_live(friends: Phones) -> None:
    alice, bob = friends
    under_a_timer(alice, bob)
    alice.store.queue_text(bob.user, SECRET)
    later(friends, 3 * DAY)
    alice.store.timers.sweep()
    alice.knows(bob)  # his device list has aged
    send = encrypted(alice)
    assert send.life == DAY
    later(friends, 3 * DAY)
    alice.store.timers.sweep()
    assert alice.store.unresolved_sends() == [send]
    accepted(alice, bob, send)
    later(friends, DAY)
    alice.store.timers.sweep()
    assert spoken(alice) == []


def test_one_that_waited_at_the_relay_has_lived_meanwhile(friends: Phones) -> None:
    alice, bob = friends
    under_a_timer(alice, bob)
    send = alice.send(bob, SECRET)
    accepted(alice, bob, send)
    accepted_at = alice.clock.now()
    later(friends, DAY - HOUR)
    bob.store.receive(replace(bob.delivery(alice, send), accepted_at=accepted_at))
    assert spoken(bob) == [SECRET]
    later(friends, HOUR)
    bob.store.timers.sweep()
    assert spoken(bob) == []


def test_one_that_waited_longer_than_it_lives_is_never_shown(friends: Phones) -> None:
    alice, bob = friends
    under_a_timer(alice, bob)
    send = alice.send(bob, SECRET)
    accepted_at = alice.clock.now()
    later(friends, DAY)
    delivery = replace(bob.delivery(alice, send), accepted_at=accepted_at)
    assert bob.store.receive(delivery) == Served(delivery.seq)
    assert bob.store.cursor() == delivery.seq
    assert spoken(bob) == []


def test_a_relay_whose_clock_is_ahead_lets_no_message_live_longer(friends: Phones) -> None:
    alice, bob = friends
    under_a_timer(alice, bob)
    send = alice.send(bob, SECRET)
    ahead = bob.clock.now() + 100 * DAY
    assert isinstance(
        bob.store.receive(replace(bob.delivery(alice, send), accepted_at=ahead)), ReceivedMessage
    )
    later(friends, DAY)
    bob.store.timers.sweep()
    assert spoken(bob) == []


def test_one_that_failed_disappears_too(friends: Phones) -> None:
    alice, bob = friends
    under_a_timer(alice, bob)
    alice.store.queue_text(bob.user, SECRET)
    alice.store.fail_queued(bob.user, "unknown-user")
    alice.store.timers.sweep()
    assert spoken(alice) == [SECRET]
    later(friends, DAY)
    alice.store.timers.sweep()
    assert spoken(alice) == []


def test_a_change_whose_message_is_not_here_goes_when_its_own_time_is_over(friends: Phones) -> None:
    alice, bob = friends
    under_a_timer(alice, bob)
    send = alice.send(bob, "lost on the way")
    accepted(alice, bob, send)
    later(friends, HOUR / 6)
    alice.store.compose.edit(send.message_id, SECRET)
    bob.receive(alice, encrypted(alice))
    later(friends, DAY - HOUR)
    bob.store.timers.sweep()
    assert traces(bob) != []
    later(friends, HOUR)
    bob.store.timers.sweep()
    assert traces(bob) == []


def test_a_change_lives_as_long_as_its_message_and_no_longer(friends: Phones) -> None:
    alice, bob = friends
    under_a_timer(alice, bob)
    message_id, send = told(alice, bob, "hello")
    accepted(alice, bob, send)
    alice.store.timers.sweep()
    later(friends, 600)
    alice.store.compose.edit(message_id, SECRET)
    assert encrypted(alice).life == DAY - 600


def test_a_message_of_a_kind_that_nobody_knows_disappears_as_well(friends: Phones) -> None:
    alice, bob = friends
    later_kind = [999, b"\5" * 8, now(alice), SECRET, {0: DAY}]
    content = contents.decode(cbor2.dumps(later_kind))
    assert isinstance(content, Unknown)
    alice.store._queue.queue(bob.user, lambda _id, _at: content)
    bob.receive(alice, encrypted(alice))
    assert bob.store.history()[-1].kind is EntryKind.UNKNOWN
    later(friends, DAY)
    bob.store.timers.sweep()
    assert bob.store.history() == []


def test_the_answer_to_who_could_not_open_it_is_gone_with_it(friends: Phones) -> None:
    alice, bob = friends
    under_a_timer(alice, bob)
    send = alice.send(bob, SECRET)
    accepted(alice, bob, send)
    later(friends, HOUR)
    broken = replace(bob.delivery(alice, send), ciphertext=b"\x11" + b"broken" * 20)
    bob.store.receive(broken)
    bundle = bob.bundle()
    alice_bundle = alice.bundle()
    bob.store.learn_bundles(alice.user, [(alice.device, alice_bundle)])
    alice.receive(bob, encrypted(bob))
    alice.store.learn_bundles(bob.user, [(bob.device, bundle)])
    answer = encrypted(alice)
    assert answer.life == DAY - HOUR
    alice.store.mark_delivered(bob.user, MessageNumber(answer.number))
    later(friends, DAY)
    alice.store.timers.sweep()
    assert traces(alice) == []


def test_without_a_timer_everything_stays(friends: Phones) -> None:
    alice, bob = friends
    message_id, send = told(alice, bob, "for ever")
    accepted(alice, bob, send)
    later(friends, 1_000 * DAY)
    assert [phone.store.timers.sweep() for phone in friends] == [[], []]
    assert shown(bob, message_id).text == shown(alice, message_id).text == "for ever"


def test_what_a_forged_message_asks_for_is_obeyed_within_its_limits(friends: Phones) -> None:
    alice, bob = friends
    send_at = now(alice)
    alice.store._queue.queue(bob.user, lambda id_, _at: Text(id_, send_at + 10**8, "x", marks=Marks(life=1)))
    bob.receive(alice, encrypted(alice))
    assert spoken(bob) == ["x"]
    later(friends, 1)
    bob.store.timers.sweep()
    assert spoken(bob) == []


@pytest.mark.parametrize("end", ["accepted", "expired"])
def test_ticks_for_what_has_disappeared_change_nothing(friends: Phones, end: str) -> None:
    alice, bob = friends
    under_a_timer(alice, bob, 60)
    send = alice.send(bob, SECRET)
    accepted(alice, bob, send)
    later(friends, 61)
    alice.store.timers.sweep()
    ticks: dict[str, Callable[[], list[str]]] = {
        "accepted": lambda: alice.store.mark_accepted(bob.user, send.number),
        "expired": lambda: alice.store.mark_expired(bob.user, send.number, send.number),
    }
    assert ticks[end]() == []
    assert alice.send(bob, "next").number == send.number + 1


def test_a_reaction_to_what_has_gone_leaves_nothing(friends: Phones) -> None:
    alice, bob = friends
    under_a_timer(alice, bob)
    message_id, send = told(alice, bob, "soon gone")
    bob.store.compose.reaction(message_id, "🦉")
    late = encrypted(bob)
    later(friends, DAY)
    accepted(alice, bob, send)
    alice.store._database.execute("UPDATE messages SET accepted_at = accepted_at - ?", DAY)
    alice.store.timers.sweep()
    alice.receive(bob, late)
    later(friends, DAY)
    alice.store.timers.sweep()
    assert traces(alice, "🦉") == []
    assert alice.store.entry(message_id) is None
