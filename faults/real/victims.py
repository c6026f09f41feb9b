"""Workers as victims: which there are, how they are killed, and what the node's log says of their ends.

A strike that has killed a worker does not believe it: it waits until the process is gone, and until the
parent has logged that this worker was ended by that signal.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import trio

from faults.real.fault import Broken
from faults.real.node import NodeProcess
from faults.real.processes import is_running
from relay.node_tree import WORKER_PERIOD_SECONDS, WORKER_RESTARTS

POLL_SECONDS = 0.01  # processes and files of others: there is no event to wait for
GONE_SECONDS = 20.0
BACK_SECONDS = 90.0
"""What a restart may take on a machine that is busy with much else: 40 s were seen; alone it is 0.3 s."""

SPARE_RESTARTS = 2
"""Workers may also die of other things in that minute; the restart limit is the product's own fault then."""

TAIL_BYTES = 1 << 20
"""Of the log: much more than a node writes in the period of its restart limit."""


@dataclass(frozen=True, slots=True)
class End:
    """A worker's process has ended, says the node's log."""

    at: float
    """Unix seconds."""
    worker: int
    status: int | None


def ends_in(log: Path, offset: int = 0) -> Iterator[End]:
    """The ends of workers that a node's log tells of behind a place in it."""
    if not log.exists():
        return
    with log.open("rb") as file:
        file.seek(offset)
        for line in file:
            if b"child_terminated" in line and b'"worker-' in line:
                end = _end_in(line)
                if end is not None:
                    yield end


def _end_in(line: bytes) -> End | None:
    try:
        facts = json.loads(line)
        at = datetime.fromisoformat(facts["at"].replace("Z", "+00:00"))
        return End(at.timestamp(), int(facts["child"].removeprefix("worker-")), facts.get("exit_status"))
    except (ValueError, KeyError):
        return None  # torn: whoever wrote it was killed


class Watch:
    """What a node's log says from here on.

    Args:
        node: whose.
    """

    def __init__(self, node: NodeProcess) -> None:
        self._log = node.log
        self._offset = node.log.stat().st_size if node.log.exists() else 0

    async def until_ended(self, worker: int, status: int, times: int = 1) -> None:
        """Wait until the parent has said that a worker ended with this status, so many times.

        Raises:
            Broken: it did not say so in time.
        """

        def told() -> bool:
            ends = [(end.worker, end.status) for end in ends_in(self._log, self._offset)]
            return ends.count((worker, status)) >= times

        await until(told, GONE_SECONDS, f"the parent never said that worker {worker} ended with {status}")


async def until(is_so: Callable[[], bool], seconds: float, complaint: str) -> None:
    """Wait for something that no event tells of.

    Raises:
        Broken: it was not so in time; with the complaint.
    """
    with trio.move_on_after(seconds):
        while not is_so():  # noqa: ASYNC110 - there is none
            await trio.sleep(POLL_SECONDS)
        return
    raise Broken(complaint)


async def any_worker(node: NodeProcess, random: Random) -> tuple[int, int]:
    """Draw a worker that runs: its number and its process. Raises Broken if there is none."""
    number = random.randrange(node.worker_count)
    return number, await living(node, number)


async def living(node: NodeProcess, number: int, other_than: int | None = None) -> int:
    """Wait until a worker has a process that holds its part of the store, and another than before; which.

    Raises:
        Broken: there was none in time.
    """
    with trio.move_on_after(BACK_SECONDS):
        while True:
            pid = node.workers_by_number().get(number)
            if pid is not None and pid != other_than:
                return pid
            await trio.sleep(POLL_SECONDS)
    raise Broken(f"worker {number} was not started again within {BACK_SECONDS:.0f} s")


async def kill(node: NodeProcess, number: int, pid: int) -> None:
    """End a worker by SIGKILL, and see that it was that.

    Raises:
        Broken: it is there all the same, or the parent has not noticed.
    """
    watch = Watch(node)
    os.kill(pid, signal.SIGKILL)
    await until_gone(pid)
    await watch.until_ended(number, -signal.SIGKILL)


async def until_gone(pid: int) -> None:
    """Wait until a process is no more. Raises Broken."""
    await until(
        lambda: not is_running(pid), GONE_SECONDS, f"process {pid} is there {GONE_SECONDS:.0f} s later"
    )


async def until_killing_is_fair(node: NodeProcess, times: int = 1) -> None:
    """Wait until so many more deaths of workers are within what the node bears in a minute by its own rule.

    Otherwise a run would reach the limit by chance, and the node would end as it is meant to.
    """
    limit = WORKER_RESTARTS * node.worker_count - SPARE_RESTARTS
    while (wait := _seconds_until_fair(node.log, limit - times)) > 0:  # noqa: ASYNC110 - it is about time
        await trio.sleep(wait)


def _seconds_until_fair(log: Path, bearable: int) -> float:
    """How long it takes until there are no more than that many ends within the last period."""
    now = datetime.now(UTC).timestamp()
    size = log.stat().st_size if log.exists() else 0
    recent = sorted(end.at for end in ends_in(log, max(0, size - TAIL_BYTES)))
    recent = [at for at in recent if at > now - WORKER_PERIOD_SECONDS]
    too_many = len(recent) - max(0, bearable)
    return recent[too_many - 1] + WORKER_PERIOD_SECONDS - now if too_many > 0 else 0.0
