from client.cli import forward, history, listen, send, view
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN, BEN


def test_a_message_is_viewed_once_and_both_sides_see_that_it_was(pair: Desk) -> None:
    ann, ben = pair.home("ann"), pair.home("ben")
    assert pair.run(send, "--home", ann, "--to", BEN, "--view-once", "for you alone").status == 0
    (event,) = pair.run(listen, "--home", ben, "--count", 1, "--json").objects
    assert (event["text"], event["view_once"]) == (None, "closed")
    for home in (ann, ben):
        shown = pair.run(history, "--home", home).out
        assert "to be viewed once" in shown
        assert "for you alone" not in shown + pair.run(history, "--home", home, "--json").out
    refused = pair.run(forward, "--home", ben, event["id"], "--to", ANN)
    assert (refused.status, refused.err.split(":")[1]) == (2, " not-possible")
    assert pair.run(view, "--home", ben, event["id"]).out == "for you alone\n"
    again = pair.run(view, "--home", ben, event["id"])
    assert (again.status, again.err) == (2, "error: already-opened: it has been opened, and is gone\n")
    assert "(opened)" in pair.run(history, "--home", ben).out
    # The word goes out with the next connection.
    assert pair.run(send, "--home", ben, "--to", ANN, "thanks").status == 0
    pair.run(listen, "--home", ann, "--count", 1, "--json")
    (first, *_) = pair.run(history, "--home", ann, "--json").objects
    assert first["view_once"] == "opened"


def test_ones_own_message_is_not_viewed(pair: Desk) -> None:
    (sent,) = pair.run(send, "--home", pair.home("ann"), "--to", BEN, "--view-once", "x", "--json").objects
    assert pair.run(view, "--home", pair.home("ann"), sent["id"]).status == 2
