"""What is on its way to the disk: waited for by a successor, void as a whole when one of it failed."""

from typing import cast

import trio

from actors import ActorRef
from protocol import DeviceAddress, DeviceId, ErrorCode, MessageNumber, UserId
from relay.deliveries import Deliveries
from relay.device_queue import DeviceQueue
from relay.flight import COMMITTED, ExpirySettled, Flight, MessagesSettled, refusal_of
from relay.journal import RelayJournal
from relay.metrics import Counters
from relay.outgoing import Outgoing
from relay.presence import Presence
from relay.senders import SenderState
from storage import Journal, JournalFullError, StorageFullError
from storage.mailboxes import DeviceCursor
from storage.progress import Progress

ANNA = DeviceAddress(UserId(9), DeviceId(1))


class FakeOutgoing:
    """A connection that remembers what it was told."""

    def __init__(self) -> None:
        self.refusals: list[tuple[int, ErrorCode]] = []
        self.end: ErrorCode | None = None

    def voided(self, _user: UserId, first: MessageNumber, last: MessageNumber, code: ErrorCode) -> None:
        self.refusals += [(number, code) for number in range(first, last + 1)]

    def replaces(self, source: object) -> bool:
        return source is not self

    def close(self, code: ErrorCode) -> None:
        self.end = code

    def accepted(self, _user: UserId, number: MessageNumber) -> None:
        """Not looked at."""


class FakeMailbox:
    """An actor that remembers what it was told."""

    def __init__(self) -> None:
        self.is_alive = True
        self.told: list[object] = []

    def tell_nowait(self, message: object) -> None:
        self.told.append(message)


class FakeDoor:
    """The outgoing side of a mailbox, which remembers what became durable."""

    def __init__(self) -> None:
        self.landed: list[list[tuple[DeviceQueue, int]]] = []

    def land(self, landed: list[tuple[DeviceQueue, int]]) -> None:
        self.landed.append(landed)


class FullJournal:
    """A journal that has no room."""

    failure = None

    def submit(self, _ops: object, _done: object) -> None:
        raise JournalFullError(1, 1)


SOURCE = cast("Outgoing", FakeOutgoing())


def make_flight(count: int = 0, presence: Presence | None = None) -> Flight:
    flight = Flight(
        UserId(7),
        RelayJournal(cast("Journal", FullJournal())),
        (presence or Presence()).of_device,
        Counters(),
    )
    flight.count = count
    return flight


def make_queue(device: int = 1) -> DeviceQueue:
    address = DeviceAddress(UserId(7), DeviceId(device))
    return DeviceQueue(address, DeviceCursor(), window_messages=8, window_bytes=8_000)


def settled(flight: Flight, number: int, *queues: DeviceQueue) -> MessagesSettled:
    return MessagesSettled(flight, ANNA, SOURCE, number, number, SenderState(Progress()), queues)


def live_in(flight: Flight, mailbox: FakeMailbox) -> FakeDoor:
    door = FakeDoor()
    flight.mailbox, flight.door = cast("ActorRef", mailbox), cast("Deliveries", door)
    return door


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


def test_what_the_journal_does_not_take_voids_what_is_in_memory() -> None:
    flight = make_flight()
    assert isinstance(flight.submit([], flight.settled), JournalFullError)
    assert flight.failed
    assert flight.count == 0


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


def test_what_is_durable_is_delivered_at_once_to_each_queue_that_has_got_it() -> None:
    flight, old, new = make_flight(2), make_queue(1), make_queue(2)
    door = live_in(flight, FakeMailbox())
    settled(flight, 1, old)(None)
    settled(flight, 2, old, new)(None)
    assert door.landed == [[(old, 1)], [(old, 1), (new, 1)]]
    assert flight.counters.accepted == 2


def test_what_becomes_durable_after_a_mailbox_has_died_is_left_to_its_successor() -> None:
    flight, mailbox, queue = make_flight(1), FakeMailbox(), make_queue()
    door = live_in(flight, mailbox)
    mailbox.is_alive = False
    settled(flight, 1, queue)(None)
    assert door.landed == []
    assert flight.count == 0


def test_a_mailbox_is_woken_once_for_what_it_has_to_look_at() -> None:
    flight, mailbox = make_flight(), FakeMailbox()
    live_in(flight, mailbox)
    flight.wake()
    flight.wake()
    assert mailbox.told == [COMMITTED]
    flight.take_committed()
    flight.wake()
    assert mailbox.told == [COMMITTED, COMMITTED]


def test_a_failure_is_told_to_the_connection_on_which_the_messages_came() -> None:
    presence, source = Presence(), FakeOutgoing()
    flight = make_flight(1, presence)
    presence.login(ANNA, cast("Outgoing", source))
    MessagesSettled(flight, ANNA, cast("Outgoing", source), 4, 5, SenderState(Progress()), ())(
        StorageFullError("")
    )
    assert source.refusals == [(4, ErrorCode.STORAGE_FULL), (5, ErrorCode.STORAGE_FULL)]
    assert source.end is None


def test_a_connection_that_waits_for_a_tick_that_will_not_come_has_to_begin_anew() -> None:
    """It took the place of the one on which the messages came, and has sent them again, as duplicates."""
    presence, source, present = Presence(), FakeOutgoing(), FakeOutgoing()
    flight = make_flight(1, presence)
    presence.login(ANNA, cast("Outgoing", present))
    MessagesSettled(flight, ANNA, cast("Outgoing", source), 4, 4, SenderState(Progress()), ())(
        StorageFullError("")
    )
    assert present.refusals == []
    assert present.end is ErrorCode.STORAGE_FULL


def test_what_expired_is_counted_once_it_is_durably_gone() -> None:
    flight = make_flight(2)
    flight.expiring = True
    ExpirySettled(flight, {}, 3)(None)
    assert not flight.expiring
    assert flight.counters.expired == 3
    ExpirySettled(flight, {}, 3)(JournalFullError(1, 1))
    assert flight.failed
    assert flight.counters.expired == 3
