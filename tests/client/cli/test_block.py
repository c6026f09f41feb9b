from client.cli import block, send
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN, BEN


def test_a_number_is_blocked_listed_and_unblocked(pair: Desk) -> None:
    home = pair.home("ann")
    (facts,) = pair.run(block, "add", "--home", home, BEN, "--json").objects
    assert (facts["phone"], facts["blocked"], facts["stored"]) == (BEN, True, True)
    user, ben = pair.relay.device_of(ANN).address.user, pair.relay.device_of(BEN).address.user
    assert list(pair.relay.blocked[user]) == [ben]
    assert pair.run(block, "list", "--home", home).out == "+49 1511 2345679  blocked\n"
    assert pair.run(block, "remove", "--home", home, BEN).out == "+49 1511 2345679  not blocked\n"
    assert list(pair.relay.blocked[user]) == []
    assert pair.run(block, "list", "--home", home).out == ""


def test_nothing_is_written_to_somebody_who_is_blocked(pair: Desk) -> None:
    home = pair.home("ann")
    pair.run(block, "add", "--home", home, BEN)
    outcome = pair.run(send, "--home", home, "--to", BEN, "hello")
    assert outcome.status == 2
    assert outcome.err.startswith("error: blocked: ")


def test_a_number_that_nobody_has_is_refused_by_name(pair: Desk) -> None:
    outcome = pair.run(block, "add", "--home", pair.home("ann"), "+4915112340000")
    assert (outcome.status, outcome.err) == (
        3, "error: unknown-user: There is no such user on this relay.\n",
    )  # fmt: skip
    assert pair.run(block, "add", "--home", pair.home("ann"), "12").status == 2
