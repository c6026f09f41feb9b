"""What is on its way to the disk: waited for by a successor, void as a whole when one of it failed."""

import trio

from protocol import DeviceAddress, DeviceId, ErrorCode, UserId
from relay.flight import Flight, MessagesSettled, refusal_of
from relay.metrics import Counters
from relay.presence import Presence
from relay.senders import SenderState
from storage import JournalFullError, StorageFullError
from storage.mailboxes import Progress

ANNA = DeviceAddress(UserId(9), DeviceId(1))


def make_flight(count: int = 0) -> Flight:
    flight = Flight(UserId(7), Presence(), Counters())
    flight.count = count
    return flight


def settled(flight: Flight, number: int) -> MessagesSettled:
    return MessagesSettled(flight, ANNA, number, number, SenderState(Progress()))


async def test_an_empty_flight_has_landed() -> None:
    await make_flight().landed()


async def test_a_successor_waits_for_the_last_submission(autojump_clock: trio.testing.MockClock) -> None:
    flight = make_flight(2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flight.landed)
        await trio.testing.wait_all_tasks_blocked()
        settled(flight, 1)(None)
        await trio.testing.wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 1
        settled(flight, 2)(None)
    assert flight.take_committed() == 2
    assert flight.take_committed() == 0


def test_what_is_durable_is_counted_for_the_mailbox_and_the_sender() -> None:
    flight = make_flight(1)
    done = settled(flight, 4)
    done(None)
    assert done.state.durable == 4
    assert flight.counters.accepted == 1
    assert not flight.failed


def test_one_failure_voids_the_flight_at_once() -> None:
    flight = make_flight(2)
    done = settled(flight, 4)
    done(StorageFullError("full"))
    assert flight.failed
    assert done.state.durable == 0
    assert flight.count == 1


def test_a_full_disk_and_a_full_journal_have_different_names() -> None:
    assert refusal_of(StorageFullError("full")) is ErrorCode.STORAGE_FULL
    assert refusal_of(JournalFullError(1, 1)) is ErrorCode.OVERLOADED
