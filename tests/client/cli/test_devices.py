"""``roost devices``: what it shows, and what it refuses before anything is said to the relay."""

from client.cli import devices
from tests.client.cli.conftest import Desk


def test_the_list_shows_the_phone_itself_and_a_name_can_be_given(pair: Desk) -> None:
    home = pair.home("ann")
    (facts,) = pair.run(devices, "list", "--home", home, "--json").objects
    (only,) = facts["devices"]
    assert (only["is_primary"], only["is_this"], only["name"]) == (True, True, None)
    number = only["device"]
    assert pair.run(devices, "rename", "--home", home, number, "Phone").status == 0
    shown = pair.run(devices, "list", "--home", home)
    assert shown.out.split() == [str(number), "Phone", "phone,", "this", "one"]


def test_a_name_that_is_none_and_a_device_that_is_not_there_are_refused(pair: Desk) -> None:
    home = pair.home("ann")
    for words in (("rename", "--home", home, 1, " "), ("rename", "--home", home, 77, "Kitchen")):
        outcome = pair.run(devices, *words)
        assert outcome.status == 2
        assert outcome.err.startswith("error: invalid-input: ")


def test_the_phone_itself_is_not_removed(pair: Desk) -> None:
    home = pair.home("ann")
    (facts,) = pair.run(devices, "list", "--home", home, "--json").objects
    outcome = pair.run(devices, "remove", "--home", home, facts["devices"][0]["device"])
    assert outcome.status == 2
    assert "roost account delete" in outcome.err


def test_what_is_no_code_is_told_at_once(pair: Desk) -> None:
    outcome = pair.run(devices, "link", "--home", pair.home("ann"), "hello")
    assert outcome.status == 2
    assert outcome.err.startswith("error: invalid-link-code: ")


def test_a_folder_without_an_account_is_named(desk: Desk) -> None:
    outcome = desk.run(devices, "list", "--home", desk.home("nobody"))
    assert outcome.status == 2
    assert outcome.err.startswith("error: no-account: ")
