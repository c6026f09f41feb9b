import pytest

from client.records import MessageState, OutgoingSend, ReceivedMessage
from protocol.ids import DeviceId, MessageNumber, UserId
from tests.client.phones import TestPhone

Phones = tuple[TestPhone, TestPhone]

PENDING, ACCEPTED, DELIVERED, READ, FAILED = (
    MessageState.PENDING,
    MessageState.ACCEPTED,
    MessageState.DELIVERED,
    MessageState.READ,
    MessageState.FAILED,
)


def states(phone: TestPhone) -> list[MessageState]:
    return [entry.state for entry in phone.store.history() if entry.outgoing]


def numbers(sends: list[OutgoingSend]) -> list[int]:
    return [send.number for send in sends]


def send_some(alice: TestPhone, bob: TestPhone, count: int) -> list[OutgoingSend]:
    return [alice.send(bob, f"text {n}") for n in range(1, count + 1)]


def test_unresolved_sends_survive_a_restart_with_the_same_bytes(friends: Phones) -> None:
    alice, bob = friends
    sends = send_some(alice, bob, 3)
    alice.reopen()
    assert alice.store.unresolved_sends() == sends
    assert alice.store.unresolved_sends(bob.user) == sends
    assert alice.store.unresolved_sends(UserId(5)) == []


def test_ticks_are_cumulative_and_tell_which_messages_they_reached(friends: Phones) -> None:
    alice, bob = friends
    sends = send_some(alice, bob, 4)
    ids = [send.message_id for send in sends]
    assert alice.store.mark_accepted(bob.user, MessageNumber(3)) == ids[:3]
    assert alice.store.mark_delivered(bob.user, MessageNumber(2)) == ids[:2]
    assert alice.store.mark_read(bob.user, MessageNumber(1)) == ids[:1]
    assert states(alice) == [READ, DELIVERED, ACCEPTED, PENDING]
    assert numbers(alice.store.unresolved_sends()) == [4]


def test_ticks_never_fall(friends: Phones) -> None:
    alice, bob = friends
    send_some(alice, bob, 2)
    alice.store.mark_read(bob.user, MessageNumber(2))
    assert alice.store.mark_accepted(bob.user, MessageNumber(2)) == []
    assert alice.store.mark_delivered(bob.user, MessageNumber(2)) == []
    assert states(alice) == [READ, READ]


def test_a_tick_far_ahead_reaches_only_what_there_is(friends: Phones) -> None:
    alice, bob = friends
    send_some(alice, bob, 2)
    alice.store.mark_read(bob.user, MessageNumber(2**40))
    assert alice.send(bob, "later").number == 3
    assert states(alice) == [READ, READ, PENDING]


def test_ticks_of_one_chat_leave_the_others_alone(friends: Phones) -> None:
    alice, bob = friends
    send_some(alice, bob, 1)
    assert alice.store.mark_read(UserId(5), MessageNumber(9)) == []
    assert states(alice) == [PENDING]


def test_progress_is_asked_for_chats_that_are_not_read_to_the_end(friends: Phones) -> None:
    alice, bob = friends
    assert alice.store.pending_progress() == []
    send_some(alice, bob, 2)
    alice.store.mark_delivered(bob.user, MessageNumber(2))
    assert alice.store.pending_progress() == [bob.user]
    alice.store.mark_read(bob.user, MessageNumber(2))
    assert alice.store.pending_progress() == []


def test_what_expired_says_so_and_no_later_tick_of_others_covers_it(friends: Phones) -> None:
    alice, bob = friends
    sends = send_some(alice, bob, 4)
    ids = [send.message_id for send in sends]
    alice.store.mark_accepted(bob.user, MessageNumber(3))
    alice.store.mark_delivered(bob.user, MessageNumber(1))
    assert alice.store.mark_expired(bob.user, MessageNumber(1), MessageNumber(3)) == ids[1:3]
    assert alice.store.mark_expired(bob.user, MessageNumber(1), MessageNumber(3)) == []
    assert alice.store.mark_read(bob.user, MessageNumber(4)) == [ids[0], ids[3]]
    assert states(alice) == [READ, MessageState.EXPIRED, MessageState.EXPIRED, READ]
    assert alice.store.pending_progress() == []


