from dataclasses import replace

import cbor2
import pytest

from client.errors import NoAccountError
from client.lost_messages import ASKED_FOR
from client.records import (
    Duplicate,
    EntryKind,
    IncomingDelivery,
    MessageState,
    Received,
    ReceivedMessage,
    Undecryptable,
)
from client.store import Store
from protocol.e2e import MessageRef, Reaction, Unknown
from protocol.e2e import content as contents
from protocol.ids import DeviceAddress, DeviceId, MessageNumber, Seq, UserId
from tests.client.phones import SettableClock, TestPhone, seeded_entropy

Phones = tuple[TestPhone, TestPhone]
STRANGER = DeviceAddress(UserId(0x5712A), DeviceId(1))


def send_content(alice: TestPhone, bob: TestPhone, content: bytes) -> Received:
    """Have Alice encrypt bytes of our choice, as another version's client would."""
    message_id = alice.store.queue_text(bob.user, "to be replaced")
    alice.store._database.execute(
        "UPDATE messages SET content = ? WHERE id = ?", content, bytes.fromhex(message_id)
    )
    return bob.receive(alice, alice.store.encrypt(message_id))


def test_a_received_message_is_in_the_history_with_all_its_facts(friends: Phones) -> None:
    alice, bob = friends
    send = alice.send(bob, "hello")
    bob.clock.time += 60
    received = bob.store.receive(replace(bob.delivery(alice, send), accepted_at=1_800_000_030.0))
    assert isinstance(received, ReceivedMessage)
    assert (received.text, received.phone, received.message_id) == ("hello", alice.phone, send.message_id)
    (entry,) = bob.store.history()
    assert (entry.text, entry.outgoing, entry.user, entry.sender_device) == ("hello", False, alice.user, 1)
    assert (entry.sent_at, entry.accepted_at, entry.stored_at) == (
        1_800_000_000.0,
        1_800_000_030.0,
        1_800_000_060.0,
    )
    assert entry.state is MessageState.RECEIVED


def test_the_cursor_moves_with_each_delivery_and_survives_a_restart(friends: Phones) -> None:
    alice, bob = friends
    for number in range(1, 4):
        bob.read(alice, alice.send(bob, "hello"))
        assert bob.store.cursor() == number
    bob.reopen()
    assert bob.store.cursor() == 3


def test_a_delivery_at_or_below_the_cursor_is_a_duplicate(friends: Phones) -> None:
    alice, bob = friends
    deliveries = [bob.delivery(alice, alice.send(bob, str(n))) for n in range(3)]
    bob.store.receive_all(deliveries)
    assert bob.store.receive_all(deliveries) == [Duplicate(Seq(1)), Duplicate(Seq(2)), Duplicate(Seq(3))]
    assert bob.store.cursor() == 3
    assert bob.texts() == ["0", "1", "2"]


def test_a_relay_that_lost_count_of_its_deliveries_loses_no_message(friends: Phones) -> None:
    alice, bob = friends
    for number in range(3):
        bob.read(alice, alice.send(bob, str(number)))
    bob.seq = 0
    assert bob.read(alice, alice.send(bob, "new, under an old seq")) == "new, under an old seq"
    assert bob.store.cursor() == 3


def test_a_repetition_from_before_the_ratchet_moved_on_is_a_duplicate_too(friends: Phones) -> None:
    alice, bob = friends
    old = bob.delivery(alice, alice.send(bob, "hello"))
    bob.store.receive(old)
    for _ in range(2):
        alice.read(bob, bob.send(alice, "hello yourself"))
        bob.read(alice, alice.send(bob, "how are you?"))
    assert bob.store.receive(old) == Duplicate(Seq(1))
    assert bob.texts().count("hello") == 1


def test_the_same_ciphertext_under_a_new_seq_is_a_duplicate_and_moves_the_cursor(friends: Phones) -> None:
    alice, bob = friends
    send = alice.send(bob, "hello")
    bob.read(alice, send)
    assert bob.receive(alice, send) == Duplicate(Seq(2))
    assert bob.store.cursor() == 2
    assert bob.texts() == ["hello"]


def test_the_same_content_encrypted_again_is_a_duplicate(friends: Phones) -> None:
    alice, bob = friends
    send = alice.send(bob, "hello")
    bob.read(alice, send)
    alice.store.encrypt_again_from(bob.user, send.number)
    alice.store.learn_bundles(bob.user, [(bob.device, bob.bundle())])
    assert bob.receive(alice, alice.store.encrypt(send.message_id)) == Duplicate(Seq(2))
    assert bob.texts() == ["hello"]


def test_one_persons_content_id_does_not_hide_anothers_message(friends: Phones) -> None:
    alice, bob = friends
    content = cbor2.dumps([0, b"\x01" * 8, 0, "the same id"])
    send_content(alice, bob, content)
    carol = TestPhone(alice.home.parent / "carol", 0xCA201, "+4930333333")
    carol.knows(bob)
    assert isinstance(send_content(carol, bob, content), ReceivedMessage)
    carol.store.close()


