from client.cli import history, react, send
from tests.client.cli.conftest import Desk
from tests.client.conftest import BEN


def test_a_reaction_is_sent_and_seen_and_can_be_taken_back(pair: Desk) -> None:
    home = pair.home("ann")
    (sent,) = pair.run(send, "--home", home, "--to", BEN, "hello", "--json").objects
    assert pair.run(react, "--home", home, sent["id"], "👍").status == 0
    (shown,) = pair.run(history, "--home", home, "--json").objects
    assert shown["reactions"] == [{"emoji": "👍", "direction": "out"}]
    assert pair.run(react, "--home", home, sent["id"], "--remove").status == 0
    (shown,) = pair.run(history, "--home", home, "--json").objects
    assert "reactions" not in shown


def test_neither_an_emoji_nor_remove_or_both_is_wrong_usage(pair: Desk) -> None:
    assert pair.run(react, "--home", pair.home("ann"), "00" * 8).status == 2
    assert pair.run(react, "--home", pair.home("ann"), "00" * 8, "👍", "--remove").status == 2


def test_a_message_that_is_not_there_is_named_as_the_error(pair: Desk) -> None:
    outcome = pair.run(react, "--home", pair.home("ann"), "00" * 8, "👍")
    assert (outcome.status, outcome.err[:23]) == (2, "error: no-such-message:")