def test_what_expired_keeps_no_number_that_a_restored_relay_gives_again(friends: Phones) -> None:
    alice, bob = friends
    send_some(alice, bob, 2)
    alice.store.mark_accepted(bob.user, MessageNumber(2))
    alice.store.mark_expired(bob.user, MessageNumber(1), MessageNumber(2))
    alice.send(bob, "three")
    assert numbers(alice.store.settle_out_of_order(bob.user, MessageNumber(1))) == [1]


def test_a_refused_message_fails_and_the_rest_moves_up(friends: Phones) -> None:
    alice, bob = friends
    sends = send_some(alice, bob, 4)
    alice.store.mark_accepted(bob.user, MessageNumber(1))
    again = alice.store.refuse(bob.user, MessageNumber(2), "message-too-large")
    assert [(send.message_id, send.number) for send in again] == [
        (sends[2].message_id, 2),
        (sends[3].message_id, 3),
    ]
    assert [send.parts for send in again] == [sends[2].parts, sends[3].parts]
    assert states(alice) == [ACCEPTED, FAILED, PENDING, PENDING]
    failed = alice.store.entry(sends[1].message_id)
    assert failed is not None
    assert failed.error_name == "message-too-large"
    assert alice.send(bob, "next").number == 4


def test_after_a_refusal_the_rest_still_opens(friends: Phones) -> None:
    alice, bob = friends
    send_some(alice, bob, 3)
    again = alice.store.refuse(bob.user, MessageNumber(1), "mailbox-full")
    assert [bob.read(alice, send) for send in again] == ["text 2", "text 3"]


@pytest.mark.parametrize("number", [1, 3, 99])
def test_a_refusal_of_what_is_not_pending_changes_nothing(friends: Phones, number: int) -> None:
    alice, bob = friends
    send_some(alice, bob, 2)
    alice.store.mark_accepted(bob.user, MessageNumber(1))
    assert alice.store.refuse(bob.user, MessageNumber(number), "mailbox-full") == []
    assert states(alice) == [ACCEPTED, PENDING]
    assert numbers(alice.store.unresolved_sends()) == [2]


def test_out_of_order_from_a_relay_that_has_more_settles_what_it_has(friends: Phones) -> None:
    alice, bob = friends
    sends = send_some(alice, bob, 3)
    again = alice.store.settle_out_of_order(bob.user, MessageNumber(3))
    assert [send.message_id for send in again] == [sends[2].message_id]
    assert states(alice) == [ACCEPTED, ACCEPTED, PENDING]
    assert alice.send(bob, "next").number == 4


def test_settling_twice_is_settling_once(friends: Phones) -> None:
    alice, bob = friends
    send_some(alice, bob, 3)
    first = alice.store.settle_out_of_order(bob.user, MessageNumber(2))
    assert alice.store.settle_out_of_order(bob.user, MessageNumber(2)) == first


def test_out_of_order_with_nothing_pending_only_moves_the_next_number(friends: Phones) -> None:
    alice, bob = friends
    send_some(alice, bob, 1)
    alice.store.mark_read(bob.user, MessageNumber(1))
    assert alice.store.settle_out_of_order(bob.user, MessageNumber(7)) == []
    assert alice.send(bob, "next").number == 7


def test_a_relay_that_lost_accepted_messages_gets_them_again_in_order(friends: Phones) -> None:
    alice, bob = friends
    sends = send_some(alice, bob, 4)
    alice.store.mark_accepted(bob.user, MessageNumber(3))
    alice.store.mark_read(bob.user, MessageNumber(1))
    again = alice.store.settle_out_of_order(bob.user, MessageNumber(1))
    assert [send.message_id for send in again] == [send.message_id for send in sends[1:]]
    assert numbers(again) == [1, 2, 3]
    assert [send.parts for send in again] == [send.parts for send in sends[1:]]
    assert states(alice) == [READ, PENDING, PENDING, PENDING]


def test_ticks_after_a_relay_lost_messages_reach_the_right_ones(friends: Phones) -> None:
    alice, bob = friends
    sends = send_some(alice, bob, 3)
    alice.store.mark_delivered(bob.user, MessageNumber(2))
    alice.store.settle_out_of_order(bob.user, MessageNumber(1))
    assert alice.store.mark_read(bob.user, MessageNumber(1)) == [sends[2].message_id]
    assert states(alice) == [DELIVERED, DELIVERED, READ]


