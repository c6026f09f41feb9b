"""The pure queue of one device: numbers, window, and memory or disk as the source of the next delivery."""

from protocol import DeviceAddress, DeviceId, GroupId, GroupSeq, MemberAddress, MessageNumber, Seq, UserId
from relay.delivery import QueueState
from relay.device_queue import DeviceQueue
from storage import mailboxes
from storage.mailboxes import CURSOR_CODEC, DeviceCursor, GroupMessage, Queued, QueuedMessage
from storage.tables import CURSORS, PAYLOADS, QUEUE, DeleteRange, Op, Put

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
    assert queue.is_next_fresh
    ((seq, message),) = queue.launch_fresh()
    assert (seq, message.number) == (1, 1)
    queue.settle()
    assert queue.state is QueueState.ONLINE


def test_a_device_with_a_backlog_is_served_from_disk_until_it_has_caught_up() -> None:
    queue = make_queue(next_seq=3)
    queue.attach(given=0)
    assert queue.state is QueueState.DRAINING
    assert not queue.is_next_fresh
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


def test_what_was_read_from_the_disk_leaves_memory_so_that_the_next_comes_from_there() -> None:
    queue = make_queue()
    queue.attach(given=0)
    append(queue, 1)  # not kept: nobody knows yet that the device has caught up
    queue.settle()
    append(queue, 2)
    durable(queue, 2)
    assert not queue.is_next_fresh
    launch(queue, 1)
    launch(queue, 2)  # one look at the disk has found both
    assert not queue.fresh
    append(queue, 3)
    durable(queue, 1)
    assert [seq for seq, _ in queue.launch_fresh()] == [3]


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


# ---- what fan-out rows bear ----


def said(gseq: int, *, expires_at: int = 2) -> GroupMessage:
    sender = MemberAddress(GroupId(7), SENDER.user, SENDER.device)
    return GroupMessage(sender, GroupSeq(gseq), MessageNumber(gseq), 1, expires_at, False, b"x" * 10)


def borne_queue(count: int, *, window: int = 8) -> DeviceQueue:
    """Online, with so many messages of a group that are durable in fan-out rows, and sent."""
    queue = online_queue(window=window)
    assert queue.bear([said(gseq) for gseq in range(1, count + 1)]) == 1
    durable(queue, count)
    assert len(queue.launch_fresh()) == count
    return queue


def rows_of(ops: list[Op]) -> list[int]:
    """The seqs of the rows that are written."""
    return [mailboxes.seq_of(op.key) for op in ops if isinstance(op, Put) and op.table == QUEUE]


def cursor_of(ops: list[Op]) -> DeviceCursor:
    *_, last = [op for op in ops if isinstance(op, Put) and op.table == CURSORS]
    return CURSOR_CODEC.unpack(last.key, last.value)


def test_what_is_borne_and_acknowledged_in_time_is_never_written() -> None:
    queue = borne_queue(3)
    assert queue.is_in_passing
    done, ops = queue.acknowledge(3)
    assert (len(done), ops) == (3, [])
    assert queue.is_unsettled
    settled = queue.put_cursor(3)
    assert rows_of(settled) == []
    assert cursor_of(settled) == DeviceCursor(Seq(4), Seq(3), 0, 0)
    assert not queue.is_unsettled


def test_a_cursor_is_written_with_rows_for_all_that_is_not_acknowledged_below_it() -> None:
    queue = borne_queue(3)
    queue.acknowledge(1)
    append(queue, 9)  # between two: it has a row of its own
    ops = queue.put_cursor()
    assert rows_of(ops) == [2, 3]
    assert [op.table for op in ops].count(PAYLOADS) == 2
    assert cursor_of(ops) == queue.cursor == DeviceCursor(Seq(5), Seq(1), 3, 30)
    assert not queue.is_in_passing


def test_what_came_later_may_stay_borne_when_the_rest_is_settled() -> None:
    queue = borne_queue(4)
    queue.acknowledge(1)
    ops = queue.put_cursor(2)
    assert rows_of(ops) == [2]
    assert cursor_of(ops) == DeviceCursor(Seq(3), Seq(1), 1, 10)
    assert queue.is_unsettled
    done, ops = queue.acknowledge(3)  # one with a row, one without
    assert len(done) == 2
    assert isinstance(ops[0], DeleteRange)
    assert rows_of(ops) == []
    assert cursor_of(ops) == DeviceCursor(Seq(4), Seq(3), 0, 0)
    assert queue.acknowledge(4)[1] == []


def test_a_queue_that_was_counted_too_low_is_settled_all_the_same() -> None:
    queue = borne_queue(3)
    queue.cursor = DeviceCursor(queue.cursor.next_seq, queue.cursor.acked_seq, 1, 10)
    assert cursor_of(queue.put_cursor(1)) == DeviceCursor(Seq(2), Seq(0), 0, 0)


def test_a_device_that_comes_back_gets_what_is_borne_behind_what_is_on_the_disk() -> None:
    queue = make_queue(next_seq=2)
    queue.bear_again([(Seq(1), said(1)), (Seq(2), said(2)), (Seq(3), said(3))])
    assert (queue.cursor.next_seq, queue.cursor.messages) == (4, 3)  # the first is accounted for already
    queue.attach(given=0)
    assert queue.wants_delivery
    waiting = queue.with_borne([(Seq(1), make_message(1))])
    assert [seq for seq, _ in waiting] == [1, 2, 3]


def test_what_is_borne_waits_for_rows_that_were_not_read_yet() -> None:
    queue = make_queue(next_seq=4, window=2)
    queue.bear_again([(Seq(4), said(4))])
    queue.attach(given=0)
    read: list[tuple[Seq, Queued]] = [(Seq(1), make_message(1)), (Seq(2), make_message(2))]
    assert [seq for seq, _ in queue.with_borne(read)] == [1, 2]


def test_a_row_that_is_durable_need_not_be_kept_in_memory() -> None:
    queue = borne_queue(3)
    queue.put_cursor(2)
    queue.has_own_rows(2)
    assert [seq for seq, _ in queue.borne] == [3]
    queue.acknowledge(3)
    assert not queue.borne


def test_what_has_expired_before_it_had_a_row_gets_none() -> None:
    queue = make_queue()
    queue.bear_again([(Seq(1), said(1)), (Seq(2), said(2, expires_at=99))])
    queue.attach(given=0)
    assert queue.has_expired(1, said(1), now=50)
    assert queue.is_borne(Seq(1))
    assert queue.drop_borne(Seq(1), said(1))
    ops = queue.put_cursor()
    assert rows_of(ops) == [2]
    assert cursor_of(ops) == DeviceCursor(Seq(3), Seq(0), 1, 10)
    assert not queue.drop_borne(Seq(2), said(2))  # it has one now


def test_a_device_that_does_not_keep_up_gets_rows_of_its_own() -> None:
    queue = online_queue(window=2)
    assert queue.bears(2)
    assert not queue.bears(3)
    queue.bear([said(1), said(2)])
    assert not queue.bears(1)
    assert not make_queue().bears(1)  # offline
