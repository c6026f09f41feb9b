import re
import signal
import subprocess
import sys
import time

import pytest

from client.cli import history, listen, send
from tests.client.cli.conftest import Desk, Outcome
from tests.client.conftest import ANN, BEN

KINDS = ("delivered", "read")


def say(desk: Desk, sender: str, to: str, *texts: str) -> list[str]:
    """Send texts; returns the ids."""
    ids = []
    for text in texts:
        outcome = desk.run(send, "--home", desk.home(sender), "--to", to, text, "--json")
        assert outcome.status == 0
        ids.append(outcome.objects[0]["id"])
    return ids


def state_of_all(desk: Desk, name: str) -> list[str]:
    entries = desk.run(history, "--home", desk.home(name), "--json").objects
    return [entry["state"] for entry in entries]


def hear(desk: Desk, name: str, *words: object) -> Outcome:
    return desk.run(listen, "--home", desk.home(name), *words)


def test_each_message_is_one_object_on_one_line(pair: Desk) -> None:
    ids = say(pair, "ann", BEN, "one\ntwo", "grüße")
    outcome = hear(pair, "ben", "--count", 2, "--timeout", 20, "--json")
    assert outcome.status == 0
    assert [list(event) for event in outcome.objects] == [["event", "id", "from", "text", "sent_at"]] * 2
    assert [(event["id"], event["from"], event["text"]) for event in outcome.objects] == [
        (ids[0], ANN, "one\ntwo"),
        (ids[1], ANN, "grüße"),
    ]


def test_a_message_is_printed_once_whatever_is_asked_for_later(pair: Desk) -> None:
    say(pair, "ann", BEN, "one", "two", "three")
    first = hear(pair, "ben", "--count", 1, "--timeout", 20, "--json")
    rest = hear(pair, "ben", "--count", 2, "--timeout", 20, "--json")
    assert [event["text"] for event in first.objects + rest.objects] == ["one", "two", "three"]
    assert hear(pair, "ben", "--timeout", 0.5, "--json").out == ""


def test_what_came_in_while_sending_is_printed_by_the_next_listen(pair: Desk) -> None:
    say(pair, "ann", BEN, "are you there?")
    say(pair, "ben", ANN, "busy")  # receives it, and has no place to show it
    assert [event["text"] for event in hear(pair, "ben", "--count", 1, "--json").objects] == [
        "are you there?"
    ]


def test_fewer_messages_than_asked_for_in_time_end_with_four(pair: Desk) -> None:
    assert hear(pair, "ben", "--count", 1, "--timeout", 0.3).status == 4


def test_without_a_count_the_end_of_the_time_is_no_failure(pair: Desk) -> None:
    assert hear(pair, "ben", "--timeout", 0.3).status == 0


def test_people_see_time_name_and_text(pair: Desk) -> None:
    say(pair, "ann", BEN, "hello\x1b[2J")
    outcome = hear(pair, "ben", "--count", 1, "--timeout", 20)
    assert re.fullmatch(r"\d\d:\d\d    \+49 1511 2345678  hello\N{REPLACEMENT CHARACTER}\[2J\n", outcome.out)


def test_what_waits_in_the_outbox_goes_out_while_listening(pair: Desk) -> None:
    pair.relay.loses_accepted = True
    words = ("--home", pair.home("ann"), "--to", BEN, "hello", "--timeout", 0.3)
    assert pair.run(send, *words).status == 4
    pair.relay.loses_accepted = False
    while state_of_all(pair, "ann") != ["accepted"]:
        hear(pair, "ann", "--timeout", 0.5)


@pytest.mark.slow
def test_receipts_are_printed_as_they_come_and_a_signal_ends_it_in_good_order(pair: Desk) -> None:
    (message_id,) = say(pair, "ann", BEN, "hello")
    process = subprocess.Popen(
        [sys.executable, "-m", "roost", "listen", "--home", pair.home("ann"), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not any(device.line for device in pair.relay.devices.values()):
        time.sleep(0.05)
    hear(pair, "ben", "--count", 1, "--timeout", 20)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(2)]
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    for kind, line in zip(KINDS, lines, strict=True):
        assert f'"kind": "{kind}", "from": "{BEN}"' in line
    assert all(message_id in line for line in lines)
    assert (process.returncode, errors) == (130, "")
