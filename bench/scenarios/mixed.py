"""What people do, in WhatsApp's published proportions, at a rate that rises until p99 leaves its bound.

  roost bench mixed                        p99 of send → ✓✓ within 100 ms
  roost bench mixed --bound 50 --first 1000

The proportions are those of Rick Reed's talk of 2014 (147 million connected, 342 thousand messages in, 712
thousand out and 230 thousand logins a second, half of all messages read within a minute). Of each 100
messages 50 go to somebody who is away. The other 50 go to people who are there and read at once: 32 to a
partner, who is told first that one is typing, and 18 to a group of eight, so that a message goes to 2.1
people. And 67 times somebody who was away logs in, is seen online by whoever watches, fetches and
acknowledges what waits, and leaves. Everything is due at a fixed rate. A step of the staircase is half as
much again as the one before; after the first that is not held, the middle between is tried.

It is a day compressed: who is away comes back within seconds or minutes and not hours, so less waits at a
time than on a real node. What the length of the queues costs is in `growth`. Left out: photos, which no relay
sees, and calls.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from bench.accounts import Account
from bench.errors import BenchError
from bench.load.crew import Assignment
from bench.load.crew import now as clock
from bench.load.device import Device
from bench.load.endpoint import Endpoint
from bench.load.founding import APPEND, MAX_EPOCH, SEND_GROUP, founding_entries
from bench.load.loop import Loop
from bench.load.pace import Pace
from bench.load.roles import Step
from bench.load.wire import (
    ACCEPTED,
    ACK,
    AVAILABLE,
    BIND,
    DELIVER,
    DELIVERED,
    FETCH_PROGRESS,
    PING,
    PRESENCE,
    READ,
    SEND,
    SUBSCRIBE,
    TYPING,
    accepted_before,
    bind,
)
from bench.measurement import Figure, Measurement, Stage, each_us, points
from bench.scenarios import pairs
from bench.scenarios.options import add_times, positive, positive_float
from bench.scenarios.pairs import LOGIN_SECONDS, PARTNER, TURN_SECONDS, PairsCrew, Talker
from bench.timeline import Interval, Total, Watch, total
from bench.verdict import Verdict, judge_open_loop
from protocol import GroupAddress, GroupId, address_to_bytes

GSEQ: Final = 6
"""The place of a group's number in a Deliver; one that is nobody's ends before it."""

AWAY: Final = 2  # the handle that every talker binds for somebody who is away; a client's are even

GROUP: Final = 4  # and for the group that all of us are in

LOGINS_A_MESSAGE = 230 / 342

RECIPIENTS_A_MESSAGE = 712 / 342

GROUP_MEMBERS = 8

# The other members, less the one recipient that such a message would have elsewhere.
GROUP_PART = (RECIPIENTS_A_MESSAGE - 1) / (GROUP_MEMBERS - 2)

HERE_PART = 0.5
"""Of all messages: those that are read within a minute."""

FOUNDING_SECONDS = 60.0

GROWTH = 1.5
"""From one step of the staircase to the next."""

HELD = 0.97
"""Part of what was due that has to come for a step to be held; the rest is on its way when it ends."""

MAX_STEPS = 20

CALM_SECONDS = 1.0
"""Between two steps: what a step that was not held has left behind is to be gone."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters."""

    pairs: int = 200
    away: int = 400
    """People who are away, and come back in turn."""
    bound: float = 100.0
    """Milliseconds within which 99 % of all ✓✓ have to come."""
    first: float = 200.0
    """Messages a second of the first step."""
    ciphertext_bytes: int = 100
    duration: float = 8.0
    """Of each step."""
    warmup: float = 2.0
    """The same."""


DEFAULT = Plan()


@dataclass(frozen=True, slots=True)
class Work:
    """What a process' crew needs to know."""

    plan: Plan
    absent: Sequence[Account]
    """Those who are away, of all processes."""


class Way(Enum):
    """Whom a message is for."""

    AWAY = "away"
    GROUP = "group"
    PARTNER = "partner"


def way_of(number: int) -> Way:
    """Whom message `number` is for: at even distances, so that a second is like any other."""
    if number % 2:
        return Way.AWAY
    place, part = number // 2, GROUP_PART / HERE_PART
    return Way.GROUP if math.floor((place + 1) * part) > math.floor(place * part) else Way.PARTNER


