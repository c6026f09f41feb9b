"""How many connections one machine holds: many workers and addresses, messages among some.

  roost bench capacity --connections 200000 --workers 12
  roost bench capacity --connections 1000000 --workers 64 --memory-limit 22

Devices log in until there are as many as asked for, until the machine has given as much memory as the limit
allows (node, load and kernel together; both ends of each connection are on this machine), or until the time
for it is up, if it has a limit. Then they are idle for a while, and after that one in a hundred more talks:
pairs that write a message every ten seconds each, at a fixed rate, timed from when each was due. A device
that is hung up on makes the run worth nothing.

Devices ping once in ten minutes here, as the node tells them: a million that did it every two minutes would
be 8,300 pings a second, and this measures memory. What a ping costs is in `idle`.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.errors import BenchError
from bench.load.crew import Assignment, Crew, now
from bench.load.endpoint import Endpoint
from bench.load.loop import Loop
from bench.measurement import Figure, Measurement, Stage, points
from bench.scenarios import pairs
from bench.scenarios.idle import (
    ENOUGH_TO_WEIGH,
    LOGIN_SECONDS,
    idle_percent,
    login_cpu,
    too_few_to_weigh,
    weigh,
)
from bench.scenarios.options import add_times, positive, positive_float
from bench.timeline import INTERVAL_SECONDS, Interval, Watch, total
from bench.verdict import Verdict, both
from protocol.slots import MAX_WORKERS, SLOTS

TALKING_PART = 100
"""One device in so many talks."""

SECONDS_A_MESSAGE = 10.0
"""Of each of those who talk: a lively chat."""

TALK_WARMUP_SECONDS = 5.0

CONNECTIONS_A_WORKER = 18_500
"""A worker has 20,000 descriptors where nobody raises the limit. With 63 others to talk to, and peers to say
goodbye to, it keeps 700 of them back, and refuses who comes then."""

DEVICES_A_PROCESS = 19_000
"""A load process has as many descriptors, and nothing else to do with them."""

DEVIATIONS = 4
"""By how many standard deviations a worker may have more users than its slots promise: ids are random."""

LOGINS_AT_ONCE = 256
"""Of all load processes together: as many as keep every worker busy, and few enough that with fifty processes
on one core none waits for so long that the node gives it up."""

KEEPALIVE_SECONDS = 600
"""As long as a node allows."""

LOGIN_SECONDS_EACH = 0.02
"""Patience for the ramp: 50 logins a second are a machine that has stopped, and not a slow one."""

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters."""

    connections: int = 50_000
    memory_limit: float = 16.0
    """GiB that the machine may give to node, load and kernel together."""
    duration: float = 30.0
    """Of some of them talking."""
    idle: float = 60.0
    """Seconds idle before that."""
    keepalive: int = KEEPALIVE_SECONDS
    """Seconds after which a device that is silent pings."""
    ramp: float | None = None
    """Seconds that logging in may take; whoever is there then is enough. None for no limit."""


DEFAULT = Plan()


