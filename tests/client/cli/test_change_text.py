from dataclasses import replace

import pytest

from client.cli.change_text import change_text, now_text
from client.events import MessageChanged
from client.records import EntryKind
from protocol.e2e import Change, Deletion, Edit, MessageRef, Reaction
from protocol.ids import UserId
from tests.client.cli.test_entries import BEN, entry

ID = b"\x01" * 8
WHO = "Ben"
REF = MessageRef(UserId(7), ID)


def event(change: Change) -> MessageChanged:
    return MessageChanged(ID.hex(), UserId(7), BEN, change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Reaction(ID, 7, REF, "👍"), "reacted 👍 to “hello”"),
        (Reaction(ID, 7, REF), "took back a reaction to “hello”"),
        (Edit(ID, 7, ID, "hi"), "wants to edit a message, which is not here or too old for it"),
        (Deletion(ID, 7, ID), "wants to delete “hello”, which is too old for it"),
    ],
)
def test_what_was_done_is_said_in_words(change: Change, said: str) -> None:
    assert change_text(event(change), entry(), WHO) == f"{WHO} {said}"


def test_an_edit_and_a_deletion_that_were_obeyed_are_told_as_done() -> None:
    edited = replace(entry("hi"), is_edited=True)
    assert change_text(event(Edit(ID, 7, ID, "hi")), edited, WHO).endswith("edited a message: hi  (edited)")
    deleted = entry(None, kind=EntryKind.DELETED)
    assert change_text(event(Deletion(ID, 7, ID)), deleted, WHO).endswith("deleted a message")


def test_a_reaction_to_what_is_not_here_and_a_hostile_one_are_harmless() -> None:
    assert change_text(event(Reaction(ID, 7, REF, "\x1b[2J")), None, WHO).endswith(
        "reacted \ufffd[2J to a message"
    )


def test_how_a_message_reads_now_is_said_in_words() -> None:
    assert now_text(replace(entry("hi"), is_edited=True)) == "now: hi  (edited)"
