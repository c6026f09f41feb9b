"""Connected devices that have nothing to say: what each weighs, what all cost, how fast they log in.

  roost bench idle --connections 15000     log in, settle, be idle for a keepalive interval

Each device logs in with a real handshake (IK), pings once an interval as clients do, and says nothing. Memory
is that of the workers, mailbox actors included, after the last login less before the first; memory of the
kernel is that of both ends of a connection halved, because both are on this machine. `logins_per_s` is what
both sides together manage; `login_cpu_us` is the node's part.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from bench.accounting import kernel_socket_bytes, memory
from bench.load.crew import Crew
from bench.load.fleet import Fleet
from bench.measurement import Figure, Measurement, Stage, points
from bench.scenarios.options import positive, positive_float, seconds
from bench.timeline import Interval, Total, Watch, total
from bench.verdict import Verdict, both, judge_phase

DEVICES_A_PROCESS = 15_000
"""Below the 20,000 descriptors that a process usually may have."""

LOGIN_SECONDS = 600.0

ENOUGH_TO_WEIGH = 1_000
"""Fewer connections weigh no more than processes, and a machine, grow and shrink by anyway: a share of that
may be anything, and less than nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters."""

    connections: int = 15_000
    duration: float | None = None
    """Seconds idle; None for a keepalive interval as the node wants it, so that each device pings once."""
    settle: float = 15.0
    """After the last login: a node gives cipher objects back after some seconds without a word."""


DEFAULT = Plan()


@dataclass(frozen=True, slots=True)
class Weight:
    """Memory in bytes at one moment; None where it cannot be read."""

    pss: int | None
    rss: int | None
    kernel: int | None
    load: int

    def each(self, before: Weight, connections: int) -> dict[str, Figure]:
        """What one connection weighs: the difference, shared out; None where they are too few to tell."""
        shares: dict[str, Figure] = {
            "worker_bytes_per_connection": _share(self.pss, before.pss, connections),
            "worker_rss_bytes_per_connection": _share(self.rss, before.rss, connections),
            # Both ends of each connection are sockets of this kernel.
            "kernel_bytes_per_connection": _share(self.kernel, before.kernel, 2 * connections),
            "load_bytes_per_connection": _share(self.load, before.load, connections),
        }
        return shares if connections >= ENOUGH_TO_WEIGH else dict.fromkeys(shares)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the scenario's own options."""
    parser.add_argument("--connections", type=positive, default=DEFAULT.connections, help="devices (15000)")
    parser.add_argument(
        "--settle",
        type=seconds,
        default=DEFAULT.settle,
        metavar="S",
        help="seconds after the last login (15)",
    )
    parser.add_argument(
        "--duration", type=positive_float, metavar="S", help="seconds idle (a keepalive interval of the node)"
    )


def plan(args: argparse.Namespace) -> Plan:
    """The scenario's parameters."""
    return Plan(args.connections, args.duration, args.settle)


def accounts(plan: Plan) -> int:
    """One a connection."""
    return plan.connections


def measure(stage: Stage, plan: Plan) -> Measurement:
    """Connect every device, wait, and say what it costs.

    Raises:
        BenchError: a device could not log in, or was hung up on.
    """
    count = plan.connections
    processes = -(-count // DEVICES_A_PROCESS)
    with stage.fleet(stage.crew("idle", Crew), stage.node.accounts[:count], plan, processes) as fleet:
        before = weigh(stage, fleet)
        stage.progress.phase("logging in")
        fleet.log_in()
        watch = Watch(fleet, stage.node, lambda interval: stage.progress.say(_line(interval, count)))
        logging_in = watch.until(lambda interval: interval.sample.online == count, LOGIN_SECONDS)
        stage.progress.phase("settling", plan.settle)
        watch.during(plan.settle)
        seconds = plan.duration or logging_in[-1].sample.keepalive
        stage.progress.phase("measuring, idle", seconds)
        idle = total(watch.during(seconds))
        after = weigh(stage, fleet)
    logins = total(logging_in)
    return Measurement(
        figures={
            "connections": watch.intervals[-1].sample.online,
            **after.each(before, count),
            "idle_cpu_percent": idle_percent(stage, idle),
            "idle_seconds": round(idle.seconds, 1),
            "logins_per_s": round(logins.per_second("logins"), 1),
            "login_cpu_us": login_cpu(stage, logins),
        },
        verdict=both(judge_phase(logins, "logins", stage.node.name), *too_few_to_weigh(count)),
        uses=idle.uses,
        points=points(watch.intervals),
        histograms=logins.times,
    )


def weigh(stage: Stage, fleet: Fleet) -> Weight:
    """Memory now, of the node's workers, of the kernel's sockets and of the load."""
    workers = stage.node.memory()
    return Weight(
        pss=workers.pss if workers is not None else None,
        rss=workers.rss if workers is not None else None,
        kernel=kernel_socket_bytes(),
        load=sum(memory(pid).pss for pid in fleet.pids),
    )


def _share(now: int | None, before: int | None, count: int) -> int | None:
    return None if now is None or before is None else round((now - before) / count)


def too_few_to_weigh(connections: int) -> Iterator[Verdict]:
    """Why there is no weight, if there is none."""
    if connections < ENOUGH_TO_WEIGH:
        text = f"memory a connection cannot be told from {connections:,}: {ENOUGH_TO_WEIGH:,} are enough"
        yield Verdict(True, "unknown", (text,))


def idle_percent(stage: Stage, idle: Total) -> Figure:
    """Of one core, all workers together; None if they run elsewhere."""
    if not stage.node.workers:
        return None
    return round(100 * idle.cpu_seconds("worker") / idle.seconds, 2)


def login_cpu(stage: Stage, logins: Total) -> Figure:
    """Microseconds of the workers for one login; None if they run elsewhere."""
    if not stage.node.workers:
        return None
    return round(logins.cpu_seconds("worker") / max(1, logins.counts["logins"]) * 1e6, 1)


def _line(interval: Interval, count: int) -> str:
    used = sum(use.cpu_seconds for use in interval.uses if use.name.startswith("worker"))
    share = used / interval.seconds
    return f"{interval.sample.online} of {count} devices are online, the node uses {share:.0%} of a core"
