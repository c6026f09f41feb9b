"""1:1 messages: K pairs of devices write to each other, each message durable, delivered, and ticked ✓✓.

  roost bench pairs                        200 pairs, a window of 8: as fast as it goes
  roost bench pairs --rate 6000            so many messages a second, come what may
  roost bench pairs --idle 15000           beside devices that are logged in and only ping
  roost bench pairs --queued 1000000       beside messages that wait for people who are away

With a window a device sends the next message when the ✓✓ of an older one has come, so the node is always
busy: this measures throughput and CPU a message. With a rate a message counts from when it was due, whether
or not the load was able to send it then, and one that never comes counts for as long as it was waited for:
this measures latency, without coordinated omission. Messages are prepared ciphertexts of real size, because
end-to-end encryption is the phones' work.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.accounts import Account
from bench.backlog import people_away, put_backlog
from bench.load.crew import Assignment, Crew, now
from bench.load.device import Device
from bench.load.endpoint import Endpoint
from bench.load.loop import Loop
from bench.load.pace import Pace
from bench.load.roles import Talking
from bench.load.wire import (
    ACCEPTED,
    ACK,
    DELIVER,
    DELIVERED,
    FETCH_PROGRESS,
    PROGRESSES,
    SEND,
    accepted_before,
    bind,
)
from bench.measurement import Figure, Measurement, Stage, each_us, points
from bench.scenarios.idle import DEVICES_A_PROCESS
from bench.scenarios.options import add_times, natural, positive, positive_float
from bench.timeline import Interval, Total, Watch, total
from bench.verdict import judge_closed_loop, judge_open_loop

PARTNER: Final = 0  # the handle that every device binds for its partner

LOGIN_SECONDS = 120.0

# How long messages that were due in time are waited for after the end of a run at a fixed rate.
STRAGGLER_SECONDS = 5.0

# How often the load at a fixed rate looks what is due; epoll does not wait for less.
TURN_SECONDS = 0.001

MAX_CIPHERTEXT_BYTES = 400
"""A frame of the load is 128 stanzas at most, and has to fit."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters."""

    pairs: int = 200
    window: int | None = 8
    """Messages that a device keeps on their way; None at a fixed rate."""
    rate: float | None = None
    """Messages due a second, of all devices together; None for as many as go."""
    ciphertext_bytes: int = 100
    duration: float = 10.0
    warmup: float = 3.0
    idle: int = 0
    """Other devices, which are logged in and only ping."""
    queued: int = 0
    """Messages that wait for people who are away, from before the start."""


DEFAULT = Plan()

CROWD_SECONDS = 600.0
"""Patience with the logins of those who only ping."""


class Talker(Talking, Device):
    """Writes to its partner, acknowledges what it gets, and is the partner's partner."""

    def __init__(self, crew: PairsCrew, index: int) -> None:
        super().__init__(crew, crew.assignment.accounts[index], crew.source(index))
        self.begin_to_talk()
        self.seq = self.acked = 0

    def greet(self) -> None:
        """Name the partner, and ask how far the conversation has come: numbers go on from there."""
        user = self.partner.account.address.user
        self.wire.say(bind(PARTNER, user), (FETCH_PROGRESS, 1, (user,)))

    def write(self, number: int) -> None:
        """A Send, with a prepared ciphertext."""
        self.wire.say((SEND, PARTNER, number, self.crew.ciphertext))

    def hear(self, kind: int, item: tuple[Any, ...], now: float) -> None:
        """Count what has come how far."""
        if kind == DELIVER:
            self.seq = item[1]
            self.has_come(item[3], now)
        elif kind == ACCEPTED:
            self.was_accepted(item[2], now)
        elif kind == DELIVERED:
            self.was_ticked(item[2], now)
        elif kind == PROGRESSES:
            self.go_on(item)

    def heard_all(self, now: float) -> None:
        """One acknowledgement for everything that was read, and as much to send as was ticked."""
        if self.seq != self.acked:
            self.acked = self.seq
            self.wire.say((ACK, self.seq))
        self.fill(now)

    def go_on(self, progresses: tuple[Any, ...]) -> None:
        """Number messages from where the conversation stands."""
        self.number = accepted_before(progresses, self.partner.account.address.user)
        for step in (self.accepted, self.delivered, self.ticked):
            step.reached = self.number
        self.crew.ready += 1