class ConnectingCrew(Crew):
    """Logs in until it is told that it is enough."""

    def __init__(self, loop: Loop, assignment: Assignment) -> None:
        super().__init__(loop, assignment)
        self.logins_at_once = max(1, LOGINS_AT_ONCE // assignment.processes)

    def order(self, word: str, argument: float) -> None:
        """`enough`."""
        if word != "enough":
            super().order(word, argument)
        nobody: Iterator[Endpoint] = iter(())
        self._waiting = nobody


# --- the bench's side ---


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the scenario's own options."""
    parser.add_argument("--connections", type=positive, default=DEFAULT.connections, help="devices (50000)")
    parser.add_argument(
        "--memory-limit",
        type=positive_float,
        default=DEFAULT.memory_limit,
        metavar="GIB",
        help="memory of the machine that node, load and kernel may take together (16)",
    )
    parser.add_argument(
        "--idle",
        type=positive_float,
        default=DEFAULT.idle,
        metavar="S",
        help="seconds idle before some talk (60)",
    )
    parser.add_argument(
        "--keepalive",
        type=positive,
        default=DEFAULT.keepalive,
        metavar="S",
        help="seconds after which a silent device pings (600)",
    )
    parser.add_argument(
        "--ramp", type=positive_float, metavar="S", help="seconds that logging in may take (no limit)"
    )
    add_times(parser, DEFAULT.duration, 0)


def plan(args: argparse.Namespace) -> Plan:
    """The scenario's parameters.

    Raises:
        ValueError: more connections than the workers have descriptors for.
    """
    chosen = Plan(args.connections, args.memory_limit, args.duration, args.idle, args.keepalive, args.ramp)
    if args.relay is None and busiest(accounts(chosen), args.workers) > CONNECTIONS_A_WORKER:
        enough = workers_for(accounts(chosen))
        raise ValueError(f"{args.connections} connections need --workers {enough} (descriptors)")
    return chosen


def busiest(users: int, workers: int) -> int:
    """How many of these users the worker with the most has, at worst.

    Users have slots, and slots have workers: of 256 slots 60 workers have four or five each, and so it is the
    five that count, as with 52.
    """
    part = -(-SLOTS // workers) / SLOTS
    return math.ceil(users * part + DEVIATIONS * math.sqrt(users * part * (1 - part)))


def workers_for(users: int) -> int:
    """The fewest workers that have descriptors for all of these users.

    Raises:
        ValueError: not even the most that a node can have.
    """
    for workers in range(1, MAX_WORKERS + 1):
        if busiest(users, workers) <= CONNECTIONS_A_WORKER:
            return workers
    raise ValueError(f"{MAX_WORKERS} workers have no descriptors for {users} connections")


def settings(plan: Plan) -> Mapping[str, str | int]:
    """What the node runs with."""
    return {"keepalive_seconds": plan.keepalive}


def accounts(plan: Plan) -> int:
    """One a connection, and those who talk."""
    return plan.connections + 2 * talking_pairs(plan.connections)


def talking_pairs(connections: int) -> int:
    """How many pairs talk; one at least."""
    return max(1, connections // TALKING_PART // 2)


def measure(stage: Stage, plan: Plan) -> Measurement:
    """Connect as many as there is room for, let some talk, and say what everybody weighs.

    Raises:
        BenchError: a device was refused, or hung up on.
    """
    silent = stage.node.accounts[: plan.connections]
    processes = -(-plan.connections // DEVICES_A_PROCESS)
    with stage.fleet(ConnectingCrew, silent, plan, processes) as fleet:
        before, free_before = weigh(stage, fleet), available_bytes()
        began = now()
        stage.progress.phase("logging in")
        fleet.log_in()
        watch = Watch(fleet, stage.node, lambda interval: stage.progress.say(_line(interval, free_before)))

        def is_enough(interval: Interval) -> bool:
            has_taken_all = free_before - available_bytes() > plan.memory_limit * GIB
            is_late = plan.ramp is not None and now() - began > plan.ramp
            return interval.sample.online == plan.connections or has_taken_all or is_late

        patience = LOGIN_SECONDS + LOGIN_SECONDS_EACH * plan.connections
        ramp = watch.until(is_enough, patience, INTERVAL_SECONDS)
        fleet.order("enough")
        held = _settled(watch)
        stage.progress.phase("measuring, idle", plan.idle)
        idle = total(watch.during(plan.idle))
        taken = free_before - available_bytes()
        talking = _talk(stage, plan, held)
        after = weigh(stage, fleet)
        lost = held - watch.cut().sample.online
    if lost:
        raise BenchError(f"{lost} devices were hung up on")
    logins = total(ramp)
    figures: dict[str, Figure] = {
        "connections": held,
        **after.each(before, held),
        "machine_bytes_per_connection": round(taken / held) if held >= ENOUGH_TO_WEIGH else None,
        "ramp_s": round(logins.seconds, 1),
        "idle_cpu_percent": idle_percent(stage, idle),
        "logins_per_s": round(logins.per_second("logins"), 1),
        "login_cpu_us": login_cpu(stage, logins),
        **{key: talking.figures[key] for key in ("ticked_per_s", "p50_ms", "p99_ms", "max_ms")},
    }
    return Measurement(
        figures=figures,
        verdict=both(talking.verdict, stopped_by(plan, held, logins.seconds), *too_few_to_weigh(held)),
        uses=talking.uses,
        points=points(watch.intervals),
        histograms=talking.histograms,
    )


def _settled(watch: Watch) -> int:
    """Wait for the logins that are on their way; returns how many devices are there then."""
    online = -1
    while (seen := watch.cut().sample.online) != online:
        online = seen
        watch.during(1.0)
    return online


def _talk(stage: Stage, plan: Plan, held: int) -> Measurement:
    """Let one in a hundred of those who are there talk, from connections of their own."""
    count = talking_pairs(held)
    who = stage.node.accounts[plan.connections :]
    talking = pairs.Plan(
        pairs=count,
        window=None,
        rate=2 * count / SECONDS_A_MESSAGE,
        duration=plan.duration,
        warmup=TALK_WARMUP_SECONDS,
    )
    return pairs.measure(stage.with_accounts(who), talking)


def stopped_by(plan: Plan, held: int, seconds: float) -> Verdict:
    """Why there were not more after so many seconds of logging in."""
    if held >= plan.connections:
        return Verdict(True, "rate", (f"all {held} connections were held",))
    if plan.ramp is not None and seconds >= plan.ramp:
        return Verdict(
            True,
            "time",
            (f"after {plan.ramp:g} s of logging in there were {held} connections: it was told to stop",),
        )
    return Verdict(
        True, "memory", (f"the limit of {plan.memory_limit:g} GiB stopped it at {held} connections",)
    )


def available_bytes() -> int:
    """Memory that this machine could still give away, page cache that it can drop included."""
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        fields = dict(line.split(":") for line in meminfo)
    return int(fields["MemAvailable"].split()[0]) * 1024


def _line(interval: Interval, free_before: int) -> str:
    taken = (free_before - available_bytes()) / GIB
    logins = interval.per_second("logins")
    return f"{interval.sample.online} devices are online, {logins:,.0f} more a second, {taken:.1f} GiB taken"
