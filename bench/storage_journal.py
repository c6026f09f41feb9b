"""How many messages a second become durable, how long each waits, and what a waiting one takes on the disk.

    python -m bench.storage_journal [--folder DIR] [--seconds 3] [--queued 0 100000 1000000] [--json]

A producer has one message outstanding: it submits the next when `done` has come, on the thread that stands
for the node's loop. Each submission is what the relay makes of an accepted message: queue row, cursor,
progress.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from protocol.ids import DeviceAddress, DeviceId, MessageNumber, Seq, UserId
from storage import Environment, JournalError, WriterJournal, mailboxes, open_environment
from storage.mailboxes import DeviceCursor, QueuedMessage, Taken
from storage.progress import Progress, put_progress
from storage.tables import QUEUE, Op

# LMDB does not compress, so it makes no difference that all are the same.
CIPHERTEXT = bytes(range(100))
RECIPIENTS = 1000
PRODUCERS = (1, 10, 100, 500)
SENDER = DeviceAddress(UserId(2**61), DeviceId(1))


@dataclass(frozen=True, slots=True)
class Throughput:
    """One run: accepted messages a second, and what a single one waited."""

    queued_before: int
    producers: int
    messages_per_second: float
    mean_batch: float
    mean_commit_ms: float
    accepted_p50_ms: float
    accepted_p99_ms: float


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a queue of a given length takes, and how fast it is read and acknowledged."""

    queued: int
    live_bytes_per_message: float
    file_bytes_per_message: float
    drained_per_second: float


