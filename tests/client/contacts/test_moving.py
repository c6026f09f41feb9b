from client.contacts.moving import move_name
from client.contacts.records import Contact
from protocol.ids import UserId
from tests.client.phones import TestPhone

OLD, NEW = "+491713920003", "+491713920004"
Pair = tuple[TestPhone, TestPhone]


def move(phone: TestPhone, old: str, new: str) -> None:
    with phone.store._database.transaction():
        move_name(phone.store._database, old, new)


def test_a_name_follows_to_a_number_that_has_none(phones: Pair) -> None:
    book = phones[0].store.contacts
    book.put({OLD: "Clara", NEW: ""})
    move(phones[0], OLD, NEW)
    assert [(contact.phone, contact.name) for contact in book.all()] == [(NEW, "Clara")]


def test_a_number_that_has_a_name_keeps_it(phones: Pair) -> None:
    book = phones[0].store.contacts
    book.put({OLD: "Clara", NEW: "Dora"})
    move(phones[0], OLD, NEW)
    assert [(contact.phone, contact.name) for contact in book.all()] == [(NEW, "Dora")]


def test_whoever_is_not_in_the_book_does_not_come_into_it(phones: Pair) -> None:
    move(phones[0], OLD, NEW)
    assert phones[0].store.contacts.all() == []


def test_a_name_moves_when_the_relay_says_that_somebody_has_another_number(phones: Pair) -> None:
    store = phones[0].store
    store.contacts.put({OLD: "Clara"})
    store.contacts.answered([OLD], [UserId(9)])
    store.meet(NEW, UserId(9))
    assert store.contacts.all() == [Contact(NEW, "Clara", True, False)]
