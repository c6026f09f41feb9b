"""Logins: first ones (XX) and resumed ones (IK) a second, and the storm after a restart.

  roost bench login                        both kinds for 10 seconds each, then a storm of 2,000 devices
  roost bench login --storm 15000

For a login a device connects, shakes hands, and hangs up when the node has welcomed it; 64 are on their way
at a time. For the storm all devices are online, the node is killed and started again at once, and every
device comes back as a real client does: it waits a random time up to a ceiling that doubles from 0.5 s with
each attempt. The storm needs a node of the bench's own.
"""

from __future__ import annotations

import argparse
import heapq
import random
import time
from dataclasses import dataclass

from bench.load.crew import Assignment, Crew
from bench.load.endpoint import Endpoint
from bench.load.fleet import Fleet
from bench.load.loop import Loop
from bench.measurement import Figure, Measurement, Stage, each_us, points
from bench.scenarios.idle import DEVICES_A_PROCESS, LOGIN_SECONDS
from bench.scenarios.options import add_times, positive
from bench.timeline import Interval, Total, Watch, total
from bench.verdict import both, judge_phase
from client.backoff import FIRST_CEILING_SECONDS, LAST_CEILING_SECONDS

CHURNING = 512
"""Devices that take turns in logging in: eight for each handshake that is on its way."""

# How often a crew in a storm looks who may try again.
TURN_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters."""

    duration: float = 10.0
    """Of each kind of login."""
    warmup: float = 1.0
    storm: int = 2_000
    """Devices in the storm; 0 for none."""


DEFAULT = Plan()


class ChurnCrew(Crew):
    """Logs devices in and out, one after the other, for as long as it is let."""

    knows_first_logins = True
    """Whether a first login is something else than a later one; otherwise only one kind is measured."""

    def __init__(self, loop: Loop, assignment: Assignment) -> None:
        super().__init__(loop, assignment)
        self._relay_key: bytes | None = assignment.relay_key
        self._next = 0

    def order(self, word: str, argument: float) -> None:
        """`first`: from now on as if the relay were met for the first time."""
        if word == "first":
            self._relay_key = None
        else:
            super().order(word, argument)

    def connect_next(self) -> None:
        """In turn, for ever."""
        device = self.devices[self._next % len(self.devices)]
        self._next += 1
        if not device.is_open:
            device.connect(self._relay_key)

    def came_online(self, device: Endpoint, now: float) -> None:
        """That is all we want to know."""
        device.hang_up()
        super().came_online(device, now)


class StormCrew(Crew):
    """Devices that come back whenever they are hung up on, with a client's patience."""

    def __init__(self, loop: Loop, assignment: Assignment) -> None:
        super().__init__(loop, assignment)
        self._failures: dict[Endpoint, int] = {}  # in a row
        self._waiting_until: list[tuple[float, int, Endpoint]] = []  # a heap; the number settles ties
        self._order = 0

    def came_online(self, device: Endpoint, now: float) -> None:
        """It is back; in the first round the next one may log in."""
        self._failures.pop(device, None)
        super().came_online(device, now)

    def was_lost(self, device: Endpoint, error: Exception) -> None:
        """Try again after a while: by then others have had their turn."""
        self.counts["lost"] += 1
        failures = self._failures.get(device, 0)
        self._failures[device] = failures + 1
        ceiling = min(LAST_CEILING_SECONDS, FIRST_CEILING_SECONDS * 2.0**failures)
        self._order += 1
        heapq.heappush(
            self._waiting_until, (time.perf_counter() + random.uniform(0, ceiling), self._order, device)
        )

    def tick(self, now: float) -> float:
        """Connect whoever has waited long enough."""
        while self._waiting_until and self._waiting_until[0][0] <= now:
            _, _, device = heapq.heappop(self._waiting_until)
            self.counts["attempts"] += 1
            device.connect(self.assignment.relay_key)
        return TURN_SECONDS


# --- the bench's side ---


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the scenario's own options."""
    parser.add_argument(
        "--storm",
        type=_devices,
        default=DEFAULT.storm,
        metavar="N",
        help="devices in the storm; 0: none (2000)",
    )
    add_times(parser, DEFAULT.duration, DEFAULT.warmup)


