"""What a commit of new messages costs under three layouts of the queue. The decision is in docs/storage.md.

    python -m bench.queue_layout [--batch 250] [--recipients 1000] [--queued 100000] [--folder DIR] [--json]

    by_device        as the store has it: key is user, device, seq; each message has a page of its own
    by_arrival       key is a number that counts up; a bound, for nobody could find a device's messages
    arrival_moved    by arrival at first; what still waits when YOUNG_ROWS have come after it is moved to its
                     place by device, in key order, a slice with each commit

The committer alone, without threads and callbacks: milliseconds a commit, and microseconds of time and of CPU
a message, moving included. Layouts take turns, because a disk that others use is not the same a minute later.
"""

from __future__ import annotations

import argparse
import json
import struct
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import storage_journal
from bench.storage_journal import Queues
from storage import Environment, Op, open_environment
from storage.committer import Committer
from storage.tables import CODES, QUEUE, Delete, Put

LAYOUTS = ("by_device", "by_arrival", "arrival_moved")
ROUNDS = 80
FILL_BATCH = 5_000

# Rows that are kept by arrival before any is moved. A slice is moved with each commit, larger than a batch.
YOUNG_ROWS = 10_000
SLICE_FACTOR = 2

# Stands in for the table that a store of this layout would have: its keys are as short.
LOG = CODES
_ARRIVAL = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one layout took."""

    layout: str
    batch: int
    recipients: int
    commit_p50_ms: float
    commit_p90_ms: float
    us_per_message: float
    cpu_us_per_message: float


@dataclass(slots=True)
class Trial:
    """One layout in an environment of its own."""

    layout: str
    environment: Environment
    queues: Queues
    arrivals: int = 0
    young: list[tuple[bytes, bytes, bytes]] = field(
        default_factory=list
    )  # (arrival, key, value), oldest first
    leaving: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)  # likewise, in order of key
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def fill(self, count: int) -> None:
        """Have `count` messages wait, each at its place by device."""
        committer = Committer(self.environment)
        while count > 0:
            committer.commit([self.queues.next_message() for _ in range(min(count, FILL_BATCH))])
            count -= FILL_BATCH

    def commit(self, batch: int) -> None:
        """Accept `batch` messages in one commit."""
        submissions = [self._laid_out(self.queues.next_message()) for _ in range(batch)]
        if self.layout == "arrival_moved":
            submissions.append(self._moves(SLICE_FACTOR * batch))
        began, cpu = time.perf_counter(), time.process_time()
        Committer(self.environment).commit(submissions)
        self.seconds.append(time.perf_counter() - began)
        self.cpu_seconds += time.process_time() - cpu

    def _laid_out(self, ops: Sequence[Op]) -> Sequence[Op]:
        if self.layout == "by_device":
            return ops
        return [self._by_arrival(op) if isinstance(op, Put) and op.table is QUEUE else op for op in ops]

    def _by_arrival(self, put: Put) -> Put:
        self.arrivals += 1
        arrival = _ARRIVAL.pack(self.arrivals)
        self.young.append((arrival, put.key, put.value))
        return Put(LOG, arrival, put.key + put.value)

    def _moves(self, limit: int) -> list[Op]:
        if not self.leaving and len(self.young) >= 2 * YOUNG_ROWS:
            self.leaving = sorted(self.young[:YOUNG_ROWS], key=lambda row: row[1])
            del self.young[:YOUNG_ROWS]
        going, self.leaving = self.leaving[:limit], self.leaving[limit:]
        ops: list[Op] = []
        for arrival, key, value in going:
            ops += (Put(QUEUE, key, value), Delete(LOG, arrival))
        return ops

    def cost(self, batch: int) -> Cost:
        """What it took so far."""
        ordered, messages = sorted(self.seconds), batch * len(self.seconds)
        return Cost(
            layout=self.layout,
            batch=batch,
            recipients=len(self.queues.cursors),
            commit_p50_ms=round(ordered[len(ordered) // 2] * 1e3, 2),
            commit_p90_ms=round(ordered[len(ordered) * 9 // 10] * 1e3, 2),
            us_per_message=round(sum(ordered) / messages * 1e6, 1),
            cpu_us_per_message=round(self.cpu_seconds / messages * 1e6, 1),
        )


def measure(folder: Path | None, batch: int, queued: int, rounds: int = ROUNDS) -> list[Cost]:
    """Commit `rounds` batches under each layout, with `queued` messages waiting before."""
    with ExitStack() as stack:
        trials: list[Trial] = []
        for layout in LAYOUTS:
            data = stack.enter_context(tempfile.TemporaryDirectory(dir=folder, prefix="roost-layout-"))
            trial = Trial(layout, stack.enter_context(open_environment(Path(data))), Queues())
            trial.fill(queued)
            trials.append(trial)
        # So many that moving has begun, and is as far behind as it will ever be.
        for _ in range(2 * YOUNG_ROWS // batch):
            trials[-1].commit(batch)
        trials[-1].seconds.clear()
        trials[-1].cpu_seconds = 0.0
        for _ in range(rounds):
            for trial in trials:
                trial.commit(batch)
        return [trial.cost(batch) for trial in trials]


def main() -> None:
    """Measure, and print a line for each layout."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=250, help="messages in a commit")
    parser.add_argument("--recipients", type=int, default=1_000)
    parser.add_argument("--queued", type=int, default=100_000, help="messages that wait before")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--folder", type=Path, help="on the disk to measure")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    storage_journal.RECIPIENTS = args.recipients
    for cost in measure(args.folder, args.batch, args.queued, args.rounds):
        print(json.dumps(asdict(cost)) if args.json else cost)


if __name__ == "__main__":
    main()
