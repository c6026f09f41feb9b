from client.cli import delete, history, send
from tests.client.cli.conftest import Desk
from tests.client.conftest import BEN


def test_a_deleted_message_leaves_a_line_that_says_so(pair: Desk) -> None:
    home = pair.home("ann")
    (sent,) = pair.run(send, "--home", home, "--to", BEN, "secret", "--json").objects
    assert pair.run(delete, "--home", home, sent["id"]).status == 0
    (shown,) = pair.run(history, "--home", home, "--json").objects
    assert (shown["text"], shown["deleted"]) == (None, True)
    assert "(this message was deleted)" in pair.run(history, "--home", home, "--ids").out


def test_deleting_it_again_is_refused(pair: Desk) -> None:
    home = pair.home("ann")
    (sent,) = pair.run(send, "--home", home, "--to", BEN, "secret", "--json").objects
    pair.run(delete, "--home", home, sent["id"])
    assert pair.run(delete, "--home", home, sent["id"]).status == 2
