from client.cli import history, listen, send
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN, BEN


def test_both_directions_are_shown_oldest_first_with_their_ticks(pair: Desk) -> None:
    assert pair.run(send, "--home", pair.home("ann"), "--to", BEN, "question").status == 0
    assert pair.run(listen, "--home", pair.home("ben"), "--count", 1, "--timeout", 20).status == 0
    assert pair.run(send, "--home", pair.home("ben"), "--to", ANN, "answer").status == 0
    outcome = pair.run(history, "--home", pair.home("ben"))
    day, question, answer = outcome.out.splitlines()
    assert day == "── Today ──"
    assert question.endswith("    +49 1511 2345678  question")
    assert answer.endswith(" ✓  you → +49 1511 2345678  answer")


def test_machines_get_one_object_a_message(pair: Desk) -> None:
    pair.run(send, "--home", pair.home("ann"), "--to", BEN, "hello")
    (entry,) = pair.run(history, "--home", pair.home("ann"), "--with", BEN, "--json").objects
    assert list(entry) == ["id", "direction", "with", "kind", "text", "sent_at", "state", "error", "name"]
    assert (entry["direction"], entry["with"], entry["text"]) == ("out", BEN, "hello")


def test_one_chat_or_the_newest_messages_can_be_asked_for(pair: Desk) -> None:
    for text in ("one", "two"):
        pair.run(send, "--home", pair.home("ann"), "--to", BEN, text)
    pair.run(send, "--home", pair.home("ann"), "--to", "+4915112340000", "to nobody")
    every = pair.run(history, "--home", pair.home("ann"), "--json").objects
    assert [entry["text"] for entry in every] == ["one", "two", "to nobody"]
    assert every[2]["error"] == "unknown-user"
    with_ben = pair.run(history, "--home", pair.home("ann"), "--with", BEN, "--limit", 1, "--json").objects
    assert [entry["text"] for entry in with_ben] == ["two"]


def test_a_folder_that_is_no_phone_says_so_and_stays_as_it_is(desk: Desk) -> None:
    outcome = desk.run(history, "--home", desk.home("nobody"))
    assert outcome.status == 2
    assert outcome.err.startswith("error: no-account: ")
    assert list(desk.folder.iterdir()) == []
