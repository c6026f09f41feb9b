from client.mentions import MENTION
from client.records import Mentioned
from tests.client.phones import TestPhone
from tests.client.test_changes import encrypted, shown

Phones = tuple[TestPhone, TestPhone]


def test_who_is_mentioned_is_named_as_this_phone_knows_them(friends: Phones) -> None:
    alice, bob = friends
    message_id = alice.store.compose.text(bob.user, f"ask @{alice.phone}, not @{bob.phone} or @+4999999999")
    bob.receive(alice, encrypted(alice))
    # Nobody mentions what their phone cannot name: alice's own number is none of her peers'.
    assert shown(alice, message_id).mentioned == (Mentioned(bob.user, bob.phone, None, is_own=False),)
    assert shown(bob, message_id).mentioned == (Mentioned(bob.user, bob.phone, None, is_own=True),)


def test_a_number_that_the_sender_calls_somebody_else_is_only_a_number_here(friends: Phones) -> None:
    alice, bob = friends
    # Her phone thinks that somebody else has his number.
    alice.store._database.execute("UPDATE peers SET phone = NULL")
    alice.store._database.execute("INSERT INTO peers (user, phone) VALUES (999, ?)", bob.phone)
    message_id = alice.store.compose.text(bob.user, f"ask @{bob.phone}")
    bob.receive(alice, encrypted(alice))
    assert shown(bob, message_id).mentions == (999,)
    assert shown(bob, message_id).mentioned == ()


def test_the_name_of_the_address_book_is_known(friends: Phones) -> None:
    alice, bob = friends
    alice.store.contacts.put({bob.phone: "Bobby"})
    message_id = alice.store.compose.text(bob.user, f"ask @{bob.phone}")
    (mentioned,) = shown(alice, message_id).mentioned
    assert mentioned.book_name == "Bobby"


def test_only_a_number_behind_an_at_sign_is_a_mention() -> None:
    assert MENTION.findall("@+4915112345679 +4915112345678 @4915112345677 @+12") == ["+4915112345679"]
