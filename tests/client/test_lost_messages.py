from pathlib import Path

import pytest

from client.lost_messages import (
    ASK_AGAIN_SECONDS,
    ASKED_FOR,
    GIVE_UP_SECONDS,
    MAX_ASKED,
    MAX_REQUESTS_AN_HOUR,
    NEVER_CAME,
)
from client.records import EntryKind, IncomingDelivery, MessageState, OutgoingSend
from protocol.ids import DeviceAddress, DeviceId, MessageNumber, Seq, UserId
from tests.client.healing_street import HealingStreet, copy_home, forget_sessions, put_back
from tests.client.phones import TestPhone

Phones = tuple[TestPhone, TestPhone]


@pytest.fixture
def street(friends: Phones) -> HealingStreet:
    """Alice and Bob, who have written to each other and answered."""
    street = HealingStreet(*friends)
    for sender, receiver in [friends, friends[::-1], friends]:
        sender.store.queue_text(receiver.user, "before")
        street.settle()
    return street


def shown(phone: TestPhone) -> list[str | None]:
    """What a person sees of a chat: texts, and the reason where there is none."""
    return [entry.text if entry.text is not None else entry.error_name for entry in phone.store.history()][3:]


def queued_for(phone: TestPhone) -> list[OutgoingSend]:
    """What a phone would send now."""
    sends = []
    while (queued := phone.store.next_to_encrypt()) is not None:
        sends.append(phone.store.encrypt(queued.message_id))
    return sends


def test_a_message_whose_session_is_lost_comes_again_at_its_place_in_the_chat(street: HealingStreet) -> None:
    alice, bob = street.alice, street.bob
    forget_sessions(bob)
    bob.receive(alice, alice.send(bob, "one"))
    assert shown(bob) == [ASKED_FOR]
    bob.store._database.execute(
        "INSERT INTO messages (id, kind, outgoing, user, stored_at, state) VALUES (x'00', 4, 0, ?, 0, 16)",
        alice.user,
    )
    street.settle()
    assert shown(bob) == ["one", None]
    (entry, _) = bob.store.history()[3:]
    assert (entry.kind, entry.number, entry.state) == (EntryKind.TEXT, 3, MessageState.RECEIVED)


def test_a_whole_backlog_is_asked_for_in_one_request_and_comes_in_its_order(street: HealingStreet) -> None:
    alice, bob = street.alice, street.bob
    forget_sessions(bob)
    sends = [alice.send(bob, str(number)) for number in range(20)]
    bob.store.receive_all([bob.delivery(alice, send) for send in sends])
    assert len(bob.store._database.rows("SELECT 1 FROM messages WHERE kind = 32")) == 1
    street.settle()
    assert shown(bob) == [str(number) for number in range(20)]
    assert street.fetches == 1


def test_people_see_nothing_of_what_phones_tell_each_other(street: HealingStreet) -> None:
    alice, bob = street.alice, street.bob
    forget_sessions(bob)
    alice.store.queue_text(bob.user, "one")
    street.settle()
    assert (shown(alice), shown(bob)) == (["one"], ["one"])
    service_id = alice.store._database.value("SELECT id FROM messages WHERE kind = 32")
    assert alice.store.entry(service_id.hex()) is None


def test_both_phones_having_lost_their_sessions_heal_each_other(street: HealingStreet) -> None:
    alice, bob = street.alice, street.bob
    forget_sessions(bob)
    one = alice.send(bob, "one")
    forget_sessions(alice)
    bob.receive(alice, one)
    bob.store.queue_text(alice.user, "two")
    street.settle()
    assert sorted(map(str, shown(bob))) == sorted(map(str, shown(alice))) == ["one", "two"]


def test_a_home_put_back_from_a_copy_reads_and_writes_on(street: HealingStreet, tmp_path: Path) -> None:
    alice, bob = street.alice, street.bob
    copy_home(bob, tmp_path / "copy")
    for sender, receiver in [(alice, bob), (bob, alice)] * 3:
        sender.store.queue_text(receiver.user, "after the copy")
        street.settle()
    put_back(bob, tmp_path / "copy")
    alice.store.queue_text(bob.user, "do you read me?")
    street.settle()
    assert shown(bob) == ["do you read me?"]


def test_a_copy_that_sends_first_is_told_by_the_relay_how_far_it_was(
    street: HealingStreet, tmp_path: Path
) -> None:
    alice, bob = street.alice, street.bob
    copy_home(bob, tmp_path / "copy")
    for text in ("two", "three"):
        bob.store.queue_text(alice.user, text)
        street.settle()
    put_back(bob, tmp_path / "copy")
    again = bob.send(alice, "new")
    assert again.number == 2
    # The relay has 2 and 3 of this device, takes this for a repetition, and says how far it is.
    assert bob.store.mark_accepted(alice.user, MessageNumber(3)) == [again.message_id]
    assert bob.store.next_to_encrypt() is None
    assert bob.store.users_needing_bundles() == [alice.user]
    street.settle()
    assert shown(alice) == ["two", "three", "new"]
    assert bob.store.history()[-1].state is MessageState.ACCEPTED