@pytest.mark.parametrize(
    ("ciphertext", "error_name"),
    [
        (b"", "bad-ciphertext"),
        (b"\x11garbage", "bad-ciphertext"),
        (b"\x31" + bytes(60), "unsupported-ciphertext"),
        (b"\x11" + bytes(60), "no-session"),
        (b"\x12\x01\x00" + b"\x07" * 110, "downgraded-message"),
        (b"\x22\x01\x00\x01" + b"\x07" * 1_198, "bad-ciphertext"),
        (b"\x12\x63\x00" + b"\x07" * 110, "prekey-gone"),
    ],
)
def test_what_cannot_be_opened_is_a_visible_event_and_moves_the_cursor(
    phones: Phones, ciphertext: bytes, error_name: str
) -> None:
    bob = phones[1]
    received = bob.store.receive(IncomingDelivery(Seq(1), STRANGER, MessageNumber(1), ciphertext))
    assert isinstance(received, Undecryptable)
    assert received.error_name == error_name
    (entry,) = bob.store.history(STRANGER.user)
    # What may be mended by a new session is waited for; of the rest the history keeps the reason.
    shown = error_name if error_name == "unsupported-ciphertext" else ASKED_FOR
    assert (entry.kind, entry.error_name, entry.text) == (EntryKind.UNDECRYPTABLE, shown, None)
    assert entry.message_id == received.message_id
    assert bob.store.cursor() == 1


def test_nothing_gets_stuck_behind_what_cannot_be_opened(friends: Phones) -> None:
    alice, bob = friends
    damaged = bob.delivery(alice, alice.send(bob, "damaged"))
    last = damaged.ciphertext[-1] ^ 1
    damaged = replace(damaged, ciphertext=damaged.ciphertext[:-1] + bytes([last]))
    fine = bob.delivery(alice, alice.send(bob, "fine"))
    first, second = bob.store.receive_all([damaged, fine])
    assert isinstance(first, Undecryptable)
    assert isinstance(second, ReceivedMessage)
    assert bob.texts() == [None, "fine"]


def test_content_of_a_later_version_is_kept_whole(friends: Phones) -> None:
    alice, bob = friends
    content = cbor2.dumps([77, b"\x01" * 8, 5, {"poll": ["yes", "no"]}])
    received = send_content(alice, bob, content)
    assert isinstance(received, ReceivedMessage)
    assert isinstance(received.content, Unknown)
    assert received.content.encoded == content
    (entry,) = bob.store.history()
    assert (entry.kind, entry.text) == (EntryKind.UNKNOWN, None)


def test_plaintext_that_is_no_content_is_undecryptable_and_keeps_the_ratchet(friends: Phones) -> None:
    alice, bob = friends
    received = send_content(alice, bob, b"not cbor at all")
    assert isinstance(received, Undecryptable)
    assert received.error_name == "bad-content"
    assert bob.read(alice, alice.send(bob, "better")) == "better"


def test_a_crash_inside_a_batch_leaves_nothing_of_it(friends: Phones) -> None:
    alice, bob = friends
    deliveries = [bob.delivery(alice, alice.send(bob, str(n))) for n in range(3)]
    bob.store._database.execute(
        "CREATE TRIGGER full AFTER INSERT ON messages WHEN new.number = 3"
        " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )
    with pytest.raises(Exception, match="disk full"):
        bob.store.receive_all(deliveries)
    assert bob.store.cursor() == 0
    assert bob.store.history() == []
    bob.store._database.execute("DROP TRIGGER full")
    received = bob.store.receive_all(deliveries)
    assert [one.text for one in received if isinstance(one, ReceivedMessage)] == ["0", "1", "2"]


def test_nothing_is_received_without_an_account(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("empty")
    with Store.open(home, seeded_entropy(1), SettableClock()) as store, pytest.raises(NoAccountError):
        store.receive(IncomingDelivery(Seq(1), STRANGER, MessageNumber(1), b""))


def test_content_of_a_later_version_is_shown_once_this_one_knows_it(friends: Phones) -> None:
    alice, bob = friends
    bob.read(alice, alice.send(bob, "shown at last"))
    text = bob.store.history()[0]
    # As a version would have stored it that knew neither texts nor reactions.
    bob.store._database.execute("UPDATE messages SET kind = 2")
    reaction = Reaction(b"r" * 8, 7, MessageRef(alice.user, bytes.fromhex(text.message_id)), "🎉")
    bob.store._database.execute(
        "INSERT INTO messages (id, kind, outgoing, user, device, number, content, stored_at, state)"
        " VALUES (?, 2, 0, ?, 1, 2, ?, 0, 16)",
        reaction.id,
        alice.user,
        contents.encode(reaction),
    )
    assert [entry.kind for entry in bob.store.history()] == [EntryKind.UNKNOWN] * 2
    bob.reopen()
    (entry,) = bob.store.history()
    assert (entry.kind, entry.text) == (EntryKind.TEXT, "shown at last")
    assert [each.emoji for each in entry.reactions] == ["🎉"]
