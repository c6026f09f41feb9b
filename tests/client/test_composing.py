from collections.abc import Callable

import pytest

from client.errors import ContentError, MessageChangeError, TextTooLongError
from client.records import EntryKind, HistoryEntry, MessageState, Quote
from protocol.e2e import Contact, Location
from protocol.e2e.content_rules import DELETE_SECONDS, EDIT_SECONDS
from protocol.ids import UserId
from tests.client.phones import TestPhone
from tests.client.test_changes import encrypted, shown, told

Phones = tuple[TestPhone, TestPhone]


def arrived(sender: TestPhone, receiver: TestPhone) -> HistoryEntry:
    """What is queued first reaches the receiver; the newest line there."""
    receiver.receive(sender, encrypted(sender))
    return receiver.store.history()[-1]


def refused(name: str, act: Callable[[], object]) -> None:
    with pytest.raises(MessageChangeError) as error:
        act()
    assert error.value.name == name


def test_an_answer_shows_what_it_answers_as_that_is_now(friends: Phones) -> None:
    alice, bob = friends
    question, _ = told(alice, bob, "when?")
    bob.store.compose.text(alice.user, "at nine", question)
    assert arrived(bob, alice).quote == Quote(question, True, "when?")
    alice.store.compose.deletion(question)
    assert alice.store.history()[-1].quote == Quote(question, True, None)


def test_a_number_behind_an_at_sign_mentions_who_has_it(friends: Phones) -> None:
    alice, bob = friends
    alice.store.compose.text(bob.user, f"ask @{bob.phone} or @+4999999999")
    assert arrived(alice, bob).mentions == (bob.user,)


def test_a_contact_and_a_place_arrive_as_lines_that_are_read(friends: Phones) -> None:
    alice, bob = friends
    alice.store.compose.contact(bob.user, "Carol", ("+4930333333",))
    contact = arrived(alice, bob)
    assert contact.kind is EntryKind.CONTACT
    assert isinstance(contact.content, Contact)
    assert contact.content.phones == ("+4930333333",)
    alice.store.compose.location(bob.user, 52.5163, -13.3777, "Gate")
    place = arrived(alice, bob)
    assert isinstance(place.content, Location)
    assert (place.content.latitude, place.content.longitude) == (52_516_300, -13_377_700)
    assert [receipt.number for receipt in bob.store.mark_seen()] == [2]


def test_what_cannot_be_sent_is_refused_with_a_sentence(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    impossible: tuple[Callable[[], str], ...] = (
        lambda: alice.store.compose.location(bob.user, 91, 0),
        lambda: alice.store.compose.contact(bob.user, "Nobody", ()),
        lambda: alice.store.compose.contact(bob.user, "x" * 300, ("+4930333333",)),
        lambda: alice.store.compose.reaction(message_id, "x" * 100),
    )
    for act in impossible:
        with pytest.raises(ContentError):
            act()
    with pytest.raises(TextTooLongError):
        alice.store.compose.edit(message_id, "x" * 20_000)
    assert alice.store.next_to_encrypt() is None


def test_only_a_message_of_the_same_chat_can_be_answered(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    refused("no-such-message", lambda: alice.store.compose.text(UserId(5), "yes", message_id))
    refused("no-such-message", lambda: alice.store.compose.text(bob.user, "yes", "00" * 8))
    refused("no-such-message", lambda: alice.store.compose.text(bob.user, "yes", "no id"))


def test_only_ones_own_text_can_be_edited_and_for_fifteen_minutes(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    refused("not-yours", lambda: bob.store.compose.edit(message_id, "else"))
    place = alice.store.compose.location(bob.user, 1, 1)
    refused("not-a-text", lambda: alice.store.compose.edit(place, "else"))
    alice.clock.time += EDIT_SECONDS + 1
    refused("too-late", lambda: alice.store.compose.edit(message_id, "else"))


def test_only_ones_own_message_can_be_deleted_and_once(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    refused("not-yours", lambda: bob.store.compose.deletion(message_id))
    assert alice.store.compose.deletion(message_id) is not None
    refused("not-possible", lambda: alice.store.compose.deletion(message_id))
    bob.receive(alice, encrypted(alice))
    other, _ = told(alice, bob, "other")
    alice.clock.time += DELETE_SECONDS + 1
    refused("too-late", lambda: alice.store.compose.deletion(other))


def queued(phone: TestPhone) -> str:
    message = phone.store.next_to_encrypt()
    assert message is not None
    return message.message_id


def test_a_message_deleted_before_it_was_encrypted_never_leaves_the_phone(friends: Phones) -> None:
    alice, bob = friends
    message_id = alice.store.queue_text(bob.user, "hello")
    assert alice.store.compose.deletion(message_id) is None
    assert alice.store.next_to_encrypt() is None
    entry = shown(alice, message_id)
    assert (entry.kind, entry.state) == (EntryKind.DELETED, MessageState.FAILED)


def test_a_deleted_message_that_would_have_to_be_encrypted_again_is_given_up(friends: Phones) -> None:
    alice, bob = friends
    send = alice.send(bob, "hello")
    deletion = alice.store.compose.deletion(send.message_id)
    alice.store.encrypt_again_from(bob.user, send.number)
    assert shown(alice, send.message_id).state is MessageState.FAILED
    alice.store.learn_bundles(bob.user, [(bob.device, bob.bundle())])
    assert queued(alice) == deletion
    assert alice.store.encrypt(queued(alice)).number == send.number


def test_nothing_can_be_said_about_a_message_whose_recipient_is_not_found_yet(friends: Phones) -> None:
    alice, _ = friends
    message_id = alice.store.queue_text("+4930444444", "hello")
    refused("not-sent", lambda: alice.store.compose.edit(message_id, "else"))
