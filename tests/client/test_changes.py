"""Changes as they arrive: from the right person or not, in time or not, before their message or after it."""

from pathlib import Path

from client.changes import Said
from client.records import EntryKind, HistoryEntry, OutgoingSend, ReactionShown
from protocol.e2e import Change, Deletion, Edit, MessageRef, Reaction
from protocol.e2e import content as contents
from protocol.e2e.content_rules import DELETE_SECONDS, EDIT_SECONDS, LATENESS_SECONDS
from tests.client.phones import TestPhone

Phones = tuple[TestPhone, TestPhone]


def told(alice: TestPhone, bob: TestPhone, text: str = "hello") -> tuple[str, OutgoingSend]:
    """Alice has told Bob something: the message's id, and how it travelled."""
    send = alice.send(bob, text)
    bob.read(alice, send)
    return send.message_id, send


def encrypted(phone: TestPhone) -> OutgoingSend:
    queued = phone.store.next_to_encrypt()
    assert queued is not None
    return phone.store.encrypt(queued.message_id)


def forge(sender: TestPhone, receiver: TestPhone, change: Change) -> None:
    """An altered client sends what ours would refuse to."""
    sender.store._queue.queue(receiver.user, lambda _id, _at: change)
    receiver.receive(sender, encrypted(sender))


def shown(phone: TestPhone, message_id: str) -> HistoryEntry:
    entry = phone.store.entry(message_id)
    assert entry is not None
    return entry


def now(phone: TestPhone) -> int:
    return contents.sent_at_from_unix(phone.clock.now())


