"""Another number: who is told, and what the phones of those make of it."""

import pytest

from client.records import EntryKind, ReceivedMessage
from protocol.e2e import NumberChanged
from protocol.ids import UserId
from tests.client.phones import TestPhone

NEW = "+4915112345699"
Pair = tuple[TestPhone, TestPhone]


@pytest.fixture
def chat(friends: Pair) -> Pair:
    """Two who have written to each other."""
    ann, ben = friends
    assert ben.read(ann, ann.send(ben, "hello")) == "hello"
    return friends


def told(teller: TestPhone, hearer: TestPhone) -> ReceivedMessage:
    """What the hearer makes of the next message that the teller has queued."""
    queued = teller.store.next_to_encrypt()
    assert queued is not None
    received = hearer.receive(teller, teller.store.encrypt(queued.message_id))
    assert isinstance(received, ReceivedMessage)
    return received


def test_everybody_with_whom_there_is_a_chat_is_told_once(chat: Pair) -> None:
    ann, ben = chat
    assert ann.store.number_changes.made(NEW) == 1
    account = ann.store.account()
    assert account is not None
    assert account.phone == NEW
    assert ann.store.number_changes.made(NEW) == 0
    received = told(ann, ben)
    assert isinstance(received.content, NumberChanged)
    assert (received.content.old, received.content.new) == (ann.phone, NEW)
    entry = ben.store.history(ann.user)[-1]
    assert (entry.kind, entry.outgoing) == (EntryKind.NUMBER_CHANGED, False)
    assert all(entry.kind is not EntryKind.NUMBER_CHANGED for entry in ann.store.history())


def test_whoever_is_blocked_and_whoever_was_never_written_to_is_not_told(chat: Pair) -> None:
    ann, ben = chat
    ann.store.meet("+491713920003", UserId(9))
    ann.store.set_blocked(ben.user, True)
    assert ann.store.number_changes.made(NEW) == 0


def test_the_senders_word_makes_the_phone_ask_and_the_relays_word_moves_the_name(chat: Pair) -> None:
    ann, ben = chat
    ben.store.contacts.put({ann.phone: "Ann Example"})
    ann.store.number_changes.made(NEW)
    told(ann, ben)
    assert ben.store.contacts.name_of(NEW) is None
    assert ben.store.contacts.due(10) == [NEW]
    ben.store.contacts.answered([NEW], [UserId(666)])  # it is somebody else's: nothing follows
    assert ben.store.contacts.name_of(NEW) is None
    assert ben.store.contacts.name_of(ann.phone) == "Ann Example"
    ben.store.meet(NEW, ann.user)
    assert ben.store.contacts.name_of(NEW) == "Ann Example"
    assert ben.store.history(ann.user)[-1].book_name == "Ann Example"


def test_a_number_of_somebody_who_is_not_in_the_book_is_not_looked_up(chat: Pair) -> None:
    ann, ben = chat
    ann.store.number_changes.made(NEW)
    told(ann, ben)
    assert ben.store.contacts.due(10) == []
