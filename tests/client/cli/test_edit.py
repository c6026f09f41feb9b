from client.cli import edit, history, send
from tests.client.cli.conftest import Desk
from tests.client.conftest import BEN


def test_an_edited_text_is_shown_in_its_new_wording(pair: Desk) -> None:
    home = pair.home("ann")
    (sent,) = pair.run(send, "--home", home, "--to", BEN, "helo", "--json").objects
    assert pair.run(edit, "--home", home, sent["id"], "hello").status == 0
    (shown,) = pair.run(history, "--home", home, "--json").objects
    assert (shown["text"], shown["edited"]) == ("hello", True)
    assert pair.run(history, "--home", home).out.endswith("hello  (edited)\n")


def test_an_empty_text_is_wrong_usage(pair: Desk) -> None:
    assert pair.run(edit, "--home", pair.home("ann"), "00" * 8, " ").status == 2