def test_a_reaction_is_seen_at_its_message_on_both_sides_and_is_no_line(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    bob.store.compose.reaction(message_id, "👍")
    alice.receive(bob, encrypted(bob))
    assert shown(alice, message_id).reactions == (ReactionShown("👍", is_own=False),)
    assert shown(bob, message_id).reactions == (ReactionShown("👍", is_own=True),)
    assert alice.texts() == bob.texts() == ["hello"]


def test_a_second_reaction_takes_the_place_of_the_first_and_can_be_taken_back(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    for emoji in ("👍", "🎉"):
        bob.store.compose.reaction(message_id, emoji)
        alice.receive(bob, encrypted(bob))
    assert [reaction.emoji for reaction in shown(alice, message_id).reactions] == ["🎉"]
    bob.store.compose.reaction(message_id, None)
    alice.receive(bob, encrypted(bob))
    assert shown(alice, message_id).reactions == ()


def test_an_older_reaction_that_comes_late_does_not_undo_the_newer(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    ref = MessageRef(alice.user, bytes.fromhex(message_id))
    forge(bob, alice, Reaction(b"a" * 8, now(bob), ref, "🎉"))
    forge(bob, alice, Reaction(b"b" * 8, now(bob) - 5, ref, "👎"))
    assert [reaction.emoji for reaction in shown(alice, message_id).reactions] == ["🎉"]


def test_an_edit_changes_the_text_on_both_sides(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob, "helo")
    alice.clock.time += EDIT_SECONDS
    bob.clock.time += EDIT_SECONDS
    alice.store.compose.edit(message_id, "hello")
    bob.receive(alice, encrypted(alice))
    for phone in friends:
        assert (shown(phone, message_id).text, shown(phone, message_id).is_edited) == ("hello", True)
    assert alice.texts() == bob.texts() == ["hello"]


def test_an_edit_that_claims_to_be_late_is_refused_by_the_receiver(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    late = now(alice) + EDIT_SECONDS + 1
    forge(alice, bob, Edit(b"a" * 8, late, bytes.fromhex(message_id), "something else"))
    assert (shown(bob, message_id).text, shown(bob, message_id).is_edited) == ("hello", False)


def test_an_edit_that_lies_about_its_time_is_refused_by_when_it_arrived(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    claimed = now(alice)
    bob.clock.time += EDIT_SECONDS + LATENESS_SECONDS + 1
    forge(alice, bob, Edit(b"a" * 8, claimed, bytes.fromhex(message_id), "something else"))
    assert shown(bob, message_id).text == "hello"


def test_a_deletion_takes_the_content_off_both_disks_and_leaves_a_line(friends: Phones) -> None:
    alice, bob = friends
    secret = "the number of my account is 4711"
    message_id, _ = told(alice, bob, secret)
    alice.store.mark_delivered(bob.user, told(alice, bob, "more")[1].number)  # its ciphertext goes
    alice.store.compose.deletion(message_id)
    bob.receive(alice, encrypted(alice))
    for phone in friends:
        assert shown(phone, message_id).kind is EntryKind.DELETED
        assert phone.texts() == [None, "more"]
        phone.store.close()
        assert [path.name for path in phone.home.iterdir() if contains(path, secret)] == []


def contains(path: Path, text: str) -> bool:
    return text.encode() in path.read_bytes()


def test_a_deletion_that_comes_too_late_is_not_obeyed(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    late = now(alice) + DELETE_SECONDS + 1
    forge(alice, bob, Deletion(b"a" * 8, late, bytes.fromhex(message_id)))
    assert shown(bob, message_id).text == "hello"


def test_nobody_can_edit_or_delete_what_somebody_else_has_written(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    forge(bob, alice, Edit(b"a" * 8, now(bob), bytes.fromhex(message_id), "something else"))
    forge(bob, alice, Deletion(b"b" * 8, now(bob), bytes.fromhex(message_id)))
    assert (shown(alice, message_id).text, shown(alice, message_id).kind) == ("hello", EntryKind.TEXT)


def test_nobody_can_react_in_the_name_of_somebody_else(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    ref = MessageRef(alice.user, bytes.fromhex(message_id))
    forge(bob, alice, Reaction(b"a" * 8, now(bob), ref, "👎"))
    assert [reaction.is_own for reaction in shown(alice, message_id).reactions] == [False]


def test_what_comes_before_its_message_is_kept_and_applied_when_it_comes(friends: Phones) -> None:
    alice, bob = friends
    early = alice.send(bob, "helo")
    target = bytes.fromhex(early.message_id)
    bob.store._receiving._changes.note(
        Said(alice.user, alice.user, Edit(b"a" * 8, now(alice), target, "hello"), bob.clock.now())
    )
    reaction = Reaction(b"b" * 8, now(alice), MessageRef(alice.user, target), "🎉")
    bob.store._receiving._changes.note(Said(alice.user, alice.user, reaction, bob.clock.now()))
    assert bob.texts() == []
    bob.receive(alice, early)
    entry = shown(bob, early.message_id)
    assert (entry.text, entry.is_edited, entry.reactions[0].emoji) == ("hello", True, "🎉")


def test_a_deletion_that_comes_first_leaves_nothing_of_the_message(friends: Phones) -> None:
    alice, bob = friends
    early = alice.send(bob, "hello")
    deletion = Deletion(b"a" * 8, now(alice), bytes.fromhex(early.message_id))
    bob.store._receiving._changes.note(Said(alice.user, alice.user, deletion, bob.clock.now()))
    bob.receive(alice, early)
    assert shown(bob, early.message_id).kind is EntryKind.DELETED
    assert shown(bob, early.message_id).content is None


def test_a_late_edit_that_comes_first_is_judged_when_its_message_comes(friends: Phones) -> None:
    alice, bob = friends
    early = alice.send(bob, "hello")
    late = Edit(b"a" * 8, now(alice) + EDIT_SECONDS + 1, bytes.fromhex(early.message_id), "something else")
    bob.store._receiving._changes.note(Said(alice.user, alice.user, late, bob.clock.now()))
    bob.receive(alice, early)
    assert shown(bob, early.message_id).text == "hello"


def test_a_change_that_comes_twice_changes_nothing_more(friends: Phones) -> None:
    alice, bob = friends
    message_id, _ = told(alice, bob)
    edit = Edit(b"a" * 8, now(alice), bytes.fromhex(message_id), "hello, Bob")
    forge(alice, bob, edit)
    forge(alice, bob, edit)
    assert bob.texts() == ["hello, Bob"]
