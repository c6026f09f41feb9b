"""The address book by its command: files, numbers, names, and a relay that asks for patience."""

import json
from pathlib import Path

import pytest

from client.cli import contacts, history, send
from tests.client.cli.conftest import Desk
from tests.client.conftest import BEN

BOOK = """BEGIN:VCARD
VERSION:3.0
FN:Ben Example
TEL;TYPE=CELL:01511 2345679
END:VCARD
BEGIN:VCARD
FN:Clara
TEL:0151 abc
TEL:+49 171 3920003
END:VCARD
"""


def book(desk: Desk, text: str = BOOK, name: str = "book.vcf") -> Path:
    (file := desk.folder / name).write_text(text)
    return file


def test_a_file_is_read_and_whoever_of_it_is_here_is_found(pair: Desk) -> None:
    outcome = pair.run(contacts, "sync", "--home", pair.home("ann"), book(pair))
    assert outcome.status == 0
    assert outcome.out == "2 people with 2 numbers read\n2 numbers in the book, 1 of them here\n"
    assert outcome.err == "line 8: 0151 abc is not a phone number: it has letters in it (skipped)\n"
    listed = pair.run(contacts, "list", "--home", pair.home("ann"))
    assert listed.out == "Ben Example  +49 1511 2345679  here\nClara  +49 171 3920003  not found\n"
    here = pair.run(contacts, "list", "--home", pair.home("ann"), "--here", "--json").objects
    assert here == [{"phone": BEN, "name": "Ben Example", "found": True, "asked": True}]


def test_machines_are_told_every_step(pair: Desk) -> None:
    outcome = pair.run(contacts, "sync", "--home", pair.home("ann"), book(pair), "--json")
    read, *progress, done = outcome.objects
    assert (read["event"], read["people"], read["numbers"]) == ("read", 2, 2)
    assert [bad["line"] for bad in read["skipped"]] == [8]
    assert progress == [{"event": "progress", "asked": 2, "of": 2}]
    assert done == {"event": "done", "contacts": 2, "found": 1, "left": 0, "wait_s": 0}


def test_no_name_leaves_the_phone_and_history_shows_it(pair: Desk) -> None:
    home = pair.home("ann")
    pair.run(contacts, "sync", "--home", home, book(pair))
    assert not any(b"Example" in repr(event).encode() for event in pair.relay.heard)
    assert pair.run(send, "--home", home, "--to", BEN, "hello").status == 0
    assert "you → Ben Example  hello" in pair.run(history, "--home", home).out
    (entry,) = pair.run(history, "--home", home, "--json").objects
    assert entry["contact_name"] == "Ben Example"


def test_a_number_is_added_by_hand_in_national_writing_and_removed(pair: Desk) -> None:
    home = pair.home("ann")
    added = pair.run(contacts, "add", "--home", home, "01511 2345679", "--name", "Ben")
    assert (added.status, added.out) == (0, "Ben  +49 1511 2345679  here\n")
    abroad = pair.run(contacts, "add", "--home", home, "(202) 555-0143", "--region", "us", "--json")
    assert abroad.objects == [{"phone": "+12025550143", "name": None, "found": False, "asked": True}]
    for words, answer in ((BEN, "removed"), (BEN, "was not in the book")):
        assert pair.run(contacts, "remove", "--home", home, words).out == f"+49 1511 2345679  {answer}\n"


def test_a_relay_that_asks_for_patience_is_asked_again_later(pair: Desk) -> None:
    home, relay = pair.home("ann"), pair.relay
    relay.lookups_left = 0
    outcome = pair.run(contacts, "sync", "--home", home, book(pair))
    assert outcome.status == 3
    assert "error: wait: the relay wants to be asked again in 10 minutes" in outcome.err
    assert "2 numbers are not asked about" in outcome.err
    assert "not asked yet" in pair.run(contacts, "list", "--home", home).out


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("sync", "missing.vcf"), "unreadable-contacts"),
        (("add", "12"), "invalid-number"),
        (("add", BEN, "--region", "XX"), "invalid-input"),
    ],
)
def test_what_cannot_be_is_refused_by_name(pair: Desk, words: tuple[str, ...], error: str) -> None:
    outcome = pair.run(contacts, *words, "--home", pair.home("ann"))
    assert outcome.status == 2
    assert outcome.err.startswith(f"error: {error}: ")


def test_only_some_of_many_bad_lines_are_named_and_machines_get_all(pair: Desk) -> None:
    file = book(pair, "Name,Phone\n" + "x,12\n" * 50 + f"Ben,{BEN}\n", "book.csv")
    outcome = pair.run(contacts, "sync", "--home", pair.home("ann"), file)
    assert outcome.err.count("(skipped)") == 20
    assert "... and 30 more" in outcome.err
    machine = pair.run(contacts, "sync", "--home", pair.home("ann"), file, "--json").out
    assert len(json.loads(machine.splitlines()[0])["skipped"]) == 50