class PairsCrew(Crew):
    """Pairs that are in one process, both halves."""

    def __init__(self, loop: Loop, assignment: Assignment) -> None:
        super().__init__(loop, assignment)
        self.plan: Plan = assignment.plan
        self.ciphertext = b"c" * self.plan.ciphertext_bytes
        self.window = 0  # until told to go, and after being told to halt
        self.ready = 0
        self._since = float("inf")  # only messages that are due from then on are timed
        self._pace = Pace(0.0, 0.0)
        self.talkers = [device for device in self.devices if isinstance(device, Talking)]
        for index, talker in enumerate(self.talkers):
            talker.partner = self.talkers[index ^ 1]

    def make_device(self, index: int) -> Endpoint:
        """A talker; who its partner is comes later."""
        return Talker(self, index)

    def came_online(self, device: Endpoint, now: float) -> None:
        """Let it greet, and let the next one log in."""
        assert isinstance(device, Talking)
        device.greet()
        super().came_online(device, now)

    def online(self) -> int:
        """Talkers that know where their conversation stands."""
        return self.ready

    def in_flight(self) -> int:
        """Messages that are sent and not ticked."""
        return sum(len(talker.ticked.due) for talker in self.talkers)

    def order(self, word: str, argument: float) -> None:
        """`go` and `time` since when, `halt`, `give_up` on those that have not come."""
        if word == "go":
            self._go()
        elif word == "time":
            self._since = argument
        elif word == "halt":
            self.halt()
        elif word == "give_up":
            self._give_up(now())
        else:
            super().order(word, argument)

    def halt(self) -> None:
        """Send nothing new."""
        self.window, self._pace = 0, Pace(0.0, 0.0)

    def tick(self, now: float) -> float:
        """At a fixed rate: send what is due, the talkers in turn."""
        if not self._pace.rate:
            return super().tick(now)
        for number, due in self._pace.due(now):
            talker = self.talkers[number % len(self.talkers)]
            talker.send(due)
            talker.flush()
            self.record_lag(now, due)
        return TURN_SECONDS

    def record_lag(self, now: float, due: float) -> None:
        """A message that was due goes out now: how late the load itself is."""
        if due >= self._since:
            self.record("lag", now - due)

    def count(self, what: str, due: list[float], now: float) -> None:
        """Messages have reached a step."""
        if due:
            self.counts[what] += len(due)
            for each in due:
                if each >= self._since:
                    self.record(what, now - each)

    def _go(self) -> None:
        at, plan = now(), self.plan
        if plan.rate is not None:
            each = self.assignment.processes
            self._pace = Pace(at + self.assignment.number / plan.rate, plan.rate / each)
            return
        self.window = plan.window or 1
        for talker in self.talkers:
            talker.fill(at)
            talker.flush()

    def _give_up(self, now: float) -> None:
        """Those that have not come count with as long as they were waited for: at least so long it takes."""
        for talker in self.talkers:
            for due in talker.ticked.due:
                if due >= self._since:
                    self.counts["missing"] += 1
                    self.record("ticked", now - due)


# --- the bench's side ---


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the scenario's own options."""
    parser.add_argument("--pairs", type=positive, default=DEFAULT.pairs, help="pairs of devices (200)")
    parser.add_argument("--window", type=positive, help="messages a device keeps on their way (8)")
    parser.add_argument("--rate", type=positive_float, help="messages due a second instead, of all together")
    parser.add_argument(
        "--ciphertext-bytes", type=positive, default=DEFAULT.ciphertext_bytes, metavar="N", help="(100)"
    )
    parser.add_argument(
        "--idle",
        type=natural,
        default=0,
        metavar="N",
        help="other devices, which are logged in and only ping",
    )
    parser.add_argument(
        "--queued", type=natural, default=0, metavar="N", help="messages that wait for people who are away"
    )
    add_times(parser, DEFAULT.duration, DEFAULT.warmup)


def plan(args: argparse.Namespace) -> Plan:
    """The scenario's parameters.

    Raises:
        ValueError: window and rate, a ciphertext that is too long, or a queue where we cannot make one.
    """
    if args.queued and args.relay is not None:
        raise ValueError("--queued needs a node of the bench's own, whose store it fills before the start")
    if args.rate is not None and args.window is not None:
        raise ValueError("--window and --rate exclude each other")
    if args.ciphertext_bytes > MAX_CIPHERTEXT_BYTES:
        raise ValueError(f"--ciphertext-bytes is {MAX_CIPHERTEXT_BYTES} at most")
    window = None if args.rate is not None else args.window or DEFAULT.window
    return Plan(
        args.pairs,
        window,
        args.rate,
        args.ciphertext_bytes,
        args.duration,
        args.warmup,
        args.idle,
        args.queued,
    )


def accounts(plan: Plan) -> int:
    """Two for a pair, those who only ping, and those who are away."""
    return 2 * plan.pairs + plan.idle + people_away(plan.queued)


