"""The history on a new device: newest first, in order, once, whatever interrupts it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from client.history_transfer import HISTORY_SECONDS, MAX_UNDER_WAY
from client.records import MessageState
from tests.client.household import Household, lines


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Household]:
    household = Household(tmp_path)
    yield household
    household.close()


def talk(home: Household, count: int, size: int = 10) -> None:
    """A conversation before there was a companion."""
    home.off.append(home.pad)
    for number in range(count):
        speaker, other = (home.bob, home.alice) if number % 2 else (home.alice, home.bob)
        speaker.store.queue_text(other.user, f"{number} {'x' * size}")
        home.run()
    home.bob.store.mark_seen()
    home.bob.store._database.execute("UPDATE messages SET state = 8 WHERE kind = 32")
    home._waiting.clear()
    home.off.clear()
    home.gives_history = True


def test_a_new_device_gets_the_history_as_it_is_without_being_asked(home: Household) -> None:
    talk(home, 6)
    home.run()
    assert home.pad.store.transfer.transfers() == []  # only the primary gives
    assert lines(home.pad.store) == lines(home.bob.store)
    assert home.pad.store.unread() == []
    arrival = home.pad.store.transfer.arrival()
    assert arrival is not None
    assert (arrival.received, arrival.total, arrival.is_done) == (6, 6, True)


def test_it_comes_in_portions_before_what_is_there(home: Household) -> None:
    talk(home, 12, size=10_000)
    home.alice.store.queue_text(home.bob.user, "after the link")
    home.run()
    home.bob.store.transfer.begin(home.pad.device)
    home.run()
    assert lines(home.pad.store) == lines(home.bob.store)
    assert home.bob.store._database.value("SELECT count(*) FROM messages WHERE for_device = 2") >= 4


def test_only_so_much_is_under_way(home: Household) -> None:
    talk(home, 12, size=10_000)
    home.bob.store.transfer.begin(home.pad.device)
    queued = [len(home.bob.store.transfer.fill()) for _ in range(MAX_UNDER_WAY + 1)]
    assert queued == [1, 1, 0]
    home.run()
    assert lines(home.pad.store) == lines(home.bob.store)


def test_either_side_may_be_killed_in_between(home: Household) -> None:
    talk(home, 12, size=10_000)
    home.bob.store.transfer.begin(home.pad.device)
    home.bob.store.transfer.fill()
    home.bob.reopen()
    home._send(home.bob)
    home.bob.reopen()
    home._hear(home.pad)
    home.pad.reopen()
    home.run()
    assert lines(home.pad.store) == lines(home.bob.store)
    assert home.bob.store.transfer.transfers()[0].is_done


def test_begun_twice_it_goes_once(home: Household) -> None:
    talk(home, 4)
    home.bob.store.transfer.begin(home.pad.device)
    home.bob.store.transfer.begin(home.pad.device)
    home.run()
    home.bob.store.transfer.begin(home.pad.device)
    home.run()
    assert lines(home.pad.store) == lines(home.bob.store)
    assert len(home.bob.store.transfer.transfers()) == 1


def test_what_is_too_old_stays_where_it_is(home: Household) -> None:
    talk(home, 2)
    home.bob.clock.time += HISTORY_SECONDS + 1
    home.bob.store.transfer.begin(home.pad.device)
    home.run()
    assert lines(home.pad.store) == []
    (transfer,) = home.bob.store.transfer.transfers()
    assert (transfer.done, transfer.total, transfer.is_done) == (0, 0, True)


def test_a_transfer_to_a_device_that_is_gone_ends(home: Household) -> None:
    talk(home, 2)
    home.bob.store.transfer.begin(home.pad.device)
    home.bob.store._database.execute("UPDATE peer_devices SET active = 0 WHERE device = 2")
    assert home.bob.store.transfer.fill() == []
    assert home.bob.store.transfer.transfers() == []


def test_edits_and_reactions_come_along_and_what_waits_does_not(home: Household) -> None:
    home.off.append(home.pad)
    message_id = home.bob.store.queue_text(home.alice.user, "one")
    home.run()
    home.bob.store.compose.edit(message_id, "uno")
    home.bob.store.compose.reaction(message_id, "x")
    home.run()
    home.bob.store._database.execute("UPDATE messages SET state = 8 WHERE kind = 32")
    home._waiting.clear()
    home.off.append(home.alice)
    home.bob.store.queue_text("+4930999", "waits")
    home.off.clear()
    home.gives_history = True
    home.run()
    (entry,) = home.pad.store.history()
    assert (entry.text, entry.is_edited, len(entry.reactions)) == ("uno", True, 1)
    assert entry.state is not MessageState.PENDING