def test_prekeys_made_after_the_copy_are_replaced_and_the_first_message_comes_again(
    phones: Phones, tmp_path: Path
) -> None:
    alice, bob = phones
    copy_home(bob, tmp_path / "copy")
    bob.store._keys._prekeys._make_one_time(1, 5)
    (later, *_) = bob.store._keys._prekeys._one_time_not_uploaded(1)
    bob._one_time = iter([later])
    alice.knows(bob)
    put_back(bob, tmp_path / "copy")
    bob.clock.time += 7_200
    bob.receive(alice, alice.send(bob, "hello"))
    upload = bob.store.prekeys_to_upload(100, 40)
    assert upload is not None
    assert upload.signed is not None
    assert later.id in {prekey.id for prekey in upload.prekeys}
    bob.store.learn_phone(alice.phone, alice.user)
    HealingStreet(alice, bob).settle()
    assert bob.texts() == ["hello"]


def test_a_repetition_that_was_not_needed_is_not_shown_twice(street: HealingStreet) -> None:
    alice, bob = street.alice, street.bob
    sends = [alice.send(bob, text) for text in ("one", "two")]
    forged = IncomingDelivery(Seq(99), alice.account.address, sends[0].number, b"\x11" + bytes(60))
    bob.store.receive(forged)
    bob.store.receive_all([bob.delivery(alice, send) for send in sends])
    street.settle()
    assert [text for text in shown(bob) if text != ASKED_FOR] == ["one", "two"]
    assert bob.store._database.value("SELECT count(*) FROM lost_messages") == 0


def test_a_message_is_asked_for_five_times_an_hour_apart_and_then_given_up(street: HealingStreet) -> None:
    alice, bob = street.alice, street.bob
    forget_sessions(bob)
    bob.receive(alice, alice.send(bob, "one"))
    for _ in range(MAX_ASKED - 1):
        assert not bob.store.ask_again()
        bob.clock.time += ASK_AGAIN_SECONDS
        assert bob.store.ask_again()
    bob.clock.time += ASK_AGAIN_SECONDS
    assert not bob.store.ask_again()
    assert shown(bob) == [NEVER_CAME]
    bob.store.learn_bundles(alice.user, [(alice.device, alice.bundle())])
    assert len(queued_for(bob)) == MAX_ASKED


def test_nobody_waits_longer_than_two_weeks(street: HealingStreet) -> None:
    alice, bob = street.alice, street.bob
    forget_sessions(bob)
    bob.receive(alice, alice.send(bob, "one"))
    bob.clock.time += GIVE_UP_SECONDS
    assert not bob.store.ask_again()
    assert shown(bob) == [NEVER_CAME]


def test_whoever_sends_garbage_is_asked_a_few_times_an_hour(street: HealingStreet) -> None:
    alice, bob = street.alice, street.bob
    for seq in range(100, 120):
        bob.clock.time += 1
        garbage = IncomingDelivery(Seq(seq), alice.account.address, MessageNumber(seq), b"\x11" + bytes(60))
        bob.store.receive(garbage)
    bob.store.learn_bundles(alice.user, [(alice.device, alice.bundle())])
    assert len(queued_for(bob)) == MAX_REQUESTS_AN_HOUR


def test_two_phones_that_never_understand_each_other_fall_silent(street: HealingStreet) -> None:
    alice, bob = street.alice, street.bob

    def garbled(sender: TestPhone, receiver: TestPhone) -> int:
        if sender.store.users_needing_bundles():
            sender.store.learn_bundles(receiver.user, [(receiver.device, receiver.bundle())])
        sends = queued_for(sender)
        for send in sends:
            receiver.seq += 1
            receiver.store.receive(
                IncomingDelivery(Seq(receiver.seq), sender.account.address, send.number, b"\x11" + bytes(60))
            )
        return len(sends)

    alice.store.queue_text(bob.user, "one")
    sent = 0
    for _ in range(100):
        alice.clock.time += 1
        bob.clock.time += 1
        sent += garbled(alice, bob) + garbled(bob, alice)
    assert sent <= 1 + 2 * MAX_REQUESTS_AN_HOUR


def test_what_the_sender_has_no_more_is_said_to_have_never_come(street: HealingStreet) -> None:
    alice, bob = street.alice, street.bob
    forget_sessions(bob)
    alice.store.queue_text(bob.user, "one")
    queued = alice.store.next_to_encrypt()
    assert queued is not None
    send = alice.store.encrypt(queued.message_id)
    alice.store._database.execute("UPDATE messages SET content = NULL WHERE number = ?", send.number)
    bob.receive(alice, send)
    street.settle()
    assert shown(bob) == [NEVER_CAME]


def test_another_identity_is_not_asked_for_anything(street: HealingStreet) -> None:
    bob = street.bob
    version = IncomingDelivery(
        Seq(50), DeviceAddress(UserId(9), DeviceId(1)), MessageNumber(1), b"\x31" + bytes(60)
    )
    bob.store.receive(version)
    assert bob.store.users_needing_bundles() == []
    assert shown(bob) == ["unsupported-ciphertext"]
