"""How many machines so many users need, from what was measured: the arithmetic behind docs/capacity.md.

    python -m bench.capacity_model [--results bench/results]

What people do is taken from Rick Reed's talk of 2014, the last time that WhatsApp published all of it at
once, and scaled by users. What it costs is taken from bench/results. Nothing else goes in but the assumptions
below, each of which has its reason; the page says what of it is measured and what is extrapolated.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import wire_sizes
from bench.document import read_document
from bench.errors import BenchError
from bench.node import SOURCE
from bench.table import number

GIB = 2**30

# --- what people do ---


@dataclass(frozen=True, slots=True)
class Load:
    """At the busiest second of a day."""

    users: float
    """Of a month."""
    connected: float
    messages: float
    """In, a second."""
    deliveries: float
    """Out, a second: a message to a group counts for each member."""
    logins: float
    """A second."""

    def scaled(self, users: float) -> Load:
        """The same habits, with another number of users."""
        part = users / self.users
        return Load(
            users, self.connected * part, self.messages * part, self.deliveries * part, self.logins * part
        )


REED_2014 = Load(465e6, 147e6, 342e3, 712e3, 230e3)
"""Rick Reed, "That's 'Billion' with a 'B'", Erlang Factory SF, March 2014."""

REED_CHAT_SERVERS = 150
REED_PHONES_A_SERVER = 1e6

REED_2012_CONNECTIONS = 2_277_845
REED_2012_BYTES = (35 * GIB, 53 * GIB)
"""Memory that was active, and active and wired: "1 million is so 2011", blog.whatsapp.com, January 2012."""

MESSAGES_A_DAY = 19e9 / 465e6
"""In, of one user: the same talk."""

READ_SOON = 0.5
"""The part of all messages that is read within a minute: the same talk. The rest waits."""

# --- assumptions ---

USED_CPU = 0.6
"""The part of all cores that a machine is to be busy with at the peak: the rest is for a football match
(+35 %, the same talk), and for a neighbour that has died."""

USED_MEMORY = 0.7
"""The part that connections may take: the rest is for the page cache, in which the store lives, and for the
processes themselves."""

USED_NETWORK = 0.5

KEEPALIVE_SECONDS = 120
"""A node's default: each device pings so often, unless it says something."""

HOURS_AWAY = 8
"""How long a message waits that is not read within a minute: a night. Nobody has published it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine has."""

    name: str
    threads: int
    speed: float
    """Of a thread, beside one of the machine that was measured."""
    memory: float
    network: float
    """Bits a second, each way."""


# The "cores" of the measured machine are threads, too: work on one slows the other.
MEASURED = Machine("as measured: 2 threads, 24 GiB", 2, 1.0, 24 * GIB, 1e9)
PRESENT = Machine("of today: 128 threads, 512 GiB", 128, 1.0, 512 * GIB, 25e9)
REEDS = Machine("as Reed's of 2014: 40 threads, 64 GiB", 40, 0.5, 64 * GIB, 2e9)
"""Two E5-2690v2. Half the speed is an assumption: ten years lie between, and nobody has measured it."""

# --- what it costs ---


@dataclass(frozen=True, slots=True)
class Source:
    """Where a figure stands: `<file>.json`, and the key in it."""

    file: str
    key: str
    what: str


SOURCES: Mapping[str, Source] = {
    "batched_us": Source("pairs", "worker_cpu_us_per_message", "CPU a 1:1 message, phones with full windows"),
    "lone_us": Source("pairs-1000", "worker_cpu_us_per_message", "CPU a 1:1 message, each alone"),
    "delivery_us": Source("fanout", "worker_cpu_us_per_delivery", "CPU a delivery in a group"),
    "away_us": Source("offline", "worker_cpu_us_per_message", "CPU a message for somebody who is away"),
    "fetch_us": Source("offline", "drain_cpu_us_per_message", "CPU to fetch one that waited"),
    "login_us": Source("login", "login_cpu_us", "CPU a resumed login"),
    "idle_percent": Source("idle", "idle_cpu_percent", "CPU of idle connections, % of a core"),
    "idle_connections": Source("idle", "connections", "how many those were"),
    "worker_bytes": Source("idle", "worker_bytes_per_connection", "memory of a connection, workers"),
    "kernel_bytes": Source("idle", "kernel_bytes_per_connection", "memory of a connection, kernel"),
    "disk_bytes": Source("offline", "bytes_on_disk_per_message", "disk that a waiting message takes"),
}

Costs = Mapping[str, float]


