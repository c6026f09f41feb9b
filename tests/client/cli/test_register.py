import stat
from pathlib import Path

import pytest

from client.relay_url import RelayUrl
from protocol.codes import ErrorCode
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN
from tests.helpers.scripted_relay import CODE


def test_a_code_makes_the_folder_a_phone(desk: Desk) -> None:
    outcome = desk.register("ann", ANN, "--code", CODE, "--json")
    assert outcome.status == 0
    (account,) = outcome.objects
    assert account["phone"] == ANN
    assert account["relay"] == str(desk.relay.url)
    assert stat.S_IMODE(Path(desk.home("ann")).stat().st_mode) == 0o700


def test_people_are_told_what_to_type_next(desk: Desk) -> None:
    outcome = desk.register("ann", ANN)
    assert "is the phone +49 1511 2345678 now" in outcome.out
    assert "roost chat --home" in outcome.out


def test_the_code_is_read_from_the_gateways_file(desk: Desk) -> None:
    assert desk.register("ann", ANN, "--code-from", desk.code_file).status == 0


def test_a_code_sent_a_moment_ago_is_good_when_a_new_one_is_refused(desk: Desk) -> None:
    desk.write_code(ANN)
    desk.relay.code_refusal = (ErrorCode.WAIT, 40)
    assert desk.register("ann", ANN, "--code-from", desk.code_file).status == 0


def test_without_an_earlier_code_the_refusal_stands(desk: Desk) -> None:
    desk.relay.code_refusal = (ErrorCode.WAIT, 40)
    outcome = desk.register("ann", ANN, "--code-from", desk.code_file)
    assert outcome.status == 3
    assert outcome.err == "error: wait: Too soon; try again in 40 seconds.\n"


def test_a_wrong_code_is_refused_by_name(desk: Desk) -> None:
    outcome = desk.register("ann", ANN, "--code", "000000")
    assert outcome.status == 3
    assert outcome.err.startswith("error: invalid-code: ")


def test_without_a_terminal_and_without_a_code_one_is_sent_and_it_says_what_to_do(
    desk: Desk,
) -> None:
    outcome = desk.register("ann", ANN, "--json")
    assert outcome.status == 2
    assert "error: code-needed: " in outcome.err
    assert "--code CODE" in outcome.err
    assert desk.code_file.exists()
    assert desk.register("ann", ANN, "--code", CODE).status == 0


def test_a_number_that_is_active_elsewhere_needs_take_over_and_says_so(pair: Desk) -> None:
    refused = pair.register("new", ANN)
    assert refused.status == 3
    assert refused.err.startswith("error: account-exists: This number is active on another phone; ")
    assert "--take-over" in refused.err
    assert pair.register("new", ANN, "--code", CODE, "--take-over").status == 0


@pytest.mark.parametrize("via", ["sms", "voice"])
def test_the_way_of_the_code_is_chosen(desk: Desk, via: str) -> None:
    assert desk.register("ann", ANN, "--code-from", desk.code_file, "--via", via).status == 0
    assert desk.relay.code_routes == [via]


def test_a_folder_that_is_a_phone_already_says_so(pair: Desk) -> None:
    outcome = pair.register("ann", ANN)
    assert outcome.status == 2
    assert outcome.err.startswith("error: already-registered: ")
    assert ANN in outcome.err


def test_a_place_where_no_folder_can_be_is_named(desk: Desk) -> None:
    Path(desk.home("ann")).touch()
    outcome = desk.register("ann", ANN)
    assert outcome.status == 2
    assert outcome.err.startswith("error: home-unusable: ")


@pytest.mark.parametrize(
    ("phone", "reason"), [("0151", "must start with +"), ("+491", "too short"), ("+999123", "no country")]
)
def test_a_wrong_number_is_explained_before_anything_is_sent(desk: Desk, phone: str, reason: str) -> None:
    outcome = desk.register("ann", phone)
    assert outcome.status == 2
    assert outcome.err.startswith("error: invalid-number: ")
    assert reason in outcome.err
    assert desk.relay.lines == []


def test_a_relay_with_another_key_is_refused(desk: Desk) -> None:
    url = desk.relay.url
    desk.relay.url = RelayUrl(url.host, url.port, b"k" * 32)
    outcome = desk.register("ann", ANN)
    assert outcome.status == 3
    assert outcome.err.startswith(f"error: wrong-relay-key: the relay at {url.place} does not hold the key")


def test_a_wrong_address_is_explained(desk: Desk) -> None:
    desk.relay.url = "roost://127.0.0.1:5252"  # type: ignore[assignment] # as somebody would type it
    outcome = desk.register("ann", ANN)
    assert outcome.status == 2
    assert "the relay's key is missing" in outcome.err
