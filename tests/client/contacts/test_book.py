from client.contacts.book import ASK_AGAIN_SECONDS
from client.contacts.records import Contact
from protocol.ids import UserId
from protocol.stanzas import Audience, Privacy
from tests.client.phones import TestPhone

CLARA, DORA = "+491713920003", "+491713920004"
Pair = tuple[TestPhone, TestPhone]


def test_the_relay_is_asked_about_each_number_once(phones: Pair) -> None:
    book = phones[0].store.contacts
    book.put({CLARA: "Clara", DORA: "Dora"})
    assert book.due(256) == [CLARA, DORA]
    assert book.due(1) == [CLARA]
    book.answered([CLARA, DORA], [UserId(9), UserId(0)])
    assert book.count_due() == 0
    book.put({CLARA: "Clara", DORA: ""})
    assert book.due(256) == []
    assert book.all() == [Contact(CLARA, "Clara", True, False), Contact(DORA, "Dora", False, False)]
    assert phones[0].store.user_of(CLARA) == 9


def test_whoever_was_not_found_is_asked_for_again_after_a_week_and_whoever_was_never(phones: Pair) -> None:
    phone, book = phones[0], phones[0].store.contacts
    book.put({CLARA: "Clara", DORA: "Dora"})
    book.answered([CLARA, DORA], [UserId(9), UserId(0)])
    phone.clock.time += ASK_AGAIN_SECONDS + 1
    book.put({CLARA: "Clara", DORA: "Dora"})
    assert book.due(256) == [DORA]


def test_whom_the_phone_has_met_is_not_asked_for(phones: Pair) -> None:
    ann, ben = phones
    ann.knows(ben)
    ann.store.contacts.put({ben.phone: "Ben"})
    assert ann.store.contacts.due(256) == []
    assert ann.store.contacts.all() == [Contact(ben.phone, "Ben", True, False)]


def test_an_answer_that_is_too_short_leaves_the_rest_due(phones: Pair) -> None:
    book = phones[0].store.contacts
    book.put({CLARA: "", DORA: ""})
    book.answered([CLARA, DORA], [UserId(9)])
    assert book.due(256) == [DORA]


def test_a_name_is_what_the_person_said_last_and_an_empty_one_says_nothing(phones: Pair) -> None:
    book = phones[0].store.contacts
    book.put({CLARA: "Clara"})
    book.put({CLARA: ""})
    assert book.name_of(CLARA) == "Clara"
    book.put({CLARA: "Clara Example", DORA: ""})
    assert book.name_of(CLARA) == "Clara Example"
    assert book.name_of(DORA) is None
    assert book.name_of("+1") is None
    assert book.name_of(None) is None


def test_who_is_in_the_book_is_a_contact_until_taken_out_of_it(phones: Pair) -> None:
    store = phones[0].store
    store.choose_privacy(Privacy(last_seen=Audience.CONTACTS))
    store.contacts.put({CLARA: "Clara"})
    store.contacts.answered([CLARA], [UserId(9)])
    assert store.settings.contacts_due(10) == [UserId(9)]
    store.settings.contacts_named([UserId(9)])
    assert store.contacts.remove(CLARA)
    assert not store.contacts.remove(CLARA)
    assert store.settings.contacts_gone(10) == [UserId(9)]
    store.settings.contacts_forgotten([UserId(9)])
    assert store.settings.contacts_gone(10) == []


def test_whom_one_has_written_to_stays_a_contact(phones: Pair) -> None:
    ann, ben = phones
    ann.knows(ben)
    ann.send(ben, "hello")
    ann.store.contacts.put({ben.phone: "Ben"})
    ann.store.contacts.remove(ben.phone)
    assert ann.store.settings.is_contact(ben.user)


def test_a_pause_ends_by_itself(phones: Pair) -> None:
    phone, book = phones[0], phones[0].store.contacts
    assert book.pause_left == 0
    book.pause(60)
    phone.clock.time += 20
    assert book.pause_left == 40
    phone.clock.time += 100
    assert book.pause_left == 0


def test_the_book_outlives_the_process(phones: Pair) -> None:
    phones[0].store.contacts.put({CLARA: "Clara"})
    phones[0].reopen()
    assert phones[0].store.contacts.due(1) == [CLARA]


def test_what_waits_for_a_look_up_says_why_until_it_is_accepted(phones: Pair) -> None:
    ann, ben = phones
    ann.store.queue_text(CLARA, "hello")
    book = ann.store.contacts
    (message_id,) = book.note_waiting([CLARA, DORA], "wait")
    assert book.note_waiting([CLARA], "wait") == []
    entry = ann.store.entry(message_id)
    assert entry is not None
    assert entry.error_name == "wait"
    ann.store.learn_phone(CLARA, ben.user)
    ann.store.learn_bundles(ben.user, [(ben.device, ben.bundle())])
    send = ann.store.encrypt(message_id)
    ann.store.mark_accepted(ben.user, send.number)
    entry = ann.store.entry(message_id)
    assert entry is not None
    assert entry.error_name is None
