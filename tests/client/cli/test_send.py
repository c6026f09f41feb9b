import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from actors.ports import system_clock, system_entropy
from client.cli import history, send
from client.store import Store
from protocol.codes import ErrorCode
from protocol.ids import MessageNumber
from protocol.noise.primitives import KeyPair
from tests.client.cli.conftest import Desk
from tests.client.conftest import BEN


def test_a_message_that_was_accepted_ends_with_zero_and_its_tick(pair: Desk) -> None:
    outcome = pair.run(send, "--home", pair.home("ann"), "--to", BEN, "hello")
    assert (outcome.status, outcome.out) == (0, "✓ accepted: +49 1511 2345679\n")


def test_a_machine_is_told_id_recipient_state_and_time(pair: Desk) -> None:
    outcome = pair.run(send, "--home", pair.home("ann"), "--to", BEN, "hello", "--json")
    (told,) = outcome.objects
    assert list(told) == ["id", "to", "state", "at"]
    assert (told["to"], told["state"]) == (BEN, "accepted")
    assert len(told["id"]) == 16


def test_a_refusal_ends_with_three_and_its_name(pair: Desk) -> None:
    pair.relay.refusals = [(ErrorCode.MESSAGE_TOO_LARGE, None)]
    outcome = pair.run(send, "--home", pair.home("ann"), "--to", BEN, "hello")
    assert (outcome.status, outcome.err) == (
        3,
        "error: message-too-large: The message is larger than the relay accepts.\n",
    )


def test_a_number_that_nobody_has_is_refused(pair: Desk) -> None:
    outcome = pair.run(send, "--home", pair.home("ann"), "--to", "+4915112340000", "hello")
    assert (outcome.status, outcome.err[:20]) == (3, "error: unknown-user:")


def test_when_the_time_is_up_the_message_stays_and_goes_out_next_time(pair: Desk) -> None:
    pair.relay.loses_accepted = True
    outcome = pair.run(send, "--home", pair.home("ann"), "--to", BEN, "hello", "--timeout", 0.5, "--json")
    assert outcome.status == 4
    assert outcome.objects[0]["state"] == "pending"
    assert "it stays in the outbox" in outcome.err
    pair.relay.loses_accepted = False
    assert pair.run(send, "--home", pair.home("ann"), "--to", BEN, "again").status == 0
    entries = pair.run(history, "--home", pair.home("ann"), "--json").objects
    assert [(entry["text"], entry["state"]) for entry in entries] == [
        ("hello", "accepted"),
        ("again", "accepted"),
    ]


def test_a_message_that_expired_is_shown_as_such_in_the_history(pair: Desk) -> None:
    message_id = pair.run(send, "--home", pair.home("ann"), "--to", BEN, "hello", "--json").objects[0]["id"]
    with Store.open(Path(pair.home("ann")), system_entropy, system_clock) as store:
        entry = store.entry(message_id)
        assert entry is not None
        assert entry.user is not None
        store.mark_expired(entry.user, MessageNumber(1), MessageNumber(1))
    (line,) = pair.run(history, "--home", pair.home("ann"), "--json").objects
    assert line["state"] == "expired"
    assert "✗ expired" in pair.run(history, "--home", pair.home("ann")).out


@pytest.mark.slow  # time enough to be accepted on a busy machine
def test_an_accepted_message_that_nobody_fetches_is_not_delivered_in_time(pair: Desk) -> None:
    words = ("--home", pair.home("ann"), "--to", BEN, "hello", "--until", "delivered", "--timeout", 2.5)
    outcome = pair.run(send, *words)
    assert outcome.status == 4
    assert outcome.err == "error: time-is-up: not delivered within 2.5 s; it is accepted\n"


@pytest.mark.slow
def test_it_waits_for_the_tick_that_was_asked_for(pair: Desk) -> None:
    heard: list[int] = []
    ear = _in_background(pair, heard, "ben", "--count", 1, "--timeout", 20)
    outcome = pair.run(send, "--home", pair.home("ann"), "--to", BEN, "hello", "--until", "read", "--json")
    ear.join()
    assert outcome.status == 0
    assert [told["state"] for told in outcome.objects if "state" in told] == ["read"]
    assert heard == [0]


@pytest.mark.slow
def test_it_works_while_another_command_is_the_phone(pair: Desk) -> None:
    heard: list[int] = []
    holder = _in_background(pair, heard, "ann", "--timeout", 3)
    outcome = pair.run(send, "--home", pair.home("ann"), "--to", BEN, "hello", "--json")
    holder.join()
    assert outcome.status == 0
    assert heard == [0]


def test_another_relay_at_the_old_address_is_refused(pair: Desk) -> None:
    pair.relay.static = KeyPair.generate(pair.relay.entropy)
    outcome = pair.run(send, "--home", pair.home("ann"), "--to", BEN, "hello")
    assert outcome.status == 3
    assert "does not hold the key that this home has pinned" in outcome.err


@pytest.mark.parametrize(
    ("home", "to", "text", "name"),
    [
        ("nobody", BEN, "hello", "no-account"),
        ("ann", "12", "hello", "invalid-number"),
        ("ann", BEN, "x" * 20_000, "text-too-long"),
        ("ann", BEN, " ", "invalid-input"),
    ],
)
def test_wrong_usage_ends_with_two(pair: Desk, home: str, to: str, text: str, name: str) -> None:
    outcome = pair.run(send, "--home", pair.home(home), "--to", to, text)
    assert outcome.status == 2
    assert outcome.err.startswith(f"error: {name}: ")
    assert not Path(pair.home("nobody")).exists()


def _in_background(desk: Desk, statuses: list[int], name: str, *words: object) -> threading.Thread:
    """Run ``listen`` as another process would, until it holds the home."""
    known = len(desk.relay.lines)
    process = subprocess.Popen(
        [sys.executable, "-m", "roost", "listen", "--home", desk.home(name), "--json", *map(str, words)],
        stdout=subprocess.DEVNULL,
    )

    def wait() -> None:
        statuses.append(process.wait(30))

    thread = threading.Thread(target=wait)
    thread.start()
    while len(desk.relay.lines) <= known:
        assert process.poll() is None
        time.sleep(0.02)  # another process: there is no event to wait for
    return thread


def test_an_answer_a_contact_and_a_place_are_in_the_history_of_machines(pair: Desk) -> None:
    home = pair.home("ann")
    (first,) = pair.run(send, "--home", home, "--to", BEN, "hello", "--json").objects
    for words in (
        ("--reply-to", first["id"], "again"),
        ("--contact", "+4930222222"),
        ("--location", "52.5163,-13.3777,Gate"),
    ):
        assert pair.run(send, "--home", home, "--to", BEN, *words).status == 0
    answer, contact, place = pair.run(history, "--home", home, "--json").objects[1:]
    assert answer["reply_to"] == first["id"]
    assert contact["contact"] == {"name": "+49 30 222222", "phones": ["+4930222222"]}
    assert place["location"] == {"latitude": 52.5163, "longitude": -13.3777, "name": "Gate"}


def test_a_text_beside_a_place_is_wrong_usage(pair: Desk) -> None:
    outcome = pair.run(send, "--home", pair.home("ann"), "--to", BEN, "here", "--location", "1,2")
    assert outcome.status == 2