class Friend(Talker):
    """Talks with its partner and its group, reads at once, and writes to somebody who is away."""

    crew: MixedCrew

    def __init__(self, crew: MixedCrew, index: int) -> None:
        super().__init__(crew, index)
        place = crew.assignment.first + index
        self.absent = crew.absent[place % len(crew.absent)]
        self.away, self.in_group = Step(), Step()
        self.away_number = self.group_number = 0

    def greet(self) -> None:
        """Name the one who is away, too, watch both, and ask how far both conversations have come."""
        partner, absent = self.partner.account.address.user, self.absent.address.user
        self.wire.say(bind(PARTNER, partner), bind(AWAY, absent), (FETCH_PROGRESS, 1, (partner, absent)))
        self.wire.say(AVAILABLE, (SUBSCRIBE, PARTNER), (SUBSCRIBE, AWAY))

    def join(self, group: int, founded_for: Sequence[int]) -> None:
        """Name the group that we are in; found it for these users, if it is for us to do."""
        self.wire.say((BIND, GROUP, address_to_bytes(GroupAddress(GroupId(group)))))
        if founded_for:
            signed = tuple(founding_entries(group, self.account.address, founded_for))
            self.wire.say((APPEND, 2, group, signed))
        self.flush()

    def go_on(self, progresses: tuple[Any, ...]) -> None:
        """Number the messages of both."""
        super().go_on(progresses)
        self.away_number = self.away.reached = accepted_before(progresses, self.absent.address.user)

    def send(self, due: float) -> None:
        """Type first."""
        self.wire.say((TYPING, PARTNER))
        super().send(due)

    def send_to_group(self, due: float) -> None:
        """Write to the group."""
        self.group_number += 1
        self.in_group.due.append(due)
        self.wire.say((SEND_GROUP, GROUP, self.group_number, MAX_EPOCH, self.crew.ciphertext))

    def send_away(self, due: float) -> None:
        """Write to the one who is away."""
        self.away_number += 1
        self.away.due.append(due)
        self.wire.say((SEND, AWAY, self.away_number, self.crew.ciphertext))

    def hear(self, kind: int, item: tuple[Any, ...], now: float) -> None:
        """Read what comes; what becomes of a message to somebody who is away is of interest up to its ✓."""
        if kind == DELIVER and len(item) > GSEQ:
            self._hear_of_group(item)
        elif kind == DELIVER:
            self.wire.say((READ, item[2], item[3]))
            super().hear(kind, item, now)
        elif kind == PRESENCE:
            self.crew.counts["presences"] += 1
        elif kind == ACCEPTED and item[1] == AWAY:
            self.crew.count("accepted_for_later", self.away.reach(item[2]), now)
        elif kind == DELIVERED and item[1] == GROUP:
            self.crew.count("ticked", self.in_group.reach(item[2]), now)
        elif kind not in (ACCEPTED, DELIVERED) or item[1] == PARTNER:
            super().hear(kind, item, now)

    def _hear_of_group(self, item: tuple[Any, ...]) -> None:
        """A message, which is read, or the entry that says that we are in it."""
        self.seq = item[1]
        if item[GSEQ + 1 :] == (1,):
            self.crew.in_groups += 1
        else:
            self.crew.counts["delivered_in_groups"] += 1
            self.wire.say((READ, GROUP, item[GSEQ]))


class Comer(Device):
    """Comes back, fetches what waits, and leaves once the relay has heard that it has it."""

    __slots__ = ("crew", "left", "seq")

    crew: MixedCrew

    def __init__(self, crew: MixedCrew, account: Account, source: str) -> None:
        super().__init__(crew, account, source)
        self.left = self.seq = 0

    def welcomed(self, queued: int) -> None:
        """So many messages wait. Somebody is here, for whoever wants to know."""
        self.wire.say(AVAILABLE)
        self.left, self.seq = queued, 0
        self._leave_if_done()

    def hear(self, kind: int, item: tuple[Any, ...], now: float) -> None:
        """Take one."""
        if kind == DELIVER:
            self.seq = item[1]
            self.left -= 1
            self.crew.counts["fetched"] += 1

    def heard_all(self, now: float) -> None:
        """One acknowledgement for everything that was read."""
        if self.seq:
            self.wire.say((ACK, self.seq))
            self.seq = 0
            self._leave_if_done()

    def ponged(self) -> None:
        """Everything said before the ping has been heard."""
        if self.is_online and self.left <= 0:
            self.hang_up()

    def _leave_if_done(self) -> None:
        if self.left <= 0:
            self.wire.say(PING)


