"""The devices of one load process: logs them in, counts what they see, and does what a scenario says.

A `Crew` by itself logs every account in and keeps it online; that is all that idle devices need. Scenarios
derive their own, with devices that do more. It is driven by its process (process.py): `log_in` once, `tick`
and `keep_alive` every turn of the loop, `order` and `cut` when the bench asks.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.histogram import Histogram
from bench.load.device import Device
from bench.load.endpoint import Endpoint
from bench.load.loop import Loop

# Handshakes on their way at once in one load process: enough that the node never waits for the load, and
# fewer than it lets strangers hold (`max_handshakes`).
LOGINS_AT_ONCE = 64

CONNECTIONS_AN_ADDRESS = 10_000
"""Every so many devices connect from a local address of their own, because an address has 28,000 ports."""

# How long a crew without anything due waits for its sockets.
IDLE_TURN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one load process is to do."""

    number: int
    processes: int
    relay: tuple[str, int]
    relay_key: bytes
    accounts: Sequence[Any]
    """Who logs in: Account of a Roost node, PeerAccount of a peer."""
    first: int
    """The place of the first account among those of all processes."""
    plan: Any
    """The scenario's parameters."""
    is_local: bool = True
    """Whether the relay is on this machine, so that 127.0.0.x are addresses to connect from."""


@dataclass(slots=True)
class Sample:
    """What a crew has seen since it was last asked."""

    counts: Counter[str] = field(default_factory=Counter)
    times: dict[str, Histogram] = field(default_factory=dict)
    online: int = 0
    """Devices that are logged in now."""
    in_flight: int = 0
    """Messages that are sent and not ticked now."""
    failure: str | None = None
    keepalive: float = 0.0
    """Seconds between two pings of a device, as the relay wants it; 0 before anybody was told."""

    def add(self, other: Sample) -> None:
        """Put another process' sample to this one."""
        self.counts += other.counts
        self.online += other.online
        self.in_flight += other.in_flight
        self.failure = self.failure or other.failure
        self.keepalive = max(self.keepalive, other.keepalive)
        for name, histogram in other.times.items():
            self.times.setdefault(name, Histogram()).add(histogram)


class Crew:
    """Logs its accounts in, as many at once as LOGINS_AT_ONCE.

    Attributes:
        counts: {what: how often} since the last cut.
        times: {what: how long each took} since the last cut.
        failure: why the run is worth nothing; None as long as it is not.
    """

    def __init__(self, loop: Loop, assignment: Assignment) -> None:
        self.loop = loop
        self.assignment = assignment
        self.relay = assignment.relay
        self.counts: Counter[str] = Counter()
        self.times: dict[str, Histogram] = {}
        self.failure: str | None = None
        self.logins_at_once = LOGINS_AT_ONCE
        self.devices = [self.make_device(index) for index in range(len(assignment.accounts))]
        self._waiting: Iterator[Endpoint] = iter(self.devices)
        # (when, who, when it connected): pings, soonest first; no heap, because all wait equally long.
        self._pings: deque[tuple[float, Endpoint, float]] = deque()

    # --- for scenarios to override ---

    def make_device(self, index: int) -> Endpoint:
        """The device of the account at `index`."""
        return Device(self, self.assignment.accounts[index], self.source(index))

    def tick(self, now: float) -> float:
        """Do what is due; returns the seconds until something else may be."""
        return IDLE_TURN_SECONDS

    def order(self, word: str, argument: float) -> None:
        """Do what the scenario says; a crew without a purpose has no orders."""
        raise ValueError(f"{type(self).__name__} knows no order {word!r}")

    def in_flight(self) -> int:
        """Messages that are sent and not ticked."""
        return 0

    # --- told by devices ---

    def came_online(self, device: Endpoint, now: float) -> None:
        """A device is logged in: the next one may try."""
        self.counts["logins"] += 1
        self.record("login", now - device.began)
        self._pings.append((now + device.keepalive, device, device.began))
        device.rest()
        self.connect_next()

    def was_lost(self, device: Endpoint, error: Exception) -> None:
        """Nothing in an undisturbed run should lose a device."""
        self.counts["lost"] += 1
        self.fail(error)

    # --- for both ---

    def log_in(self) -> None:
        """Begin to log devices in."""
        for _ in range(self.logins_at_once):
            self.connect_next()

    def keep_alive(self, now: float) -> float:
        """Have each device ping once an interval, as clients do; returns the seconds until the next."""
        pings = self._pings
        while pings and pings[0][0] <= now:
            due, device, began = pings.popleft()
            if device.is_online and device.began == began:
                device.ping()
                device.flush()
                pings.append((due + device.keepalive, device, began))
        return pings[0][0] - now if pings else IDLE_TURN_SECONDS

    def connect_next(self) -> None:
        """Connect one more device, if there is one left."""
        device = next(self._waiting, None)
        if device is not None:
            device.connect(self.assignment.relay_key)

    def record(self, what: str, seconds: float) -> None:
        """Count a duration."""
        histogram = self.times.get(what)
        if histogram is None:
            histogram = self.times[what] = Histogram()
        histogram.record(seconds)

    def fail(self, error: Exception) -> None:
        """The run is worth nothing; the first reason counts."""
        self.failure = self.failure or f"{type(error).__name__}: {error}"

    def source(self, index: int) -> str:
        """The local address from which the device at `index` connects; empty lets the system choose."""
        if not self.assignment.is_local:
            return ""
        return local_address((self.assignment.first + index) // CONNECTIONS_AN_ADDRESS)

    def cut(self) -> Sample:
        """What was seen since the last cut; counting begins anew."""
        keepalive = max((device.keepalive for device in self.devices), default=0.0)
        sample = Sample(self.counts, self.times, self.online(), self.in_flight(), self.failure, keepalive)
        self.counts, self.times = Counter(), {}
        return sample

    def online(self) -> int:
        """Devices that are logged in."""
        return sum(device.is_online for device in self.devices)

    def hang_up(self) -> None:
        """End every connection."""
        for device in self.devices:
            device.hang_up()


@functools.cache
def local_address(number: int) -> str:
    """The loopback addresses by number: 127.0.0.1, 127.0.0.2, ... 127.0.1.0, without the first."""
    third, fourth = divmod(number + 1, 256)
    return f"127.0.{third}.{fourth}"


def share(assignment: Assignment, accounts: Sequence[Any], processes: int) -> list[Assignment]:
    """Split accounts among load processes, in runs of even length, so that pairs stay together.

    Args:
        assignment: what is the same for all.
        accounts: all of them, an even number or not.
        processes: how many processes there are; none is left without an account if there are enough.
    """
    pairs = -(-len(accounts) // 2)
    edges = [2 * (pairs * number // processes) for number in range(processes + 1)]
    return [
        dataclasses.replace(
            assignment, number=number, processes=processes, accounts=accounts[first:last], first=first
        )
        for number, (first, last) in enumerate(itertools.pairwise(edges))
    ]


def now() -> float:
    """The clock of all load processes and of the bench: monotonic, and the same in all of them."""
    return time.perf_counter()
