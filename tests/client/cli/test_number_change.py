"""`roost account change-number`: by code, by file, and again after an answer was lost."""

import pytest

from client.cli import account, history, listen, send
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN, BEN
from tests.helpers.scripted_relay import CODE

NEW = "+4915112345699"


def change(desk: Desk, *words: object) -> tuple[int, str, str]:
    outcome = desk.run(account, "change-number", "--home", desk.home("ann"), NEW, *words)
    return outcome.status, outcome.out, outcome.err


def test_the_number_is_changed_and_whoever_has_written_is_told(pair: Desk) -> None:
    pair.run(send, "--home", pair.home("ann"), "--to", BEN, "hello")
    status, out, err = change(pair, "--code-from", pair.code_file)
    assert (status, err) == (0, "")
    assert out.endswith("is the phone +49 1511 2345699 now; 1 person is told.\n")
    assert sorted(device.phone for device in pair.relay.devices.values()) == sorted([NEW, BEN])
    pair.run(listen, "--home", pair.home("ben"), "--count", "2", "--timeout", "10")
    shown = pair.run(history, "--home", pair.home("ben")).out
    assert "says: my number is +49 1511 2345699 now, it was +49 1511 2345678" in shown
    entry = pair.run(history, "--home", pair.home("ben"), "--json").objects[-1]
    assert entry["number_changed"] == {"old": ANN, "new": NEW}
    assert change(pair, "--code", CODE)[0] == 2  # it is the account's own now


def test_a_change_whose_answer_was_lost_is_finished_by_asking_again(pair: Desk) -> None:
    pair.relay.device_of(ANN).phone = NEW
    status, out, _ = change(pair)
    assert (status, "0 people are told" in out) == (0, True)


def test_a_wrong_code_changes_nothing(pair: Desk) -> None:
    status, _, err = change(pair, "--code", "000000")
    assert (status, err[:20]) == (3, "error: invalid-code:")
    assert pair.relay.device_of(ANN)


def test_where_nobody_can_type_a_code_it_is_said_how_to_go_on(pair: Desk) -> None:
    status, _, err = change(pair)
    assert (status, err[:19]) == (2, "error: code-needed:")


@pytest.mark.parametrize("number", [ANN, "12"])
def test_ones_own_number_and_what_is_none_are_refused(pair: Desk, number: str) -> None:
    outcome = pair.run(account, "change-number", "--home", pair.home("ann"), number)
    assert outcome.status == 2
