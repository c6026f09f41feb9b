from dataclasses import replace

import pytest

from client.errors import MessageStateError, OwnNumberError, TextTooLongError
from client.records import EntryKind, MessageState, ReceivedMessage
from client.store import Store
from protocol.e2e import BadBundleError, Bundle
from protocol.e2e.content import MAX_TEXT_BYTES
from protocol.ids import DeviceId, MessageNumber, UserId
from tests.client.phones import TestPhone, seeded_entropy

Phones = tuple[TestPhone, TestPhone]


def state_of(phone: TestPhone, message_id: str) -> tuple[MessageState, str | None]:
    entry = phone.store.entry(message_id)
    assert entry is not None
    return entry.state, entry.error_name


def test_a_queued_text_is_in_the_history_as_pending(phones: Phones) -> None:
    alice, bob = phones
    message_id = alice.store.queue_text(bob.user, "hello")
    assert len(message_id) == 16
    entry = alice.store.entry(message_id)
    assert entry is not None
    assert (entry.text, entry.state, entry.outgoing, entry.user) == (
        "hello",
        MessageState.PENDING,
        True,
        bob.user,
    )
    assert entry.sent_at == alice.clock.now()


def test_a_text_to_a_phone_waits_for_look_up_then_for_bundles_then_goes(phones: Phones) -> None:
    alice, bob = phones
    message_id = alice.store.queue_text(bob.phone, "hello")
    assert alice.store.phones_to_look_up() == [bob.phone]
    assert alice.store.users_needing_bundles() == []
    assert alice.store.next_to_encrypt() is None
    alice.store.learn_phone(bob.phone, bob.user)
    assert alice.store.phones_to_look_up() == []
    assert alice.store.users_needing_bundles() == [bob.user]
    assert alice.store.next_to_encrypt() is None
    alice.store.learn_bundles(bob.user, [(bob.device, bob.bundle())])
    assert alice.store.users_needing_bundles() == []
    queued = alice.store.next_to_encrypt()
    assert queued is not None
    assert queued.message_id == message_id
    assert bob.read(alice, alice.store.encrypt(message_id)) == "hello"


def test_a_phone_that_was_looked_up_before_needs_no_second_look_up(friends: Phones) -> None:
    alice, bob = friends
    alice.store.queue_text(bob.phone, "hello")
    assert alice.store.phones_to_look_up() == []
    assert alice.store.next_to_encrypt() is not None


def test_a_phone_that_nobody_has_fails_what_was_queued_for_it(phones: Phones) -> None:
    alice, _ = phones
    message_id = alice.store.queue_text("+4940", "hello")
    alice.store.learn_phone("+4940", None)
    assert state_of(alice, message_id) == (MessageState.FAILED, "unknown-user")
    assert alice.store.phones_to_look_up() == []


def test_a_user_without_devices_fails_what_was_queued(phones: Phones) -> None:
    alice, bob = phones
    message_id = alice.store.queue_text(bob.user, "hello")
    alice.store.learn_bundles(bob.user, [])
    assert state_of(alice, message_id) == (MessageState.FAILED, "no-devices")
    assert alice.store.users_needing_bundles() == []


def test_a_bundle_that_does_not_verify_changes_nothing(phones: Phones) -> None:
    alice, bob = phones
    message_id = alice.store.queue_text(bob.user, "hello")
    with pytest.raises(BadBundleError):
        alice.store.learn_bundles(bob.user, [(DeviceId(1), _with_wrong_signature(bob.bundle()))])
    assert alice.store.users_needing_bundles() == [bob.user]
    assert alice.store.safety_number(bob.user) is None
    assert alice.store.fail_queued(bob.user, "bad-bundle") == [message_id]
    assert state_of(alice, message_id) == (MessageState.FAILED, "bad-bundle")


def _with_wrong_signature(bundle: Bundle) -> Bundle:
    return replace(bundle, signed_prekey=replace(bundle.signed_prekey, signature=bytes(64)))


def test_a_chat_that_waits_blocks_no_other(friends: Phones) -> None:
    alice, bob = friends
    alice.store.queue_text("+4940", "to nobody yet")
    alice.store.queue_text(UserId(5), "to somebody without bundle")
    message_id = alice.store.queue_text(bob.user, "to bob")
    queued = alice.store.next_to_encrypt()
    assert queued is not None
    assert queued.message_id == message_id


def test_messages_of_a_chat_are_encrypted_in_the_order_of_queueing(friends: Phones) -> None:
    alice, bob = friends
    ids = [alice.store.queue_text(bob.user, str(n)) for n in range(3)]
    with pytest.raises(MessageStateError, match="not the first"):
        alice.store.encrypt(ids[1])
    sends = [alice.store.encrypt(message_id) for message_id in ids]
    assert [send.number for send in sends] == [1, 2, 3]
    assert [bob.read(alice, send) for send in sends] == ["0", "1", "2"]