def test_what_a_relay_lost_and_bob_had_is_not_shown_twice(friends: Phones) -> None:
    alice, bob = friends
    sends = send_some(alice, bob, 2)
    alice.store.mark_accepted(bob.user, MessageNumber(2))
    bob.read(alice, sends[0])
    again = alice.store.settle_out_of_order(bob.user, MessageNumber(1))
    received = [bob.receive(alice, send) for send in again]
    assert [isinstance(one, ReceivedMessage) for one in received] == [False, True]
    assert bob.texts() == ["text 1", "text 2"]


def test_a_stale_device_list_turns_the_rest_into_plaintexts_in_order(friends: Phones) -> None:
    alice, bob = friends
    sends = send_some(alice, bob, 3)
    alice.store.mark_accepted(bob.user, MessageNumber(1))
    alice.store.encrypt_again_from(bob.user, MessageNumber(2))
    assert alice.store.unresolved_sends() == []
    assert alice.store.users_needing_bundles() == [bob.user]
    assert alice.store.next_to_encrypt() is None, "not before the fresh list is there"
    bob.register(device=2)
    alice.store.learn_bundles(bob.user, [(bob.device, bob.bundle())])
    again = [alice.store.encrypt(send.message_id) for send in sends[1:]]
    assert numbers(again) == [2, 3]
    assert [part.device for part in again[0].parts] == [DeviceId(2)]
    assert [bob.read(alice, send) for send in again] == ["text 2", "text 3"]


def test_encrypting_again_uses_new_message_keys(friends: Phones) -> None:
    alice, bob = friends
    (send,) = send_some(alice, bob, 1)
    alice.store.encrypt_again_from(bob.user, MessageNumber(1))
    alice.store.learn_bundles(bob.user, [(bob.device, bob.bundle())])
    again = alice.store.encrypt(send.message_id)
    assert again.parts[0].ciphertext != send.parts[0].ciphertext
    assert bob.read(alice, again) == "text 1"


def test_more_accepted_than_was_ever_sent_queues_what_is_under_way_behind_it(friends: Phones) -> None:
    alice, bob = friends
    sends = send_some(alice, bob, 2)
    message_ids = [send.message_id for send in sends]
    assert alice.store.mark_accepted(bob.user, MessageNumber(9)) == message_ids
    assert (states(alice), alice.store.unresolved_sends()) == ([PENDING, PENDING], [])
    # In a new session: the present one is a copy of one that has moved on.
    assert alice.store.users_needing_bundles() == [bob.user]
    alice.store.learn_bundles(bob.user, [(bob.device, bob.bundle())])
    assert [alice.store.encrypt(message_id).number for message_id in message_ids] == [10, 11]


def test_ciphertexts_are_dropped_once_they_are_delivered(friends: Phones) -> None:
    alice, bob = friends
    send_some(alice, bob, 3)
    alice.store.mark_accepted(bob.user, MessageNumber(3))
    alice.store.mark_delivered(bob.user, MessageNumber(2))
    assert alice.store._database.value("SELECT count(*) FROM parts") == 1


def test_progress_below_what_was_accepted_brings_the_lost_messages_back(friends: Phones) -> None:
    alice, bob = friends
    sends = send_some(alice, bob, 3)
    alice.store.mark_accepted(bob.user, MessageNumber(3))
    alice.store.mark_delivered(bob.user, MessageNumber(1))
    assert alice.store.settle_progress(bob.user, MessageNumber(1)) == sends[1:]
    assert states(alice) == [DELIVERED, PENDING, PENDING]


def test_progress_that_agrees_changes_nothing(friends: Phones) -> None:
    alice, bob = friends
    send_some(alice, bob, 3)
    alice.store.mark_accepted(bob.user, MessageNumber(2))
    assert alice.store.settle_progress(bob.user, MessageNumber(2)) == []
    assert alice.store.settle_progress(bob.user, MessageNumber(3)) == []
    assert states(alice) == [ACCEPTED, ACCEPTED, PENDING]
