from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from protocol.ids import DeviceAddress, Seq
from storage import CorruptRecordError, Environment, Put, open_environment
from storage.mailboxes import (
    DeviceCursor,
    QueuedMessage,
    Taken,
    acknowledge,
    count_queued,
    load_device_queue_state,
    queues_after,
    read_range,
    remove_queue,
)
from storage.tables import QUEUE
from tests.storage.conftest import MIB
from tests.storage.one_queue import ANNA, BERND, EVERYBODY, LAST, Mailbox, message


def test_a_device_that_was_never_written_to_starts_at_one(mailbox: Mailbox) -> None:
    assert mailbox.stored_cursor() == DeviceCursor(Seq(1), Seq(0), 0, 0)
    assert mailbox.read() == []


def test_messages_come_back_as_they_were_and_in_order(mailbox: Mailbox) -> None:
    mailbox.append(message(1), message(2, 0), message(3, 5000))
    assert mailbox.read() == [(1, message(1)), (2, message(2, 0)), (3, message(3, 5000))]
    assert mailbox.stored_cursor() == mailbox.cursor == DeviceCursor(Seq(4), Seq(0), 3, 5010)


def test_reading_starts_after_a_seq_and_ends_at_the_limit(mailbox: Mailbox) -> None:
    mailbox.append(*[message(number) for number in range(1, 6)])
    assert mailbox.seqs(after=2, limit=2) == [3, 4]
    assert mailbox.seqs(after=5) == []


def test_reading_by_bytes_gives_at_least_one_message(mailbox: Mailbox) -> None:
    mailbox.append(*[message(number, 100) for number in range(1, 6)])
    with mailbox.environment.read() as reader:
        assert len(read_range(reader, ANNA, 0, 100, max_bytes=1)) == 1
        assert len(read_range(reader, ANNA, 0, 100, max_bytes=101)) == 2


def test_an_acknowledgement_deletes_everything_up_to_it(mailbox: Mailbox) -> None:
    mailbox.append(*[message(number) for number in range(1, 6)])
    mailbox.acknowledge(3)
    assert mailbox.seqs() == [4, 5]
    assert mailbox.stored_cursor() == DeviceCursor(Seq(6), Seq(3), 2, 20)


def test_an_acknowledgement_that_says_nothing_new_changes_nothing(mailbox: Mailbox) -> None:
    mailbox.append(message(1), message(2))
    mailbox.acknowledge(2)
    assert acknowledge(ANNA, mailbox.cursor, 2, Taken(0, 0)) == (mailbox.cursor, [])
    assert acknowledge(ANNA, mailbox.cursor, 1, Taken(0, 0)) == (mailbox.cursor, [])


def test_what_was_never_sent_cannot_be_acknowledged(mailbox: Mailbox) -> None:
    mailbox.append(message(1))
    with pytest.raises(ValueError, match="seq 2 is acknowledged, but the next one is 2"):
        acknowledge(ANNA, mailbox.cursor, 2, Taken(2, 20))


def test_a_seq_is_never_used_again(mailbox: Mailbox) -> None:
    mailbox.append(message(1), message(2))
    mailbox.acknowledge(2)
    mailbox.append(message(3))
    assert mailbox.seqs() == [3]


def test_queues_of_neighbours_do_not_touch(environment: Environment) -> None:
    boxes = [Mailbox(environment, device) for device in EVERYBODY]
    for box in boxes:
        box.append(message(1), message(2), message(3))
    boxes[1].acknowledge(3)
    boxes[3].store(remove_queue(LAST))
    assert [box.seqs() for box in boxes] == [[1, 2, 3], [], [1, 2, 3], []]
    with environment.read() as reader:
        assert count_queued(reader) == 6
        assert load_device_queue_state(reader, LAST) == DeviceCursor()


def test_a_queue_that_was_emptied_begins_anew(mailbox: Mailbox) -> None:
    mailbox.append(message(1, expires_at=50))
    mailbox.acknowledge(1)
    mailbox.append(message(2, expires_at=1000))
    assert mailbox.cursor.soonest == 1000


def test_a_sweep_sees_every_queue_once_in_slices(environment: Environment) -> None:
    for device in EVERYBODY:
        Mailbox(environment, device).append(message(1))
    seen: list[DeviceAddress] = []
    after: DeviceAddress | None = None
    while True:
        with environment.read() as reader:
            part = queues_after(reader, after, 3)
        if not part:
            break
        seen += [device for device, _ in part]
        after = seen[-1]
    assert seen == list(EVERYBODY)


