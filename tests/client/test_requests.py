from client.requests import MOST_OPEN_REQUESTS, Answer, NoAnswer, Requests
from protocol.stanzas import Done


def test_an_answer_finds_its_question() -> None:
    requests = Requests()
    heard: list[tuple[str, Answer]] = []
    one = requests.put(lambda answer: heard.append(("one", answer)))
    two = requests.put(lambda answer: heard.append(("two", answer)))
    assert one is not None
    assert two is not None
    requests.answer(two, Done(two, 5))
    requests.answer(one, Done(one, 7))
    assert heard == [("two", Done(two, 5)), ("one", Done(one, 7))]
    assert len(requests) == 0


def test_only_the_first_answer_counts() -> None:
    requests = Requests()
    heard: list[Answer] = []
    request = requests.put(heard.append)
    assert request is not None
    requests.answer(request, NoAnswer("timeout"))
    requests.answer(request, Done(request, 1))
    assert heard == [NoAnswer("timeout")]


def test_an_answer_to_nothing_is_dropped() -> None:
    Requests().answer(7, Done(7, 1))


def test_the_end_of_the_connection_answers_all() -> None:
    requests = Requests()
    heard: list[Answer] = []
    requests.put(heard.append)
    requests.put(heard.append)
    requests.fail_all("offline")
    assert heard == [NoAnswer("offline")] * 2
    assert len(requests) == 0


def test_too_many_questions_are_refused_at_once() -> None:
    requests = Requests()
    heard: list[Answer] = []
    for _ in range(MOST_OPEN_REQUESTS):
        requests.put(heard.append)
    assert heard == []
    assert requests.put(heard.append) is None
    assert len(heard) == 1
