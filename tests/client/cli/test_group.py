import pytest

from client.cli import group, history, listen, send
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN, BEN

CLEO = "+4915112345680"

pytestmark = pytest.mark.slow  # each command is a phone that connects


@pytest.fixture
def club(pair: Desk) -> Desk:
    """Ann, Ben and Cleo; Ann has made a group of them."""
    assert pair.register("cleo", CLEO).status == 0
    outcome = pair.run(group, "create", "--home", pair.home("ann"), "--name", "Friends", BEN, CLEO)
    assert outcome.status == 0, outcome.err
    return pair


def act(desk: Desk, action: str, name: str, *words: object) -> list[object]:
    return [action, "--home", desk.home(name), *words]


def test_a_group_is_made_listed_and_shown(club: Desk) -> None:
    (listed,) = club.run(group, *act(club, "list", "ann", "--json")).objects
    assert (listed["name"], listed["size"], listed["admin"], listed["standing"]) == (
        "Friends",
        3,
        True,
        "member",
    )
    shown = club.run(group, *act(club, "info", "ann", "friends")).out
    assert "you           member, admin" in shown
    assert "+49 1511 2345679" in shown


def test_a_message_to_a_group_by_its_name_is_heard_with_who_said_it_and_where(club: Desk) -> None:
    outcome = club.run(send, "--home", club.home("ann"), "--to", "Friends", "hello all", "--json")
    assert outcome.status == 0, outcome.err
    heard = club.run(listen, "--home", club.home("ben"), "--count", 2, "--timeout", 20, "--json").objects
    (said,) = [each for each in heard if each.get("text")]
    assert (said["from"], said["group_name"], said["text"]) == (ANN, "Friends", "hello all")
    (made,) = [each for each in heard if each.get("change")]
    assert made["change"]["step"] == "created"
    line = club.run(history, "--home", club.home("ann"), "--with", "Friends", "--json").objects[-1]
    assert (line["with"], line["state"]) == (said["group"], "accepted")


def test_people_are_removed_and_what_may_not_be_is_refused_in_a_sentence(club: Desk) -> None:
    removed = club.run(group, *act(club, "remove", "ann", "Friends", CLEO, "--json"))
    assert (removed.status, removed.objects[0]["size"]) == (0, 2)
    again = club.run(group, *act(club, "promote", "ann", "Friends", CLEO))
    assert (again.status, again.err[:20]) == (3, "error: not-a-member:")
    assert club.run(group, *act(club, "list", "ben")).status == 0
    nobody = club.run(group, *act(club, "info", "ann", "Enemies"))
    assert (nobody.status, nobody.err[:21]) == (3, "error: no-such-group:")


def test_a_link_is_shown_and_the_same_one_again_and_joined_by(club: Desk) -> None:
    club.run(group, *act(club, "remove", "ann", "Friends", CLEO))
    link = club.run(group, *act(club, "link", "ann", "Friends")).out.strip()
    assert link.startswith("roost-group:")
    assert club.run(group, *act(club, "link", "ann", "Friends")).out.strip() == link
    wrong = club.run(group, *act(club, "join", "cleo", "roost-group:nonsense"))
    assert (wrong.status, wrong.err[:20]) == (2, "error: invalid-input")
    # Who was removed is let in by an admin only.
    assert "asked to let you in" in club.run(group, *act(club, "join", "cleo", link)).out


def test_settings_are_changed_and_bind_others(club: Desk) -> None:
    words = ("Friends", "--name", "Old friends", "--only-admins-send", "on", "--json")
    changed = club.run(group, *act(club, "settings", "ann", *words))
    assert changed.status == 0, changed.err
    assert changed.objects[0]["settings"]["admins_send"]
    assert changed.objects[0]["name"] == "Old friends"
    club.run(listen, "--home", club.home("ben"), "--count", 3, "--timeout", 20)
    refused = club.run(send, "--home", club.home("ben"), "--to", "Old friends", "may I?")
    assert (refused.status, refused.err[:19]) == (3, "error: not-allowed:")


def test_who_leaves_is_no_member_and_may_not_write(club: Desk) -> None:
    left = club.run(group, *act(club, "leave", "ann", "Friends", "--json"))
    assert (left.status, left.objects[0]["standing"]) == (0, "left")
    refused = club.run(send, "--home", club.home("ann"), "--to", "Friends", "still here?")
    assert (refused.status, refused.err[:20]) == (3, "error: not-a-member:")
