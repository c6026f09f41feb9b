import json
from pathlib import Path

import pytest

from client.cli import account
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN, BEN


def delete(desk: Desk, *words: object) -> tuple[int, str, str]:
    outcome = desk.run(account, "delete", "--home", desk.home("ann"), *words)
    return outcome.status, outcome.out, outcome.err


def numbers(desk: Desk) -> list[str]:
    """Who is registered."""
    return sorted(device.phone for device in desk.relay.devices.values())


def test_a_confirmed_deletion_is_one_and_the_history_stays(pair: Desk) -> None:
    assert delete(pair, "--confirm", ANN) == (0, "The relay has forgotten +49 1511 2345678.\n", "")
    assert numbers(pair) == [BEN]
    assert Path(pair.home("ann")).is_dir()


def test_the_folder_goes_too_if_that_is_asked_for(pair: Desk) -> None:
    assert delete(pair, "--confirm", ANN, "--local")[0] == 0
    assert not Path(pair.home("ann")).exists()


def test_machines_are_told_as_json(pair: Desk) -> None:
    outcome = pair.run(account, "delete", "--home", pair.home("ann"), "--confirm", ANN, "--json")
    assert outcome.objects == [{"deleted": ANN, "local": False}]


@pytest.mark.parametrize(
    ("words", "sentence"), [((), "nobody is here to type the number"), (("--confirm", BEN), "not the number")]
)
def test_what_is_not_confirmed_is_not_deleted(pair: Desk, words: tuple[str, ...], sentence: str) -> None:
    status, _, error = delete(pair, *words, "--local")
    assert (status, error[:22]) == (2, "error: not-confirmed: ")
    assert sentence in error
    assert numbers(pair) == sorted([ANN, BEN])
    assert Path(pair.home("ann")).is_dir()


def test_what_the_relay_keeps_is_printed_or_written_for_its_owner_alone(pair: Desk, tmp_path: Path) -> None:
    printed = pair.run(account, "export", "--home", pair.home("ann"))
    document = json.loads(printed.out)
    assert document["phone"] == ANN
    assert document["tables"] == {"users": [{"phone": ANN, "page": 0}, {"phone": ANN, "page": 4}]}
    file = tmp_path / "account.json"
    written = pair.run(account, "export", "--home", pair.home("ann"), "--to", file)
    assert written.out == f"2 rows in 1 tables, in {file}\n"
    assert json.loads(file.read_text())["tables"] == document["tables"]
    assert file.stat().st_mode & 0o777 == 0o600
    again = pair.run(account, "export", "--home", pair.home("ann"), "--to", file)
    assert (again.status, "is there already" in again.err) == (2, True)
    nowhere = pair.run(account, "export", "--home", pair.home("ann"), "--to", tmp_path / "no" / "where")
    assert (nowhere.status, "cannot be written: no such file" in nowhere.err) == (2, True)
