import pytest

from client.cli import history, listen, rules
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN, BEN


def test_what_holds_in_a_chat_is_shown_chosen_and_told_to_the_other_side(pair: Desk) -> None:
    ann, ben = pair.home("ann"), pair.home("ben")
    (facts,) = pair.run(rules, "--home", ann, BEN, "--json").objects
    assert facts == {"chat": BEN, "disappear": 0, "keep_here": False, "told": True}
    chosen = pair.run(rules, "--home", ann, BEN, "--disappear", "7d", "--keep-here", "on")
    assert (chosen.status, chosen.out) == (0, "disappear  after 7 days\nkeep here  on\n")
    events = pair.run(listen, "--home", ben, "--count", 2, "--json").objects
    assert [event["rule"] for event in events] == [{"disappear": 604_800}, {"keep_here": True}]
    (facts,) = pair.run(rules, "--home", ben, ANN, "--json").objects
    assert (facts["disappear"], facts["keep_here"]) == (604_800, True)
    told = pair.run(history, "--home", ben, "--with", ANN).out
    assert "let new messages disappear after 7 days" in told
    assert "asked to keep this chat here" in told


def test_what_is_no_time_is_refused(pair: Desk) -> None:
    with pytest.raises(SystemExit):
        pair.run(rules, "--home", pair.home("ann"), BEN, "--disappear", "soon")


def test_a_number_that_nobody_has_is_refused_by_name(pair: Desk) -> None:
    outcome = pair.run(rules, "--home", pair.home("ann"), "+4915112340000", "--disappear", "7d")
    assert (outcome.status, outcome.err.split(":")[1]) == (3, " unknown-user")
