"""The pure queue of one device: numbers, window, and memory or disk as the source of the next delivery."""

from protocol import DeviceAddress, DeviceId, MessageNumber, Seq, UserId
from relay.delivery import QueueState
from relay.device_queue import DeviceQueue
from storage import mailboxes
from storage.mailboxes import DeviceCursor, QueuedMessage

SENDER = DeviceAddress(UserId(7), DeviceId(1))
DEVICE = DeviceAddress(UserId(8), DeviceId(1))


def make_queue(*, acked: int = 0, next_seq: int = 1, window: int = 4, size: int = 1000) -> DeviceQueue:
    waiting = next_seq - 1 - acked
    cursor = DeviceCursor(Seq(next_seq), Seq(acked), waiting, 10 * waiting)
    return DeviceQueue(DEVICE, cursor, window_messages=window, window_bytes=size)


def online_queue(*, window: int = 4) -> DeviceQueue:
    queue = make_queue(window=window)
    queue.attach(given=0)
    queue.settle()
    return queue


def make_message(number: int, size: int = 10) -> QueuedMessage:
    return QueuedMessage(SENDER, MessageNumber(number), 1, 2, b"x" * size)


def append(queue: DeviceQueue, number: int) -> int:
    queue.append(make_message(number))
    return queue.cursor.next_seq - 1


def launch(queue: DeviceQueue, seq: int, size: int = 10) -> bool:
    return queue.launch(Seq(seq), make_message(seq, size))


def test_an_offline_queue_keeps_no_message_in_memory() -> None:
    queue = make_queue()
    assert append(queue, 1) == 1
    assert not queue.fresh
    assert queue.cursor.messages == 1


def durable(queue: DeviceQueue, count: int) -> None:
    queue.landed += count
    queue.take_landed()


def test_a_device_with_an_empty_queue_is_online_as_soon_as_it_attaches() -> None:
    assert online_queue().state is QueueState.ONLINE


def test_nothing_is_sent_before_it_is_durable() -> None:
    queue = online_queue()
    append(queue, 1)
    assert not queue.wants_delivery
    durable(queue, 1)
    assert queue.wants_delivery


def test_a_device_that_keeps_up_is_served_from_memory() -> None:
    queue = online_queue()
    append(queue, 1)
    durable(queue, 1)
    message = queue.next_fresh()
    assert message is not None
    assert message.number == 1
    assert launch(queue, 1)
    queue.settle()
    assert queue.state is QueueState.ONLINE


def test_a_device_with_a_backlog_is_served_from_disk_until_it_has_caught_up() -> None:
    queue = make_queue(next_seq=3)
    queue.attach(given=0)
    assert queue.state is QueueState.DRAINING
    assert queue.next_fresh() is None
    states = []
    for seq in (1, 2):
        launch(queue, seq)
        queue.settle()
        states.append(queue.state)
    assert states == [QueueState.DRAINING, QueueState.ONLINE]


def test_a_full_window_stops_deliveries_and_drops_the_copies() -> None:
    queue = online_queue(window=2)
    for number in (1, 2, 3):
        append(queue, number)
    durable(queue, 3)
    launch(queue, 1)
    launch(queue, 2)
    assert not queue.wants_delivery
    queue.settle()
    assert queue.state is QueueState.DRAINING
    assert not queue.fresh


def test_more_copies_than_the_window_are_not_kept() -> None:
    queue = online_queue(window=2)
    for number in (1, 2, 3):
        append(queue, number)
    assert queue.state is QueueState.DRAINING
    assert not queue.fresh


def test_the_window_counts_bytes_too_but_lets_one_message_through() -> None:
    queue = make_queue(next_seq=3, size=100)
    queue.attach(given=0)
    launch(queue, 1, size=60_000)
    assert not queue.wants_delivery
    queue.acknowledge(1)
    assert queue.wants_delivery


def test_an_acknowledgement_is_cumulative_and_opens_the_window() -> None:
    queue = make_queue(next_seq=6, window=3)
    queue.attach(given=0)
    for seq in (1, 2, 3):
        launch(queue, seq)
    assert not queue.wants_delivery
    assert [delivery.number for delivery in queue.acknowledge(2)[0]] == [1, 2]
    assert queue.cursor.acked_seq == 2
    assert queue.wants_delivery


def test_an_acknowledgement_of_what_was_never_sent_is_cut() -> None:
    queue = make_queue(next_seq=6)
    queue.attach(given=0)
    launch(queue, 1)
    assert len(queue.acknowledge(2**60)[0]) == 1
    assert queue.cursor.acked_seq == 1


def test_an_old_acknowledgement_changes_nothing() -> None:
    queue = make_queue(acked=5, next_seq=9)
    queue.attach(given=0)
    assert queue.acknowledge(3) == ([], [])
    assert queue.cursor.acked_seq == 5


def test_after_a_reconnect_delivery_starts_after_the_last_acknowledgement() -> None:
    queue = make_queue(next_seq=4)
    queue.attach(given=0)
    launch(queue, 1)
    launch(queue, 2)
    queue.acknowledge(1)
    queue.detach()
    assert queue.state is QueueState.OFFLINE
    queue.attach(given=1)
    assert queue.sent == 1
    assert launch(queue, 2)


def test_what_the_same_connection_was_given_is_not_sent_again() -> None:
    queue = make_queue(next_seq=4)
    queue.attach(given=2)
    assert not launch(queue, 1)
    assert not launch(queue, 2)
    assert launch(queue, 3)


def test_a_second_connection_of_the_device_starts_from_the_disk() -> None:
    queue = online_queue()
    append(queue, 1)
    queue.attach(given=0)
    assert queue.state is QueueState.DRAINING
    assert not queue.fresh


def test_what_has_expired_on_disk_is_skipped() -> None:
    queue = make_queue(next_seq=4)
    queue.attach(given=0)
    queue.nothing_left()
    queue.settle()
    assert queue.state is QueueState.ONLINE


def test_a_device_that_has_seen_more_than_was_given_away_moves_the_next_seq_above_it() -> None:
    queue = make_queue(next_seq=4)
    (op,) = queue.count_on_from(100)
    assert op == mailboxes.put_cursor(queue.address, queue.cursor)
    assert (queue.cursor.next_seq, queue.durable) == (101, 100)
    assert queue.count_on_from(100) == []


def test_a_device_that_has_seen_no_more_than_was_given_away_moves_nothing() -> None:
    queue = make_queue(next_seq=4)
    assert queue.count_on_from(3) == []
    assert (queue.cursor.next_seq, queue.durable) == (4, 3)


def test_what_the_device_was_given_already_is_not_too_old() -> None:
    queue = make_queue(next_seq=4)
    queue.attach(given=2)
    assert [queue.has_expired(seq, make_message(seq), now=2) for seq in (1, 2, 3)] == [False, False, True]
    assert not queue.has_expired(3, make_message(3), now=1)


def test_what_has_landed_counts_once() -> None:
    queue = online_queue()
    for number in (1, 2, 3):
        append(queue, number)
    durable(queue, 2)
    durable(queue, 0)
    assert (queue.durable, queue.landed) == (2, 0)