def measure_disk(folder: Path, rounds: int = 100) -> float:
    """Milliseconds in which the disk makes 4 KiB durable (median); see all other figures against it."""
    took: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(rounds):
            started = time.perf_counter()
            os.pwrite(file.fileno(), bytes(4096), 0)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - started)
    return round(sorted(took)[rounds // 2] * 1000, 2)


class Loop:
    """Stands for the node's loop: runs what journals post, on the thread that calls `run`."""

    def __init__(self) -> None:
        self._posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.post = self._posted.put

    def run(self, until: Callable[[], bool]) -> None:
        """Run what is posted until `until()` is true after a run."""
        while not until():
            self._posted.get()()


class UnderWay:
    """Counts submissions that are not answered yet; an error ends the run."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._number = 0

    def submit(self, journal: WriterJournal, ops: Sequence[Op]) -> None:
        """Submit `ops`; waits first if 500 are under way."""
        self.wait_for_fewer_than(500)
        self._number += 1
        journal.submit(ops, self._done)

    def wait_for_fewer_than(self, limit: int) -> None:
        """Run the loop until fewer than `limit` are under way."""
        self._loop.run(until=lambda: self._number < limit)

    def _done(self, error: JournalError | None) -> None:
        if error is not None:
            raise error
        self._number -= 1


@dataclass(slots=True)
class Queues:
    """The recipients of a run, with user ids as random as real ones, and how far their queues have come."""

    seed: int = 1
    cursors: dict[DeviceAddress, DeviceCursor] = field(default_factory=dict)
    accepted: int = 0

    def __post_init__(self) -> None:
        draw = random.Random(self.seed)
        for _ in range(RECIPIENTS):
            self.cursors[DeviceAddress(UserId(draw.getrandbits(62) + 1), DeviceId(1))] = DeviceCursor()
        self._order = list(self.cursors)

    _order: list[DeviceAddress] = field(init=False, default_factory=list)

    def next_message(self) -> list[Op]:
        """The operations that accept one more message, for the next recipient in turn."""
        device = self._order[self.accepted % RECIPIENTS]
        self.accepted += 1
        cursor = self.cursors[device]
        number = MessageNumber(int(cursor.next_seq))
        message = QueuedMessage(SENDER, number, 1_790_000_000, 1_792_592_000, CIPHERTEXT)
        self.cursors[device], ops = mailboxes.append(device, cursor, message)
        return [*ops, put_progress(device.user, SENDER, Progress(number))]


@contextmanager
def journal_on(environment: Environment, loop: Loop) -> Iterator[WriterJournal]:
    """A journal that posts to `loop`, closed at the end."""
    journal = WriterJournal(environment, loop.post, time.perf_counter)
    try:
        yield journal
    finally:
        journal.close()


def measure_accepting(environment: Environment, queues: Queues, producers: int, seconds: float) -> Throughput:
    """Have `producers` send for `seconds`; returns what came of it."""
    loop, waited, queued_before = Loop(), list[float](), queues.accepted
    under_way = 0
    with journal_on(environment, loop) as journal:
        started = time.perf_counter()

        def produce() -> None:
            nonlocal under_way
            under_way += 1
            submitted = time.perf_counter()
            journal.submit(queues.next_message(), lambda error: accepted(error, submitted))

        def accepted(error: JournalError | None, submitted: float) -> None:
            nonlocal under_way
            if error is not None:
                raise error
            under_way -= 1
            now = time.perf_counter()
            waited.append(now - submitted)
            if now - started < seconds:
                produce()

        for _ in range(producers):
            produce()
        loop.run(until=lambda: under_way == 0)
        took = time.perf_counter() - started
        seen = journal.statistics()
    waited.sort()
    return Throughput(
        queued_before=queued_before,
        producers=producers,
        messages_per_second=round(len(waited) / took),
        mean_batch=round(seen.submissions / seen.commits, 1),
        mean_commit_ms=round(seen.commit_seconds_sum / seen.commits * 1000, 2),
        accepted_p50_ms=round(waited[len(waited) // 2] * 1000, 2),
        accepted_p99_ms=round(waited[len(waited) * 99 // 100] * 1000, 2),
    )


def fill(environment: Environment, queues: Queues, upto: int) -> None:
    """Accept messages until `upto` wait."""
    loop = Loop()
    under_way = UnderWay(loop)
    with journal_on(environment, loop) as journal:
        while queues.accepted < upto:
            under_way.submit(journal, queues.next_message())
        under_way.wait_for_fewer_than(1)


def measure_footprint(environment: Environment, queues: Queues, window: int = 256) -> Footprint:
    """What the queues take now, and how fast they are read and acknowledged, a window at a time.

    Empties a twentieth of the queues.
    """
    seen = environment.statistics()
    loop = Loop()
    under_way = UnderWay(loop)
    drained = 0
    with journal_on(environment, loop) as journal:
        started = time.perf_counter()
        for device in list(queues.cursors)[: RECIPIENTS // 20]:
            while queues.cursors[device].messages:
                cursor = queues.cursors[device]
                with environment.read() as reader:
                    read = mailboxes.read_range(reader, device, cursor.acked_seq, window)
                taken = Taken(len(read), sum(len(message.ciphertext) for _, message in read))
                queues.cursors[device], ops = mailboxes.acknowledge(device, cursor, Seq(read[-1][0]), taken)
                drained += len(read)
                under_way.submit(journal, ops)
                # The next window of the same device must not see what is being deleted.
                under_way.wait_for_fewer_than(1)
        took = time.perf_counter() - started
    waiting = max(1, seen.rows[QUEUE])
    return Footprint(
        queued=seen.rows[QUEUE],
        live_bytes_per_message=round(seen.live_bytes / waiting),
        file_bytes_per_message=round(seen.file_bytes / waiting),
        drained_per_second=round(drained / took),
    )


def run(folder: Path, levels: Sequence[int], seconds: float) -> tuple[list[Throughput], list[Footprint]]:
    """Measure accepting at every level of `levels` messages already queued, and the footprint of each."""
    throughputs: list[Throughput] = []
    footprints: list[Footprint] = []
    for level in levels:
        with tempfile.TemporaryDirectory(dir=folder) as data, open_environment(Path(data)) as environment:
            queues = Queues()
            fill(environment, queues, level)
            if level:
                footprints.append(measure_footprint(environment, queues))
            throughputs += [
                measure_accepting(environment, queues, producers, seconds) for producers in PRODUCERS
            ]
    return throughputs, footprints


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measure the storage journal.")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()), help="on the disk to measure"
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="for each number of producers")
    parser.add_argument("--queued", type=int, nargs="+", default=[0, 100_000, 1_000_000])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    # As a node does; see WriterJournal.
    sys.setswitchinterval(0.0005)
    disk_ms = measure_disk(options.folder)
    throughputs, footprints = run(options.folder, options.queued, options.seconds)
    if options.json:
        figures = {
            "fdatasync_ms": disk_ms,
            "accepting": [asdict(each) for each in throughputs],
            "waiting": [asdict(each) for each in footprints],
        }
        print(json.dumps(figures))
        return 0
    print(f"4 KiB + fdatasync: {disk_ms} ms\n")
    print("| queued before | producers | messages/s | batch | commit ms | accepted p50 ms | p99 ms |")
    print("|---|---|---|---|---|---|---|")
    for t in throughputs:
        print(
            f"| {t.queued_before:,} | {t.producers} | {t.messages_per_second:,.0f} | {t.mean_batch} "
            f"| {t.mean_commit_ms} | {t.accepted_p50_ms} | {t.accepted_p99_ms} |"
        )
    print("\n| queued | bytes a message (rows) | bytes a message (file) | drained/s |\n|---|---|---|---|")
    for f in footprints:
        print(
            f"| {f.queued:,} | {f.live_bytes_per_message:.0f} | {f.file_bytes_per_message:.0f} "
            f"| {f.drained_per_second:,.0f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
