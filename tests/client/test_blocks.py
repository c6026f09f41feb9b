from collections.abc import Iterator
from pathlib import Path

import pytest

from client.blocks import Blocks
from client.database import Database
from protocol.ids import UserId

ANN, BEN, EVE = UserId(7), UserId(8), UserId(9)


@pytest.fixture
def blocks(tmp_path: Path) -> Iterator[Blocks]:
    database = Database.open(tmp_path, "phone.sqlite")
    yield Blocks(database)
    database.close()


def test_what_was_said_last_holds_here_at_once_and_is_due_until_heard(blocks: Blocks) -> None:
    blocks.set(EVE, True)
    assert blocks.is_blocked(EVE)
    assert blocks.due() == ([EVE], [])
    blocks.set(EVE, False)
    assert not blocks.is_blocked(EVE)
    assert blocks.due() == ([], [EVE])
    blocks.heard([], [], [EVE])
    assert blocks.due() == ([], [])
    assert blocks.blocked() == []


def test_what_was_said_while_the_relay_was_told_otherwise_is_still_due(blocks: Blocks) -> None:
    blocks.set(EVE, True)
    told, _ = blocks.due()
    blocks.set(EVE, False)
    blocks.heard([EVE], told, [])
    assert not blocks.is_blocked(EVE)
    assert blocks.due() == ([], [EVE])


def test_what_the_relay_knows_from_elsewhere_is_taken_over(blocks: Blocks) -> None:
    blocks.set(EVE, True)
    blocks.heard([EVE], [EVE], [])
    blocks.heard([ANN, BEN], [], [])
    assert blocks.blocked() == [ANN, BEN]


def test_what_the_relay_refuses_was_never_said(blocks: Blocks) -> None:
    blocks.set(EVE, True)
    blocks.give_up_due()
    assert blocks.blocked() == []
    assert not blocks.is_due(EVE)
