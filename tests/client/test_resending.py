from client.records import OutgoingSend
from client.resending import KEPT_MESSAGES, MAX_RESENT
from protocol.e2e import content as contents
from protocol.e2e.retry import MAX_RESENT_NUMBERS, Resent, RetryRequest, read_service
from protocol.ids import DeviceAddress, DeviceId, MessageNumber
from tests.client.phones import TestPhone

Phones = tuple[TestPhone, TestPhone]


def ask(alice: TestPhone, asker: DeviceAddress, *numbers: int, device: int | None = None) -> list[Resent]:
    """Have Alice asked for messages; what she queues as the answer."""
    before = alice.store._database.value("SELECT max(row) FROM messages")
    wanted = tuple(MessageNumber(number) for number in numbers)
    request = RetryRequest(b"8 bytes.", 0, DeviceId(device or alice.device), wanted)
    with alice.store._database.transaction():
        alice.store._receiving._resending.answer(alice.account, asker, request)
    rows = alice.store._database.rows("SELECT content FROM messages WHERE row > ? ORDER BY row", before)
    services = [read_service(contents.decode(row["content"])) for row in rows]
    return [service for service in services if isinstance(service, Resent)]


def sent(alice: TestPhone, bob: TestPhone, text: str) -> OutgoingSend:
    send = alice.send(bob, text)
    alice.store.mark_delivered(bob.user, send.number)
    return send


def test_what_was_asked_for_is_sent_as_it_was_under_its_old_id(friends: Phones) -> None:
    alice, bob = friends
    one, two = sent(alice, bob, "one"), sent(alice, bob, "two")
    answers = ask(alice, bob.account.address, 2, 1)
    assert [answer.numbers for answer in answers] == [(2,), (1,)]
    ids = [contents.decode(answer.content or b"").id.hex() for answer in answers]
    assert ids == [two.message_id, one.message_id]


def test_a_device_that_came_later_gets_nothing_that_was_sent_to_the_one_before(friends: Phones) -> None:
    alice, bob = friends
    sent(alice, bob, "for the old phone")
    assert ask(alice, DeviceAddress(bob.user, DeviceId(2)), 1) == []


def test_somebody_else_gets_nothing_of_a_chat(friends: Phones) -> None:
    alice, bob = friends
    sent(alice, bob, "for bob")
    (answer,) = ask(alice, DeviceAddress(alice.user, bob.device), 1)
    assert answer.content is None


def test_a_number_that_is_not_here_is_answered_as_gone(friends: Phones) -> None:
    alice, bob = friends
    sent(alice, bob, "one")
    assert [(answer.numbers, answer.content) for answer in ask(alice, bob.account.address, 7)] == [
        ((7,), None)
    ]


def test_a_request_about_another_device_is_not_ours_to_answer(friends: Phones) -> None:
    alice, bob = friends
    sent(alice, bob, "one")
    assert ask(alice, bob.account.address, 1, device=9) == []


def test_a_message_is_sent_again_ten_times_to_a_device_at_most(friends: Phones) -> None:
    alice, bob = friends
    sent(alice, bob, "one")
    for _ in range(MAX_RESENT):
        assert len(ask(alice, bob.account.address, 1)) == 1
    assert ask(alice, bob.account.address, 1) == []


def test_only_the_last_messages_of_a_chat_are_kept_ready(friends: Phones) -> None:
    alice, bob = friends
    sent(alice, bob, "one")
    for _ in range(KEPT_MESSAGES - 1):
        alice.store.queue_text(bob.user, "more")
    assert ask(alice, bob.account.address, 1)[0].content is not None
    # That answer is itself a message of the chat: now there are more than are kept.
    assert ask(alice, bob.account.address, 1)[0].content is None


def test_an_answer_that_is_asked_for_again_names_all_numbers_and_ends_after_five(friends: Phones) -> None:
    alice, bob = friends
    sent(alice, bob, "one")
    number, numbers = 1, [1]
    for _ in range(MAX_RESENT_NUMBERS - 1):
        (answer,) = ask(alice, bob.account.address, number)
        assert list(answer.numbers) == numbers
        queued = alice.store.next_to_encrypt()
        assert queued is not None
        number = alice.store.encrypt(queued.message_id).number
        numbers.append(number)
    (last,) = ask(alice, bob.account.address, number)
    assert len(last.numbers) == MAX_RESENT_NUMBERS
    queued = alice.store.next_to_encrypt()
    assert queued is not None
    assert ask(alice, bob.account.address, alice.store.encrypt(queued.message_id).number) == []
