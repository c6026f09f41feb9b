from client.flight import WINDOW_MESSAGES, Flight
from client.records import OutgoingSend, Part
from protocol.ids import DeviceId, MessageNumber, UserId

ANN, BEN = UserId(1), UserId(2)


def send(number: int, chat: UserId = ANN) -> OutgoingSend:
    return OutgoingSend(f"id{number}", chat, MessageNumber(number), (Part(DeviceId(1), b"x"),))


def numbers(sends: list[OutgoingSend]) -> list[int]:
    return [int(message.number) for message in sends]


def flying(*messages: OutgoingSend) -> Flight:
    flight = Flight(messages)
    flight.take_off()
    return flight


def test_what_was_unresolved_takes_off_before_what_is_new() -> None:
    flight = Flight([send(1), send(2)])
    flight.add(send(3))
    assert numbers(flight.take_off()) == [1, 2, 3]
    assert flight.take_off() == []


def test_no_more_than_the_window_is_in_the_air() -> None:
    flight = Flight(send(number) for number in range(1, WINDOW_MESSAGES + 11))
    assert numbers(flight.take_off()) == list(range(1, WINDOW_MESSAGES + 1))
    assert flight.room == 0
    flight.accepted(ANN, MessageNumber(10))
    assert numbers(flight.take_off()) == list(range(WINDOW_MESSAGES + 1, WINDOW_MESSAGES + 11))


def test_an_acceptance_answers_all_below_it() -> None:
    flight = flying(send(1), send(2), send(3))
    assert flight.room == WINDOW_MESSAGES - 3
    flight.accepted(ANN, MessageNumber(2))
    assert flight.room == WINDOW_MESSAGES - 1


def test_only_the_first_refusal_in_a_chat_is_news() -> None:
    flight = flying(send(1), send(2), send(3))
    assert flight.refused(ANN, MessageNumber(1))
    assert not flight.refused(ANN, MessageNumber(2))
    assert not flight.has_landed(ANN)
    assert not flight.refused(ANN, MessageNumber(3))
    assert flight.has_landed(ANN)


def test_a_gap_answers_for_all_from_the_number_expected() -> None:
    """A mailbox that crashed lost 2 to 4, and its successor speaks of the newest alone."""
    flight = flying(send(1), send(2), send(3), send(4))
    assert flight.refused(ANN, MessageNumber(4), expected=2)
    assert not flight.has_landed(ANN)
    flight.accepted(ANN, MessageNumber(1))
    assert flight.has_landed(ANN)


def test_a_chat_is_busy_from_the_first_message_to_the_last_answer() -> None:
    flight = Flight([send(1)])
    assert flight.is_busy_with(ANN)
    flight.take_off()
    assert flight.is_busy_with(ANN)
    flight.accepted(ANN, MessageNumber(1))
    assert not flight.is_busy_with(ANN)


def test_a_refusal_of_something_that_is_not_in_the_air_means_nothing() -> None:
    flight = flying(send(1))
    flight.accepted(ANN, MessageNumber(1))
    assert not flight.refused(ANN, MessageNumber(1))
    assert not flight.refused(BEN, MessageNumber(1))
    assert not flight.has_landed(ANN)


def test_a_held_chat_sends_nothing_until_it_has_landed() -> None:
    flight = flying(send(1), send(2))
    flight.refused(ANN, MessageNumber(1))
    flight.add(send(3))
    assert flight.take_off() == []
    flight.refused(ANN, MessageNumber(2))
    flight.release(ANN, [send(1), send(2)])
    flight.add(send(3))
    assert numbers(flight.take_off()) == [1, 2, 3]


def test_a_held_chat_takes_back_what_had_not_yet_taken_off() -> None:
    flight = Flight(send(number) for number in range(1, WINDOW_MESSAGES + 3))
    flight.take_off()
    flight.refused(ANN, MessageNumber(1))
    flight.accepted(ANN, MessageNumber(WINDOW_MESSAGES))
    assert flight.take_off() == []


def test_an_acceptance_counts_in_a_held_chat_too() -> None:
    flight = flying(send(1), send(2))
    flight.refused(ANN, MessageNumber(2))
    assert not flight.has_landed(ANN)
    flight.accepted(ANN, MessageNumber(1))
    assert flight.has_landed(ANN)


def test_a_held_chat_does_not_hold_another() -> None:
    flight = flying(send(1), send(1, BEN))
    flight.refused(ANN, MessageNumber(1))
    flight.add(send(2, BEN))
    assert [message.chat for message in flight.take_off()] == [BEN]
    assert not flight.has_landed(BEN)
