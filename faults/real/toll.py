"""What a stroke has cost the node: memory and descriptors of its workers, places taken, crashes, restarts.

Read from /proc and from `/status`, before and after; what a crash of an actor costs nobody else, and is
counted all the same: a peer must not be able to cause one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import trio

from faults.real.fault import Broken
from faults.real.processes import resident_bytes
from roost.admin import AdminError

if TYPE_CHECKING:
    from faults.real.node import NodeProcess

MEGABYTE: Final = 2**20
STATUS_SECONDS: Final = 20.0
"""A worker that is busy may be `missing` in one answer; one that is missing for so long is a fault."""
POLL_SECONDS: Final = 0.1  # another process: there is no event to wait for


@dataclass(frozen=True, slots=True)
class Toll:
    """How it is with a node's workers at one moment, all together."""

    pids: tuple[int, ...]
    resident: int
    descriptors: int
    restarts: int
    crashes: int
    """Actors of connections and mailboxes, and whatever else a supervisor started again."""
    connections: int
    handshakes: int
    refused: dict[str, int]
    """{code: how often it was told to somebody}."""
    closed: dict[str, int]
    """{reason: how many connections ended by it}."""

    def refused_since(self, before: Toll, code: str) -> int:
        """How often a code was told since then."""
        return self.refused.get(code, 0) - before.refused.get(code, 0)


async def take_toll(node: NodeProcess) -> Toll:
    """Look.

    Raises:
        Broken: a worker did not answer for `STATUS_SECONDS`.
    """
    status = await _status_of_all(node)
    pids = tuple(int(each["pid"]) for each in status["workers"])
    counters = status["counters"]
    return Toll(
        pids=pids,
        resident=sum(map(resident_bytes, pids)),
        descriptors=sum(map(count_descriptors, pids)),
        restarts=sum(each["restarts"] for each in status["workers"]),
        crashes=counters["crashes"],
        connections=status["connections"],
        handshakes=status["handshakes"],
        refused=counters["refused"],
        closed=counters["connections_closed"],
    )


async def _status_of_all(node: NodeProcess) -> dict[str, Any]:
    seen: object = "no answer"
    with trio.move_on_after(STATUS_SECONDS):
        while True:
            try:
                status = await node.status()
            except AdminError as error:
                seen = error
            else:
                missing = [each["number"] for each in status["workers"] if each["state"] == "missing"]
                if not missing:
                    return status
                seen = f"workers {missing} are missing"
            await trio.sleep(POLL_SECONDS)
    raise Broken(f"the node did not say how it is for {STATUS_SECONDS:.0f} s: {seen}")


def count_descriptors(pid: int) -> int:
    """How many a process has open; 0 if it is gone."""
    try:
        return len(os.listdir(Path("/proc") / str(pid) / "fd"))
    except OSError:
        return 0


def check_alive(before: Toll, after: Toll) -> None:
    """No worker has ended, and no actor has crashed.

    Raises:
        Broken: one has.
    """
    if after.pids != before.pids or after.restarts != before.restarts:
        raise Broken(f"workers were restarted: {after.restarts - before.restarts} times")
    if after.crashes != before.crashes:
        raise Broken(f"{after.crashes - before.crashes} actors crashed")


async def until_given_back(node: NodeProcess, before: Toll, seconds: float, spare: int = 0) -> Toll:
    """Wait until the workers hold no more descriptors and connections than before, but for `spare`.

    Raises:
        Broken: they still did after so many seconds.
    """
    after = await take_toll(node)
    with trio.move_on_after(seconds):
        while not _is_given_back(before, after, spare):
            await trio.sleep(POLL_SECONDS)
            after = await take_toll(node)
    if not _is_given_back(before, after, spare):
        raise Broken(
            f"after {seconds:.0f} s the workers still held {after.descriptors - before.descriptors} "
            f"descriptors and {after.connections - before.connections} connections more than before"
        )
    return after


def _is_given_back(before: Toll, after: Toll, spare: int) -> bool:
    return after.descriptors <= before.descriptors + spare and after.connections <= before.connections + spare