class MixedCrew(PairsCrew):
    """Friends, and this process' share of those who are away."""

    def __init__(self, loop: Loop, assignment: Assignment) -> None:
        work: Work = assignment.plan
        self.absent = work.absent
        talking = pairs.Plan(
            work.plan.pairs, None, work.plan.first, ciphertext_bytes=work.plan.ciphertext_bytes
        )
        super().__init__(loop, dataclasses.replace(assignment, plan=talking))
        self.in_groups = 0  # friends that know that they are in one
        self._is_founding = False
        self._coming_pace = Pace(0.0, 0.0)
        mine = self.absent[assignment.number :: assignment.processes]
        self.comers = [Comer(self, account, self.source(0)) for account in mine]

    def make_device(self, index: int) -> Endpoint:
        """A friend."""
        return Friend(self, index)

    def online(self) -> int:
        """Friends that know where their conversations stand; then, those that are in their groups."""
        return self.in_groups if self._is_founding else super().online()

    def found(self) -> None:
        """Have the friends of this process be in groups, neighbours in the same."""
        self._is_founding = True
        friends = [friend for friend in self.talkers if isinstance(friend, Friend)]
        for first in range(0, len(friends), GROUP_MEMBERS):
            group = int.from_bytes(os.urandom(7)) + 1
            members = friends[first : first + GROUP_MEMBERS]
            users = [member.account.address.user for member in members]
            for member in members:
                member.join(group, users if member is members[0] else ())

    def order(self, word: str, argument: float) -> None:
        """`found` groups; `rate`: from now on so many messages a second, of all processes together."""
        if word == "found":
            self.found()
            return
        if word != "rate":
            super().order(word, argument)
            return
        mine = argument / self.assignment.processes
        began = clock() + self.assignment.number / argument
        self._pace = Pace(began, mine)
        self._coming_pace = Pace(began, mine * LOGINS_A_MESSAGE)

    def halt(self) -> None:
        """Nobody comes any more, either."""
        super().halt()
        self._coming_pace = Pace(0.0, 0.0)

    def tick(self, now: float) -> float:
        """Do what is due: messages, each its way, and people who come back."""
        for number, due in self._pace.due(now):
            friend = self.talkers[number // 2 % len(self.talkers)]
            assert isinstance(friend, Friend)
            match way_of(number):
                case Way.AWAY:
                    friend.send_away(due)
                case Way.GROUP:
                    friend.send_to_group(due)
                case Way.PARTNER:
                    friend.send(due)
            friend.flush()
            self.record_lag(now, due)
        for number, _ in self._coming_pace.due(now):
            comer = self.comers[number % len(self.comers)]
            if comer.is_open:
                self.counts["still_here"] += 1  # it has not finished since its last turn
            else:
                comer.connect(self.assignment.relay_key)
        return TURN_SECONDS

    def came_online(self, device: Endpoint, now: float) -> None:
        """A friend greets; a comer is counted."""
        if isinstance(device, Friend):
            super().came_online(device, now)
        else:
            self.counts["logins"] += 1
            self.record("login", now - device.began)

    def hang_up(self) -> None:
        """Comers, too."""
        super().hang_up()
        for comer in self.comers:
            comer.hang_up()


# --- the bench's side ---


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the scenario's own options."""
    parser.add_argument("--pairs", type=positive, default=DEFAULT.pairs, help="pairs that are there (200)")
    parser.add_argument("--away", type=positive, default=DEFAULT.away, help="people who come and go (400)")
    parser.add_argument(
        "--bound", type=positive_float, default=DEFAULT.bound, metavar="MS", help="of p99, send → ✓✓ (100)"
    )
    parser.add_argument(
        "--first", type=positive_float, default=DEFAULT.first, metavar="RATE", help="of the first step (200)"
    )
    add_times(parser, DEFAULT.duration, DEFAULT.warmup)


def plan(args: argparse.Namespace) -> Plan:
    """The scenario's parameters."""
    return Plan(args.pairs, args.away, args.bound, args.first, duration=args.duration, warmup=args.warmup)


def accounts(plan: Plan) -> int:
    """Friends and those who are away."""
    return 2 * plan.pairs + plan.away


@dataclass(frozen=True, slots=True)
class Stair:
    """One step of the staircase, measured."""

    rate: float
    total: Total
    verdict: Verdict
    bound: float

    @property
    def is_held(self) -> bool:
        """Whether the node kept up, within the bound."""
        ticked, p99 = self.total.per_second("ticked"), self.total.time("ticked").percentile_ms(99)
        return p99 is not None and p99 <= self.bound and ticked >= HELD * self.rate / 2


Climb = Callable[[float], Stair]
"""Measures one step at a rate."""


def measure(stage: Stage, plan: Plan) -> Measurement:
    """Climb until a step is not held.

    Raises:
        BenchError: a device was refused or lost, or not even the first step was held.
    """
    friends, absent = (
        stage.node.accounts[: 2 * plan.pairs],
        stage.node.accounts[2 * plan.pairs : accounts(plan)],
    )
    with stage.fleet(MixedCrew, friends, Work(plan, absent)) as fleet:
        stage.progress.phase("logging in")
        fleet.log_in()
        fleet.wait_until(lambda seen: seen.online == len(friends), LOGIN_SECONDS)
        stage.progress.phase("founding the groups")
        fleet.order("found")
        fleet.wait_until(lambda seen: seen.online >= len(friends), FOUNDING_SECONDS)
        watch = Watch(fleet, stage.node, lambda interval: stage.progress.say(_line(interval)))

        def climb(rate: float) -> Stair:
            fleet.order("rate", rate)
            stage.progress.phase(f"warming up at {rate:,.0f} a second", plan.warmup)
            watch.during(plan.warmup)
            fleet.order("time", clock())
            watch.cut()
            stage.progress.phase(f"measuring at {rate:,.0f} a second", plan.duration)
            seen = total(watch.during(plan.duration))
            fleet.order("halt")
            stage.progress.phase("letting it calm down", CALM_SECONDS)
            watch.during(CALM_SECONDS)
            return Stair(rate, seen, judge_open_loop(seen, rate / 2), plan.bound)

        knee, broken = find_knee(climb, plan.first)
    return Measurement(
        figures=_figures(knee, broken),
        verdict=_verdict(knee, broken, plan),
        uses=knee.total.uses,
        points=points(watch.intervals),
        histograms=knee.total.times,
    )


def find_knee(climb: Climb, first: float) -> tuple[Stair, Stair]:
    """Climb by GROWTH until a step is not held, then try once in the middle.

    Returns:
        The highest step that was held, and the lowest that was not.

    Raises:
        BenchError: the first was not held, or all were.
    """
    held: Stair | None = None
    for place in range(MAX_STEPS):
        stair = climb(first * GROWTH**place)
        if stair.is_held:
            held = stair
            continue
        if held is None:
            raise BenchError(f"not even {first:g} a second were held: begin lower with --first")
        middle = climb(math.sqrt(held.rate * stair.rate))
        return (middle, stair) if middle.is_held else (held, middle)
    raise BenchError("the knee was not found: begin higher with --first")


def _figures(knee: Stair, broken: Stair) -> dict[str, Figure]:
    seen = knee.total
    messages = seen.counts["ticked"] + seen.counts["accepted_for_later"]
    return {
        "knee_per_s": round(knee.rate, 1),
        "broken_per_s": round(broken.rate, 1),
        "p50_ms": seen.time("ticked").percentile_ms(50),
        "p99_ms": seen.time("ticked").percentile_ms(99),
        "accepted_p99_ms": seen.time("accepted").percentile_ms(99),
        "login_p99_ms": seen.time("login").percentile_ms(99),
        "logins_per_s": round(seen.per_second("logins"), 1),
        "recipients_per_message": round(_recipients(seen) / max(1, messages), 2),
        "worker_cpu_us_per_message": each_us(seen, "worker", messages),
        "load_cpu_us_per_message": each_us(seen, "load", messages),
    }


def _recipients(seen: Total) -> int:
    """How many people all messages together went to."""
    return seen.counts["delivered"] + seen.counts["delivered_in_groups"] + seen.counts["accepted_for_later"]


def _verdict(knee: Stair, broken: Stair, plan: Plan) -> Verdict:
    p99 = broken.total.time("ticked").percentile_ms(99) or 0.0
    text = f"at {broken.rate:,.0f} a second p99 was {p99:.0f} ms, with a bound of {plan.bound:g}"
    if not broken.verdict.is_valid:
        return Verdict(False, "load", (text, *broken.verdict.sentences))
    return Verdict(knee.verdict.is_valid, "node", (text, *knee.verdict.sentences))


def _line(interval: Interval) -> str:
    p99 = interval.sample.times.get("ticked")
    late = f", p99 {p99.percentile_ms(99):.1f} ms" if p99 is not None else ""
    ticked, logins = interval.per_second("ticked"), interval.per_second("logins")
    return f"{2 * ticked:,.0f} messages and {logins:,.0f} logins a second{late}"
