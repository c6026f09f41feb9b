"""How many connections one machine holds: many workers and addresses, messages among some.

  roost bench capacity --connections 200000 --workers 12
  roost bench capacity --connections 1000000 --workers 56 --memory-limit 20

Devices log in until there are as many as asked for, or until the machine has given as much memory as the
limit allows (node, load and kernel together; both ends of each connection are on this machine). Then they
are idle for a keepalive interval, and after that one in a hundred more talks: pairs that write a message
every ten seconds each, at a fixed rate, timed from when each was due. A device that is hung up on makes the
run worth nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from bench.errors import BenchError
from bench.load.crew import Crew
from bench.load.device import Device
from bench.measurement import Figure, Measurement, Stage, points
from bench.scenarios import pairs
from bench.scenarios.idle import DEVICES_A_PROCESS, LOGIN_SECONDS, idle_percent, login_cpu, weigh
from bench.scenarios.options import add_times, positive, positive_float
from bench.timeline import Interval, Watch, total
from bench.verdict import Verdict, both, judge_phase

TALKING_PART = 100
"""One device in so many talks."""

SECONDS_A_MESSAGE = 10.0
"""Of each of those who talk: a lively chat."""

TALK_WARMUP_SECONDS = 5.0

CONNECTIONS_A_WORKER = 18_000
"""A worker has 20,000 descriptors where nobody raises the limit, and needs some for itself."""

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
    idle: float | None = None
    """Seconds idle before that; None for a keepalive interval of the node, so that each device pings once."""


DEFAULT = Plan()


class ConnectingCrew(Crew):
    """Logs in until it is told that it is enough."""

    def order(self, word: str, argument: float) -> None:
        """`enough`."""
        if word != "enough":
            super().order(word, argument)
        nobody: Iterator[Device] = iter(())
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
    add_times(parser, DEFAULT.duration, 0)


def plan(args: argparse.Namespace) -> Plan:
    """The scenario's parameters.

    Raises:
        ValueError: more connections than the workers have descriptors for.
    """
    needed = -(-args.connections // CONNECTIONS_A_WORKER)
    if args.relay is None and args.workers < needed:
        raise ValueError(f"{args.connections} connections need --workers {needed} or more (descriptors)")
    return Plan(args.connections, args.memory_limit, args.duration)


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
        fleet.log_in()
        watch = Watch(fleet, stage.node, lambda interval: stage.progress.say(_line(interval, free_before)))

        def is_enough(interval: Interval) -> bool:
            taken = free_before - available_bytes()
            return interval.sample.online == plan.connections or taken > plan.memory_limit * GIB

        ramp = watch.until(is_enough, LOGIN_SECONDS + LOGIN_SECONDS_EACH * plan.connections)
        fleet.order("enough")
        held = _settled(watch)
        idle = total(watch.during(plan.idle or watch.intervals[-1].sample.keepalive))
        talking = _talk(stage, plan, held)
        after = weigh(stage, fleet)
        lost = held - watch.cut().sample.online
    if lost:
        raise BenchError(f"{lost} devices were hung up on")
    logins = total(ramp)
    figures: dict[str, Figure] = {
        "connections": held,
        **after.each(before, held),
        "idle_cpu_percent": idle_percent(stage, idle),
        "logins_per_s": round(logins.per_second("logins"), 1),
        "login_cpu_us": login_cpu(stage, logins),
        **{key: talking.figures[key] for key in ("ticked_per_s", "p50_ms", "p99_ms", "max_ms")},
    }
    return Measurement(
        figures=figures,
        verdict=both(judge_phase(logins, "logins"), talking.verdict, stopped_by(plan, held)),
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


def stopped_by(plan: Plan, held: int) -> Verdict:
    """Why there were not more."""
    if held >= plan.connections:
        return Verdict(True, "rate", (f"all {held} connections were held",))
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
    return f"{interval.sample.online} devices are online, {taken:.1f} GiB taken"
