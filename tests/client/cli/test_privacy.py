from client.cli import privacy
from tests.client.cli.conftest import Desk


def test_how_things_stand_is_shown_to_people_and_to_machines(pair: Desk) -> None:
    home = pair.home("ann")
    shown = pair.run(privacy, "--home", home)
    assert shown.status == 0
    assert [line.split() for line in shown.out.splitlines()] == [
        ["last-seen", "everyone"],
        ["read-receipts", "everyone"],
        ["profile", "everyone"],
        ["discoverable", "everyone"],
    ]
    (facts,) = pair.run(privacy, "show", "--home", home, "--json").objects
    assert facts == {
        "last_seen": "everyone", "read_receipts": "everyone", "profile": "everyone",
        "discoverable": "everyone", "stored": True,
    }  # fmt: skip


def test_a_choice_reaches_the_relay_and_leaves_the_rest_as_it_was(pair: Desk) -> None:
    home = pair.home("ann")
    (facts,) = pair.run(
        privacy, "--home", home, "set", "last-seen=contacts", "profile=nobody", "--json"
    ).objects
    assert (facts["last_seen"], facts["read_receipts"], facts["profile"]) == (
        "contacts",
        "everyone",
        "nobody",
    )
    assert facts["stored"]
    assert [str(each) for each in next(iter(pair.relay.privacy.values()))] == [
        "contacts",
        "everyone",
        "nobody",
        "everyone",
    ]


def test_who_finds_one_by_the_number_can_be_said_in_short(pair: Desk) -> None:
    home = pair.home("ann")
    facts = pair.run(privacy, "--home", home, "--discoverable", "nobody", "--json").objects[0]
    assert (facts["discoverable"], facts["profile"], facts["stored"]) == ("nobody", "everyone", True)
    assert pair.run(privacy, "--home", home).out.splitlines()[-1].split() == ["discoverable", "nobody"]


def test_what_does_not_exist_is_refused_with_what_there_is(pair: Desk) -> None:
    home = pair.home("ann")
    unknown = pair.run(privacy, "--home", home, "set", "shoe-size=42")
    assert (unknown.status, unknown.err) == (
        2, "error: invalid-input: 'shoe-size' is none of last-seen, read-receipts, profile, discoverable\n",
    )  # fmt: skip
    nobody = pair.run(privacy, "--home", home, "set", "profile=friends")
    assert "everyone, contacts, nobody, not 'friends'" in nobody.err
    assert pair.run(privacy).status == 2
    assert pair.run(privacy, "--home", pair.home("nowhere")).status == 2
