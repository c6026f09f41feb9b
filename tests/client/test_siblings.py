"""What one device of an account does is known on the others: once, and in the same words."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.records import MessageState, SeenElsewhere, SentElsewhere, Served
from protocol.e2e.siblings import Seen, SeenMark, encode_sibling
from protocol.ids import DeviceAddress, MessageNumber
from tests.client.household import Household, lines
from tests.client.phones import TestPhone, list_of


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Household]:
    household = Household(tmp_path)
    yield household
    household.close()


def test_a_message_reaches_all_devices_of_a_user(home: Household) -> None:
    home.alice.store.meet(home.bob.phone, home.bob.user)
    home.alice.store.queue_text(home.bob.user, "hello")
    home.run()
    assert lines(home.bob.store) == lines(home.pad.store) == [("hello", False)]


@pytest.mark.parametrize("speaker", ["bob", "pad"])
def test_what_one_device_sends_stands_on_the_other_as_ours(home: Household, speaker: str) -> None:
    here, there = (home.bob, home.pad) if speaker == "bob" else (home.pad, home.bob)
    message_id = here.store.queue_text(home.alice.user, "hello")
    home.run()
    assert lines(home.alice.store) == [("hello", False)]
    assert lines(there.store) == [("hello", True)]
    (entry,) = there.store.history()
    assert (entry.message_id, entry.user, entry.state) == (
        message_id,
        home.alice.user,
        MessageState.ACCEPTED,
    )
    assert [type(each) for each in home.got[there.account.address]] == [SentElsewhere]


def test_a_copy_says_whose_number_it_is(home: Household) -> None:
    home.bob.store.learn_phone(home.alice.phone, home.alice.user)
    home.bob.store.queue_text(home.alice.user, "hello")
    home.run()
    (entry,) = home.pad.store.history(home.alice.phone)
    assert (entry.text, entry.phone) == ("hello", home.alice.phone)


def test_whoever_has_no_other_device_makes_no_copies(home: Household) -> None:
    home.alice.store.queue_text(home.bob.user, "hello")
    home.run()
    queued = home.alice.store._database.value("SELECT count(*) FROM messages WHERE kind = 32")
    assert queued == 0


def test_a_message_that_has_to_be_encrypted_again_is_shown_once(home: Household) -> None:
    home.bob.store.queue_text(home.alice.user, "hello")
    home.off.append(home.alice)
    home.run()
    home.bob.store.settle_progress(home.alice.user, MessageNumber(0))
    home.bob.store.encrypt_again_from(home.alice.user, MessageNumber(1))
    home.run()
    assert lines(home.pad.store) == [("hello", True)]
    assert len(home.got[home.pad.account.address]) == 2


def test_reactions_edits_and_deletions_are_known_on_the_others(home: Household) -> None:
    store = home.bob.store
    first, second = (store.queue_text(home.alice.user, text) for text in ("one", "two"))
    home.run()
    store.compose.edit(first, "uno")
    store.compose.reaction(first, "x")
    store.compose.deletion(second)
    home.run()
    entries = home.pad.store.history()
    assert [(entry.text, entry.is_edited) for entry in entries] == [("uno", True), (None, False)]
    assert [each.is_own for each in entries[0].reactions] == [True]


def test_the_other_device_can_change_what_this_one_has_sent(home: Household) -> None:
    message_id = home.bob.store.queue_text(home.alice.user, "from the phone")
    home.run()
    home.pad.store.compose.edit(message_id, "from the pad")
    home.run()
    for phone in (home.alice, home.bob, home.pad):
        assert [entry.text for entry in phone.store.history()] == ["from the pad"]


def test_seen_on_one_is_seen_on_all_and_reported_once(home: Household) -> None:
    for text in ("one", "two"):
        home.alice.store.queue_text(home.bob.user, text)
    home.run()
    due = home.bob.store.mark_seen(home.alice.user)
    assert [receipt.number for receipt in due] == [2]
    home.run()
    assert home.pad.store.unread() == []
    assert home.pad.store.read_receipts_due() == []
    assert home.got[home.pad.account.address][-1] == SeenElsewhere(
        home.pad.store.cursor(), (home.alice.user,)
    )


def test_a_device_that_was_off_finds_what_was_sent_and_seen_meanwhile(home: Household) -> None:
    home.off.append(home.pad)
    home.alice.store.queue_text(home.bob.user, "are you there?")
    home.run()
    home.bob.store.mark_seen()
    home.bob.store.queue_text(home.alice.user, "yes")
    home.run()
    home.alice.store.queue_text(home.bob.user, "and your pad?")
    home.run()
    home.off.clear()
    home.run()
    assert lines(home.pad.store) == [("are you there?", False), ("yes", True), ("and your pad?", False)]
    assert [entry.text for entry in home.pad.store.unread()] == ["and your pad?"]


def test_from_anybody_else_it_means_nothing(home: Household) -> None:
    home.alice.store.queue_text(home.bob.user, "unread")
    home.run()
    lie = Seen(b"i" * 8, 1, (SeenMark(home.alice.user, 1, 99),))
    with home.alice.store._database.transaction():
        home.alice.store._queue.queue_encoded(home.bob.user, lie.id, encode_sibling(lie))
    home.run()
    assert isinstance(home.got[home.bob.account.address][-1], Served)
    assert len(home.bob.store.unread()) == 1


def test_from_a_device_that_was_removed_it_means_nothing(home: Household) -> None:
    """A relay that lies lets it speak on, in the session from before."""
    home.alice.store.queue_text(home.bob.user, "unread")
    home.run()
    lie = Seen(b"i" * 8, 1, (SeenMark(home.alice.user, 1, 99),))
    with home.pad.store._database.transaction():
        home.pad.store._queue.queue_encoded(home.bob.user, lie.id, encode_sibling(lie))
    with home.bob.store._database.transaction():
        without_it = list_of(home.bob, number=99)
        home.bob.store._peers.keep_list(home.bob.account, home.bob.user, without_it)
    home.run()
    assert isinstance(home.got[home.bob.account.address][-1], Served)
    assert len(home.bob.store.unread()) == 1


def test_what_is_for_one_device_is_read_by_that_one_alone(home: Household) -> None:
    mark = Seen(b"i" * 8, 1, (SeenMark(home.alice.user, 1, 99),))
    home.bob.store.queue_text(home.alice.user, "hello")
    with home.bob.store._database.transaction():
        home.bob.store._queue.queue_for_device(home.bob.user, mark.id, encode_sibling(mark), home.bob.device)
    home.run()
    assert isinstance(home.got[home.pad.account.address][0], Served)


def test_a_sibling_that_lost_its_sessions_asks_for_the_copy_again(home: Household) -> None:
    home.bob.store.queue_text(home.alice.user, "one")
    home.run()
    home.pad.store._database.execute("DELETE FROM sessions")
    home.bob.store.queue_text(home.alice.user, "two")
    home.run()
    assert lines(home.pad.store) == [("one", True), ("two", True)]


def test_a_companion_shows_its_proof_and_is_let_in(home: Household) -> None:
    """Alice has only ever heard of the primary, and learns of the companion from its own message."""
    home.alice.store.meet(home.bob.phone, home.bob.user)
    home.bob.store.queue_text(home.alice.user, "from the primary")
    home.off.append(home.pad)
    home.run()
    home.off.clear()
    home.pad.store.queue_text(home.alice.user, "from the companion")
    home.run()
    assert [entry.text for entry in home.alice.store.history()] == ["from the primary", "from the companion"]
    assert DeviceAddress(home.bob.user, home.pad.device)


def test_whoever_registers_anew_is_alone_and_trusts_none_of_the_old_devices(home: Household) -> None:
    home.off.append(home.pad)
    home.bob.store.queue_text(home.alice.user, "before")
    home.run()
    home.bob.register(device=3)
    assert home.bob.store.siblings.others() == []
    home.bob.store.queue_text(home.alice.user, "after")
    home.phones.remove(home.pad)
    home.signed = None
    home.run()
    assert [entry.text for entry in home.alice.store.history() if entry.text] == ["before", "after"]
    assert home.bob.store.next_to_encrypt() is None
    home.pad.store.close()


def test_a_text_that_does_not_fit_a_frame_for_all_devices_fails_by_name(home: Household) -> None:
    pads = [
        TestPhone(home.bob.home.parent / f"pad{n}", home.bob.user, home.bob.phone, device=n) for n in (3, 4)
    ]
    home.phones += pads
    home.signed = list_of(home.bob, home.pad, *pads, number=2)
    store = home.alice.store
    store.learn_bundles(
        home.bob.user, [(each.device, each.bundle()) for each in (home.bob, home.pad, *pads)], home.signed
    )
    message_id = store.queue_text(home.bob.user, "x" * 16_000)
    store.queue_text(home.bob.user, "x" * 10_000)
    assert store.fail_too_large() == [message_id]
    entry = store.entry(message_id)
    assert entry is not None
    assert (entry.state, entry.error_name) == (MessageState.FAILED, "message-too-large")
    assert store.next_to_encrypt() is not None