def plan(args: argparse.Namespace) -> Plan:
    """The scenario's parameters.

    Raises:
        ValueError: a storm on a node that is not ours to kill.
    """
    if args.relay is not None and args.storm:
        raise ValueError("the storm kills the node: with --relay say --storm 0")
    return Plan(args.duration, args.warmup, args.storm)


def accounts(plan: Plan) -> int:
    """Enough for either part."""
    return max(CHURNING, plan.storm)


def measure(stage: Stage, plan: Plan) -> Measurement:
    """Resumed logins, first logins, then the storm.

    Raises:
        BenchError: a device was refused or lost where nothing was broken.
    """
    make_crew = stage.crew("login", ChurnCrew)
    with stage.fleet(make_crew, stage.node.accounts[:CHURNING], plan) as fleet:
        watch = Watch(fleet, stage.node, lambda interval: stage.progress.say(_line(interval)))
        fleet.log_in()
        resumed = _logins(watch, stage, plan, "resumed logins")
        first = _first_logins(fleet, watch, stage, plan) if make_crew.knows_first_logins else Total()
    figures: dict[str, Figure] = _figures(resumed, "login")
    verdicts = [judge_phase(resumed, "resumed logins", stage.node.name)]
    if first.seconds:
        figures |= _figures(first, "first_login")
        verdicts.append(judge_phase(first, "first logins", stage.node.name))
    if plan.storm:
        figures |= _storm(stage, plan)
    return Measurement(
        figures=figures,
        verdict=both(*verdicts),
        uses=resumed.uses,
        points=points(watch.intervals),
        histograms={"login": resumed.time("login"), "first_login": first.time("login")},
    )


def _first_logins(fleet: Fleet, watch: Watch, stage: Stage, plan: Plan) -> Total:
    """From now on as if the relay were met for the first time."""
    fleet.order("first")
    return _logins(watch, stage, plan, "first logins")


def _logins(watch: Watch, stage: Stage, plan: Plan, what: str) -> Total:
    stage.progress.phase(f"warming up, {what}", plan.warmup)
    watch.during(plan.warmup)
    stage.progress.phase(f"measuring, {what}", plan.duration)
    return total(watch.during(plan.duration))


def _storm(stage: Stage, plan: Plan) -> dict[str, Figure]:
    """Everybody is online, the node dies, and everybody comes back."""
    count, spawned = plan.storm, stage.node.spawned
    assert spawned is not None  # `plan` has seen to it
    processes = -(-count // DEVICES_A_PROCESS)
    with stage.fleet(stage.crew("storm", StormCrew), stage.node.accounts[:count], plan, processes) as fleet:
        fleet.log_in()
        _wait_for_all(fleet, stage, count, "logging in for the storm")
        died = time.perf_counter()
        stage.progress.phase("killed, and starting again")
        spawned.kill()
        stage.node.processes = spawned.start(stage.node.accounts).processes
        listened = time.perf_counter()
        attempts = _wait_for_all(fleet, stage, count, "coming back in the storm")
        back = time.perf_counter()
    return {
        "storm_devices": count,
        "storm_s": round(back - died, 2),
        "storm_restart_s": round(listened - died, 2),
        "storm_attempts": attempts,
    }


def _wait_for_all(fleet: Fleet, stage: Stage, count: int, when: str) -> int:
    """Wait until everybody is online; returns how often somebody tried again."""
    stage.progress.phase(when)
    seen = fleet.wait_until(
        lambda seen: seen.online == count,
        LOGIN_SECONDS,
        lambda seen: stage.progress.say(f"{seen.online} of {count} devices are online"),
    )
    return seen.counts["attempts"]


def _figures(part: Total, name: str) -> dict[str, Figure]:
    times = part.time("login")
    return {
        f"{name}s_per_s": round(part.per_second("logins"), 1),
        f"{name}_cpu_us": each_us(part, "worker", part.counts["logins"]),
        f"{name}_p50_ms": times.percentile_ms(50),
        f"{name}_p99_ms": times.percentile_ms(99),
    }


def _line(interval: Interval) -> str:
    return f"{interval.per_second('logins'):,.0f} logins a second"


def _devices(text: str) -> int:
    return 0 if text == "0" else positive(text)