def test_who_writes_while_they_are_looked_up_gets_what_was_written_first_first(phones: Phones) -> None:
    alice, bob = phones
    bob.knows(alice)
    alice.store.queue_text(bob.phone, "0")
    alice.read(bob, bob.send(alice, "hello"))
    alice.store.queue_text(bob.phone, "1")
    assert texts_in_order_of_numbers(alice) == ["0", "1"]
    assert alice.store.phones_to_look_up() == []


def test_whom_the_person_finds_while_they_are_looked_up_gets_what_was_written_first_first(
    friends: Phones,
) -> None:
    alice, bob = friends
    other_phone = "+4940"
    alice.store.queue_text(other_phone, "0")
    alice.store.meet(other_phone, bob.user)
    alice.store.queue_text(bob.user, "1")
    assert texts_in_order_of_numbers(alice) == ["0", "1"]


def texts_in_order_of_numbers(phone: TestPhone) -> list[str | None]:
    """Encrypt all that can be encrypted; the texts as they are numbered."""
    texts = []
    while (queued := phone.store.next_to_encrypt()) is not None:
        send = phone.store.encrypt(queued.message_id)
        entry = phone.store.entry(send.message_id)
        assert entry is not None
        texts.append(entry.text)
    return texts


def test_a_message_is_encrypted_once(friends: Phones) -> None:
    alice, bob = friends
    send = alice.send(bob, "hello")
    with pytest.raises(MessageStateError):
        alice.store.encrypt(send.message_id)
    assert alice.store.unresolved_sends() == [send]


def test_a_message_without_keys_for_its_recipient_cannot_be_encrypted(phones: Phones) -> None:
    alice, bob = phones
    message_id = alice.store.queue_text(bob.user, "hello")
    with pytest.raises(MessageStateError):
        alice.store.encrypt(message_id)
    unknown = alice.store.queue_text("+4940", "hello")
    with pytest.raises(MessageStateError):
        alice.store.encrypt(unknown)


def test_bundles_of_a_device_with_a_session_do_not_begin_another(friends: Phones) -> None:
    alice, bob = friends
    bob.read(alice, alice.send(bob, "hello"))
    alice.read(bob, bob.send(alice, "hello yourself"))
    running = len(alice.send(bob, "x").parts[0].ciphertext)
    alice.store.learn_bundles(bob.user, [(bob.device, bob.bundle())])
    assert len(alice.send(bob, "x").parts[0].ciphertext) == running


def test_both_may_write_first_at_the_same_time(friends: Phones) -> None:
    alice, bob = friends
    to_bob, to_alice = alice.send(bob, "from alice"), bob.send(alice, "from bob")
    assert bob.read(alice, to_bob) == "from alice"
    assert alice.read(bob, to_alice) == "from bob"
    assert bob.read(alice, alice.send(bob, "and on")) == "and on"


def test_a_hello_in_a_running_session_takes_65_bytes(friends: Phones) -> None:
    alice, bob = friends
    bob.read(alice, alice.send(bob, "hello"))
    alice.read(bob, bob.send(alice, "hello"))
    assert len(alice.send(bob, "hello").parts[0].ciphertext) == 65


def test_a_second_process_may_queue_while_the_first_encrypts(friends: Phones) -> None:
    alice, bob = friends
    with Store.open(alice.home, seeded_entropy(5), alice.clock) as second:
        alice.store.changed_elsewhere()
        message_id = second.queue_text(bob.user, "from the other process")
        assert alice.store.changed_elsewhere()
        send = alice.store.encrypt(message_id)
        alice.store.mark_accepted(bob.user, MessageNumber(1))
        entry = second.entry(message_id)
        assert entry is not None
        assert entry.state is MessageState.ACCEPTED
    assert bob.read(alice, send) == "from the other process"


def test_a_text_of_the_largest_size_goes_through_and_one_more_byte_is_refused(friends: Phones) -> None:
    alice, bob = friends
    received = bob.receive(alice, alice.send(bob, "x" * MAX_TEXT_BYTES))
    assert isinstance(received, ReceivedMessage)
    assert received.text == "x" * MAX_TEXT_BYTES
    with pytest.raises(TextTooLongError):
        alice.store.queue_text(bob.user, "x" * (MAX_TEXT_BYTES + 1))


def test_a_message_to_oneself_is_refused(phones: Phones) -> None:
    alice, _ = phones
    for to in (alice.user, alice.phone):
        with pytest.raises(OwnNumberError):
            alice.store.queue_text(to, "note to self")


def test_the_entry_knows_kind_and_phone(friends: Phones) -> None:
    alice, bob = friends
    entry = alice.store.entry(alice.store.queue_text(bob.user, "hello"))
    assert entry is not None
    assert (entry.kind, entry.phone) == (EntryKind.TEXT, bob.phone)
