from client.records import EntryKind, IncomingDelivery, MessageState, ReadReceipt
from protocol.ids import DeviceAddress, DeviceId, MessageNumber, Seq, UserId
from tests.client.phones import TestPhone

Phones = tuple[TestPhone, TestPhone]


def conversation(alice: TestPhone, bob: TestPhone) -> None:
    bob.read(alice, alice.send(bob, "one"))
    alice.read(bob, bob.send(alice, "two"))
    bob.read(alice, alice.send(bob, "three"))


def test_both_see_the_conversation_in_order(friends: Phones) -> None:
    alice, bob = friends
    conversation(alice, bob)
    assert alice.texts() == bob.texts() == ["one", "two", "three"]
    assert [entry.outgoing for entry in alice.store.history()] == [True, False, True]


def test_both_know_a_message_by_the_same_id(friends: Phones) -> None:
    alice, bob = friends
    conversation(alice, bob)
    ids = [[entry.message_id for entry in phone.store.history()] for phone in friends]
    assert ids[0] == ids[1]


def test_a_chat_is_found_by_user_and_by_phone(friends: Phones) -> None:
    alice, bob = friends
    conversation(alice, bob)
    alice.store.queue_text(UserId(5), "to somebody else")
    alice.store.queue_text("+4940", "to a phone")
    assert [entry.text for entry in alice.store.history(bob.user)] == ["one", "two", "three"]
    assert [entry.text for entry in alice.store.history(bob.phone)] == ["one", "two", "three"]
    assert [entry.text for entry in alice.store.history("+4940")] == ["to a phone"]
    assert alice.store.history(UserId(6)) == []


def test_a_limit_keeps_the_newest_in_order(friends: Phones) -> None:
    alice, bob = friends
    conversation(alice, bob)
    assert [entry.text for entry in alice.store.history(limit=2)] == ["two", "three"]
    assert alice.store.history(limit=0) == []


def test_an_entry_is_found_by_its_id_only(friends: Phones) -> None:
    alice, bob = friends
    message_id = alice.store.queue_text(bob.user, "hello")
    entry = alice.store.entry(message_id)
    assert entry is not None
    assert entry.text == "hello"
    assert alice.store.entry("00" * 8) is None
    assert alice.store.entry("not hex") is None


def test_incoming_messages_are_unread_until_they_are_seen(friends: Phones) -> None:
    alice, bob = friends
    conversation(alice, bob)
    assert [entry.text for entry in bob.store.unread()] == ["one", "three"]
    assert bob.store.unread(UserId(5)) == []
    bob.store.mark_seen(alice.phone)
    assert bob.store.unread() == []
    assert [entry.state for entry in bob.store.history() if not entry.outgoing] == [MessageState.SEEN] * 2


def test_seeing_makes_one_read_receipt_a_sender_device_for_the_highest_number(friends: Phones) -> None:
    alice, bob = friends
    conversation(alice, bob)
    due = [ReadReceipt(alice.account.address, MessageNumber(2))]
    assert bob.store.mark_seen() == due
    bob.reopen()
    assert bob.store.read_receipts_due() == due
    bob.store.read_receipts_sent(due)
    assert bob.store.read_receipts_due() == []
    bob.read(alice, alice.send(bob, "four"))
    assert bob.store.mark_seen() == [ReadReceipt(alice.account.address, MessageNumber(3))]


def test_a_receipt_sent_late_does_not_undo_a_higher_one(friends: Phones) -> None:
    alice, bob = friends
    conversation(alice, bob)
    sender = alice.account.address
    bob.store.mark_seen()
    bob.store.read_receipts_sent([ReadReceipt(sender, MessageNumber(2))])
    bob.store.read_receipts_sent([ReadReceipt(sender, MessageNumber(1))])
    assert bob.store.read_receipts_due() == []


def test_what_could_not_be_decrypted_is_seen_but_never_reported_as_read(phones: Phones) -> None:
    bob = phones[1]
    stranger = DeviceAddress(UserId(5), DeviceId(1))
    bob.store.receive(IncomingDelivery(Seq(1), stranger, MessageNumber(1), b"\x11garbage"))
    assert [entry.kind for entry in bob.store.unread()] == [EntryKind.UNDECRYPTABLE]
    assert bob.store.mark_seen() == []
    assert bob.store.unread() == []


def test_seeing_one_chat_leaves_the_others_unread(friends: Phones) -> None:
    alice, bob = friends
    bob.read(alice, alice.send(bob, "hello"))
    carol = TestPhone(alice.home.parent / "carol", 0xCA201, "+4930333333")
    carol.knows(bob)
    bob.read(carol, carol.send(bob, "hello from carol"))
    bob.store.mark_seen(carol.user)
    assert [entry.text for entry in bob.store.unread()] == ["hello"]
    carol.store.close()