def read_costs(results: Path) -> Costs | None:
    """The figures of SOURCES; None if one was not measured.

    Raises:
        BenchError: a file cannot be read.
    """
    costs: dict[str, float] = {}
    for name, source in SOURCES.items():
        file = results / f"{source.file}.json"
        value = read_document(file).get(source.key) if file.exists() else None
        if value is None:
            return None
        costs[name] = value
    return costs


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a node does at the peak."""

    what: str
    a_second: float
    us_each: float

    @property
    def cores(self) -> float:
        """How many cores it keeps busy."""
        return self.a_second * self.us_each / 1e6


PINGS = "pings"


def parts(load: Load, costs: Costs, message_us: float) -> list[Part]:
    """All that a node does at the peak; `message_us` is what a 1:1 message costs."""
    # Messages of which each goes to one, and the rest, so that deliveries come out as they were counted.
    to_groups = (load.deliveries - load.messages) / (GROUP_RECIPIENTS - 1)
    to_one = load.messages - to_groups
    away = load.messages * (1 - READ_SOON)
    ping_us = costs["idle_percent"] / 100 * 1e6 * KEEPALIVE_SECONDS / costs["idle_connections"]
    return [
        Part("1:1 messages to people who are there", max(0.0, to_one - away), message_us),
        Part("1:1 messages to people who are away", min(away, to_one), costs["away_us"] + costs["fetch_us"]),
        Part("deliveries in groups", to_groups * GROUP_RECIPIENTS, costs["delivery_us"]),
        Part("logins", load.logins, costs["login_us"]),
        Part(PINGS, load.connected / KEEPALIVE_SECONDS, ping_us),
    ]


GROUP_RECIPIENTS = 7
"""Of a message to a group: eight members, as in `mixed`."""


def bytes_a_connection(costs: Costs) -> float:
    """Of a machine's memory: the phone's end of a connection is on the phone."""
    return costs["worker_bytes"] + costs["kernel_bytes"]


def network_bits(load: Load) -> float:
    """Out, a second, at the peak: deliveries, ✓ and ✓✓, each in a segment of its own."""
    sizes = {size.what: size.roost for size in wire_sizes.sizes()}
    segment = wire_sizes.TCP_SEGMENT_BYTES
    delivered = load.deliveries * (sizes['"hello" to the recipient'] + segment)
    ticks = load.messages * (sizes["✓ accepted by the server"] + sizes["✓✓ told to the sender"] + 2 * segment)
    return 8 * (delivered + ticks)


@dataclass(frozen=True, slots=True)
class Need:
    """How many machines one resource asks for."""

    what: str
    machines: float


def needs(load: Load, costs: Costs, machine: Machine, message_us: float) -> list[Need]:
    """What each resource asks for; the largest decides."""
    cores = sum(part.cores for part in parts(load, costs, message_us))
    memory = load.connected * bytes_a_connection(costs)
    return [
        Need("CPU", cores / (machine.threads * machine.speed * USED_CPU)),
        Need("memory", memory / (machine.memory * USED_MEMORY)),
        Need("network", network_bits(load) / (machine.network * USED_NETWORK)),
    ]


def waiting_bytes(load: Load, costs: Costs) -> float:
    """On all disks together: what waits for people who are away."""
    return load.users * MESSAGES_A_DAY * (1 - READ_SOON) * HOURS_AWAY / 24 * costs["disk_bytes"]


# --- the page ---

USERS = (10e6, 2e9)


def as_markdown(name: str, results: Path) -> Iterator[str]:
    """One of the page's tables, by its name; nothing as long as a figure is missing.

    Raises:
        BenchError: a file cannot be read.
    """
    costs = read_costs(results)
    if costs is not None:
        yield from TABLES[name](costs)
        yield from _check(costs, results) if name == "model-cpu" else ()


def _figures(costs: Costs) -> Iterator[str]:
    yield "| what | measured | where |"
    yield "|---|---:|---|"
    for name, source in SOURCES.items():
        yield f"| {source.what} | {number(costs[name])} | `{source.file}.json`, `{source.key}` |"


def _cpu(costs: Costs) -> Iterator[str]:
    load = REED_2014.scaled(10e6)
    batched, lone = parts(load, costs, costs["batched_us"]), parts(load, costs, costs["lone_us"])
    yield "| at the peak of 10 million users | a second | µs each | cores |"
    yield "|---|---:|---:|---:|"
    for part, alone in zip(batched, lone, strict=True):
        each, cores = _range(part.us_each, alone.us_each), _range(part.cores, alone.cores)
        yield f"| {part.what} | {part.a_second:,.0f} | {each} | {cores} |"
    total = _range(sum(part.cores for part in batched), sum(part.cores for part in lone))
    yield f"| **all of it** | | | **{total}** |"


def _check(costs: Costs, results: Path) -> Iterator[str]:
    """The sum of the parts beside what was measured of all of them together, pings left out of both."""
    file = results / "mixed.json"
    if not file.exists():
        return
    found = read_document(file)
    summed = _range(*(_us_a_message(costs, costs[key]) for key in ("batched_us", "lone_us")))
    yield ""
    together, rate = number(found["worker_cpu_us_per_message"]), number(found["knee_per_s"])
    yield (
        f"- For one message, with its part of the logins: {summed} µs by this sum; {together} µs measured"
        f" together, typing, reading and presence included, at {rate} messages a second"
        " (`mixed.json`, `worker_cpu_us_per_message`, `knee_per_s`)."
    )


def _us_a_message(costs: Costs, message_us: float) -> float:
    busy = [part for part in parts(REED_2014, costs, message_us) if part.what != PINGS]
    return sum(part.cores for part in busy) / REED_2014.messages * 1e6


def _machines(costs: Costs) -> Iterator[str]:
    yield "| users | machines | CPU | memory | network | needed |"
    yield "|---:|---|---:|---:|---:|---:|"
    for users in USERS:
        load = REED_2014.scaled(users)
        for machine in (MEASURED, REEDS, PRESENT):
            low, high = (needs(load, costs, machine, costs[key]) for key in ("batched_us", "lone_us"))
            cells = [_range(least.machines, most.machines) for least, most in zip(low, high, strict=True)]
            needed = _range(math.ceil(_most(low)), math.ceil(_most(high)))
            yield f"| {users / 1e6:,.0f} M | {machine.name} | {' | '.join(cells)} | **{needed}** |"
    yield ""
    disk = ", ".join(
        f"{waiting_bytes(REED_2014.scaled(users), costs) / 1e9:,.0f} GB for {users / 1e6:,.0f} M"
        for users in USERS
    )
    yield f"- Disk for what waits, all machines together: {disk}."


def _reed(costs: Costs) -> Iterator[str]:
    low, high = (needs(REED_2014, costs, REEDS, costs[key]) for key in ("batched_us", "lone_us"))
    kib = [size / REED_2012_CONNECTIONS / 1024 for size in REED_2012_BYTES]
    yield "| | published | this model |"
    yield "|---|---:|---:|"
    for least, most in zip(low, high, strict=True):
        wanted = _range(least.machines, most.machines)
        yield f"| chat servers for 147 M phones, by {least.what} | | {wanted} |"
    needed = _range(math.ceil(_most(low)), math.ceil(_most(high)))
    yield f"| chat servers, in all (2014) | {REED_CHAT_SERVERS} | {needed} |"
    phones = _range(*sorted(REED_2014.connected / _most(need) for need in (low, high)))
    yield f"| phones a server (2014) | {number(REED_PHONES_A_SERVER)} | {phones} |"
    mine = bytes_a_connection(costs) / 1024
    yield f"| KiB a connection, kernel included (2012) | {_range(*kib)} | {number(mine)} |"
    held = 96 * GIB * USED_MEMORY / bytes_a_connection(costs)
    yield f"| connections in 96 GiB, by memory (2012) | {REED_2012_CONNECTIONS:,} | {number(held)} |"


def _most(found: Sequence[Need]) -> float:
    return max(need.machines for need in found)


def _range(low: float, high: float) -> str:
    """Two figures, or one if a reader would see no difference."""
    least, most = number(low), number(high)
    return least if least == most else f"{least} to {most}"


TABLES = {"model-figures": _figures, "model-cpu": _cpu, "model-machines": _machines, "model-reed": _reed}


def main(argv: Sequence[str] | None = None) -> int:
    """Print all tables; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.capacity_model", description="how many machines")
    parser.add_argument("--results", type=Path, default=SOURCE / "bench" / "results")
    args = parser.parse_args(argv)
    try:
        blocks = ["\n".join(as_markdown(name, args.results)) for name in TABLES]
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if not all(blocks):
        wanted = ", ".join(dict.fromkeys(f"{source.file}.json" for source in SOURCES.values()))
        print(f"error: not everything was measured: {wanted} (make bench)", file=sys.stderr)
        return 1
    print("\n\n".join(blocks))
    return 0


if __name__ == "__main__":
    sys.exit(main())