def fill(plan: Plan, data: Path, known: Sequence[Account]) -> None:
    """Have messages wait for the last accounts: nobody logs in with those."""
    put_backlog(
        data, known[2 * plan.pairs + plan.idle :], known[0].address, plan.queued, plan.ciphertext_bytes
    )


def measure(stage: Stage, plan: Plan) -> Measurement:
    """Connect everybody, let them talk, and measure after a while of warming up.

    Raises:
        BenchError: a device was refused, or lost.
    """
    with crowd(stage, plan):
        return measure_talk(stage, plan)


@contextmanager
def crowd(stage: Stage, plan: Plan) -> Iterator[None]:
    """Those who only ping, logged in for the length of the block.

    Raises:
        BenchError: one of them was refused, or lost.
    """
    if not plan.idle:
        yield
        return
    first = 2 * plan.pairs
    silent = stage.node.accounts[first : first + plan.idle]
    with stage.fleet(stage.crew("idle", Crew), silent, plan, -(-plan.idle // DEVICES_A_PROCESS)) as fleet:
        stage.progress.phase("logging in")
        fleet.log_in()
        fleet.wait_until(
            lambda seen: seen.online == plan.idle,
            CROWD_SECONDS,
            lambda seen: stage.progress.say(f"{seen.online} of {plan.idle} idle devices are online"),
        )
        yield
        fleet.cut()


def measure_talk(stage: Stage, plan: Plan) -> Measurement:
    """What `measure` does beside the crowd that there is.

    Raises:
        BenchError: a device was refused, or lost.
    """
    count = 2 * plan.pairs
    with stage.fleet(stage.crew("pairs", PairsCrew), stage.node.accounts[:count], plan) as fleet:
        stage.progress.phase("logging in")
        fleet.log_in()
        fleet.wait_until(
            lambda seen: seen.online == count,
            LOGIN_SECONDS,
            lambda seen: stage.progress.say(f"{seen.online} of {count} devices are online"),
        )
        watch = Watch(fleet, stage.node, lambda interval: stage.progress.say(_line(interval)))
        fleet.order("go")
        stage.progress.phase("warming up", plan.warmup)
        watch.during(plan.warmup)
        fleet.order("time", now())
        watch.cut()
        stage.progress.phase("measuring", plan.duration)
        measured = watch.during(plan.duration)
        fleet.order("halt")
        everything = total(measured)
        if plan.rate is not None:
            # Counts are those of the measured time; durations also of what was due in it and came later.
            stage.progress.phase("waiting for the last ones", STRAGGLER_SECONDS)
            stragglers = watch.until(lambda interval: not interval.sample.in_flight, STRAGGLER_SECONDS)
            fleet.order("give_up")
            everything.times = total([*measured, *stragglers, watch.cut()]).times
    verdict = (
        judge_closed_loop(everything, stage.node.name)
        if plan.rate is None
        else judge_open_loop(everything, plan.rate, stage.node.name)
    )
    return Measurement(
        figures=_figures(everything, watch.intervals[-1].sample.counts["missing"]),
        verdict=verdict,
        uses=everything.uses,
        points=points(watch.intervals),
        histograms=everything.times,
    )


def _figures(all_of_it: Total, missing: int) -> dict[str, Figure]:
    ticked = all_of_it.counts["ticked"]
    return {
        "messages": ticked,
        "ticked_per_s": round(all_of_it.per_second("ticked"), 1),
        "accepted_per_s": round(all_of_it.per_second("accepted"), 1),
        "delivered_per_s": round(all_of_it.per_second("delivered"), 1),
        "worker_cpu_us_per_message": each_us(all_of_it, "worker", ticked),
        "parent_cpu_us_per_message": each_us(all_of_it, "parent", ticked),
        "load_cpu_us_per_message": each_us(all_of_it, "load", ticked),
        "p50_ms": all_of_it.time("ticked").percentile_ms(50),
        "p99_ms": all_of_it.time("ticked").percentile_ms(99),
        "p999_ms": all_of_it.time("ticked").percentile_ms(99.9),
        "max_ms": all_of_it.time("ticked").max_ms,
        "accepted_p50_ms": all_of_it.time("accepted").percentile_ms(50),
        "accepted_p99_ms": all_of_it.time("accepted").percentile_ms(99),
        "delivered_p50_ms": all_of_it.time("delivered").percentile_ms(50),
        "delivered_p99_ms": all_of_it.time("delivered").percentile_ms(99),
        "missing": missing,
    }


def _line(interval: Interval) -> str:
    p99 = interval.sample.times.get("ticked")
    late = f", p99 {p99.percentile_ms(99):.1f} ms" if p99 is not None else ""
    rate, on_their_way = interval.per_second("ticked"), interval.sample.in_flight
    return f"{rate:,.0f} messages a second{late}, {on_their_way} on their way"