def test_a_damaged_message_is_named_and_not_delivered(mailbox: Mailbox) -> None:
    mailbox.append(message(1))
    with mailbox.environment.read() as reader:
        ((key, data),) = reader.scan(QUEUE, b"\0", b"\xff" * 18)
    mailbox.store([Put(QUEUE, key, data[:-10] + b"x" + data[-9:])])
    with pytest.raises(CorruptRecordError, match="table 'queue'"):
        mailbox.read()


def test_a_message_under_another_queues_key_is_not_delivered_there(environment: Environment) -> None:
    anna, bernd = Mailbox(environment, ANNA), Mailbox(environment, BERND)
    anna.append(message(1))
    bernd.append(message(1, size=20))
    with environment.read() as reader:
        (key_of_anna, _), (_, data_of_bernd) = reader.scan(QUEUE, b"\0", b"\xff" * 18)
    anna.store([Put(QUEUE, key_of_anna, data_of_bernd)])
    with pytest.raises(CorruptRecordError):
        anna.read()


class MailboxesAgainstDicts(RuleBasedStateMachine):
    """Queues in LMDB do what dictionaries would do, and survive closing and opening at any point."""

    devices = st.sampled_from(EVERYBODY)

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        # {device: {seq: message}} and {device: next seq}: what should be there
        self.queues: dict[DeviceAddress, dict[int, QueuedMessage]] = {device: {} for device in EVERYBODY}
        self.next_seq: dict[DeviceAddress, int] = dict.fromkeys(EVERYBODY, 1)

    @initialize()
    def open(self) -> None:
        self.environment = open_environment(Path(self._folder.name), map_bytes=16 * MIB, reserve_bytes=0)
        self.boxes = {device: Mailbox(self.environment, device) for device in EVERYBODY}

    @rule()
    def close_and_open(self) -> None:
        self.environment.close()
        self.open()
        for box in self.boxes.values():
            box.cursor = box.stored_cursor()

    @rule(device=devices, size=st.integers(0, 3000), expires_at=st.integers(0, 100))
    def append(self, device: DeviceAddress, size: int, expires_at: int) -> None:
        new = message(self.next_seq[device], size, expires_at)
        self.boxes[device].append(new)
        self.queues[device][self.next_seq[device]] = new
        self.next_seq[device] += 1

    @rule(device=devices, data=st.data())
    def acknowledge(self, device: DeviceAddress, data: st.DataObject) -> None:
        upto = data.draw(st.integers(0, self.next_seq[device] - 1))
        self.boxes[device].acknowledge(upto)
        self.queues[device] = {seq: each for seq, each in self.queues[device].items() if seq > upto}

    @rule(device=devices, now=st.integers(0, 100))
    def expire(self, device: DeviceAddress, now: int) -> None:
        expected = [seq for seq, each in self.queues[device].items() if each.expires_at <= now]
        assert self.boxes[device].expire(now, limit=1000) == expected
        for seq in expected:
            del self.queues[device][seq]

    @rule(device=devices, after=st.integers(0, 20), limit=st.integers(1, 5))
    def read(self, device: DeviceAddress, after: int, limit: int) -> None:
        expected = [(seq, each) for seq, each in self.queues[device].items() if seq > after]
        assert self.boxes[device].read(after, limit) == expected[:limit]

    @invariant()
    def the_cursor_counts_what_waits(self) -> None:
        for device, box in getattr(self, "boxes", {}).items():
            waiting = self.queues[device].values()
            stored = box.stored_cursor()
            assert stored == box.cursor
            assert stored.next_seq == self.next_seq[device]
            assert all(stored.soonest <= each.expires_at for each in waiting)
            assert (stored.messages, stored.ciphertext_bytes) == (
                len(waiting),
                sum(len(each.ciphertext) for each in waiting),
            )

    def teardown(self) -> None:
        if hasattr(self, "environment"):
            self.environment.close()
        self._folder.cleanup()


@pytest.mark.slow
def test_mailboxes_do_what_dictionaries_would_do() -> None:
    run_state_machine_as_test(
        MailboxesAgainstDicts, settings=settings(max_examples=60, stateful_step_count=30)
    )
