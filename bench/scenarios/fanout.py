"""Groups: one member writes, all others are online: how many deliveries a second, and how late the last is.

  roost bench fanout                       a group of 1,024, 4 messages on their way: as fast as it goes
  roost bench fanout --members 64 --window 1     how late the last member of a small group has a message

The first device creates the group, with made-up signatures (a relay knows none), and writes the next message
when all members have an older one: when its ✓✓ has come. A message says when it was sent. Each load process
notes when the last of its own members has it; with one load process that is the last of all.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import struct
from dataclasses import dataclass
from typing import Any, Final

from bench.accounts import Account
from bench.load.crew import Assignment, Crew, now
from bench.load.device import Device
from bench.load.endpoint import Endpoint
from bench.load.founding import APPEND, MAX_EPOCH, SEND_GROUP, entries_for, founding_entries
from bench.load.loop import Loop
from bench.load.roles import Gathered, GroupWriting
from bench.load.wire import ACCEPTED, ACK, BIND, DELIVER, DELIVERED, FETCH_PROGRESS, PROGRESSES
from bench.measurement import Figure, Measurement, Stage, each_us, points
from bench.scenarios.options import add_times, positive
from bench.timeline import Interval, Total, Watch, total
from bench.verdict import judge_closed_loop
from protocol import GroupAddress, GroupId, address_to_bytes
from protocol.limits import MAX_GROUP_MEMBERS

GROUP: Final = 0  # the handle that every device binds for the group

LOGIN_SECONDS = 120.0
FOUNDING_SECONDS = 60.0

_SENT_AT: Final = struct.Struct(">dQ")  # when, and the how manieth message


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters."""

    members: int = 1_024
    window: int = 4
    """Messages on their way at a time."""
    ciphertext_bytes: int = 100
    duration: float = 10.0
    warmup: float = 3.0
    group: int = 1
    """The group's id; drawn when it is measured."""
    users: tuple[int, ...] = ()
    """Whose accounts are its members."""

    @property
    def entries(self) -> int:
        """As many entries as its log begins with."""
        return entries_for(self.members)


DEFAULT = Plan()


class Member(Gathered, Device):
    """Acknowledges what it gets."""

    def __init__(self, crew: FanoutCrew, index: int) -> None:
        super().__init__(crew, crew.assignment.accounts[index], crew.source(index))
        self.seq = self.acked = 0

    def join(self) -> None:
        """The writer makes it a member, and an entry of the group's log tells it so."""

    def hear(self, kind: int, item: tuple[Any, ...], now: float) -> None:
        """Note when it came; an entry of the group's log says that the group is there."""
        if kind == DELIVER:
            self.seq = item[1]
            if item[7:8] == (1,):
                self.crew.ready += item[3] == self.crew.plan.entries
            else:
                self.crew.arrived(item[4], now)

    def heard_all(self, now: float) -> None:
        """One acknowledgement for everything that was read."""
        if self.seq != self.acked:
            self.acked = self.seq
            self.wire.say((ACK, self.seq))


class Writer(GroupWriting, Member):
    """The first device: creates the group, and writes."""

    def __init__(self, crew: FanoutCrew, index: int) -> None:
        super().__init__(crew, index)
        self.begin_to_write()

    def join(self) -> None:
        """Create the group of all accounts of the run."""
        plan = self.crew.plan
        self.wire.say((BIND, GROUP, address_to_bytes(GroupAddress(GroupId(plan.group)))))
        self.wire.say((FETCH_PROGRESS, 2, (), (plan.group,)))
        for signed in founding_entries(plan.group, self.account.address, plan.users):
            self.wire.say((APPEND, 1, plan.group, (signed,)))
            self.flush()

    def hear(self, kind: int, item: tuple[Any, ...], now: float) -> None:
        """Ticks, besides what all members hear."""
        if kind == ACCEPTED:
            self.crew.counts["accepted"] += 1
        elif kind == DELIVERED:
            self.was_ticked(item[2], now)
        elif kind == PROGRESSES:
            self.number = item[3][0][1]
        else:
            super().hear(kind, item, now)

    def heard_all(self, now: float) -> None:
        """Write as much as was ticked."""
        super().heard_all(now)
        self.fill()

    def write(self, number: int, payload: bytes) -> None:
        """A SendGroup, with the payload as its ciphertext."""
        self.wire.say((SEND_GROUP, GROUP, number, MAX_EPOCH, payload))


class FanoutCrew(Crew):
    """The members that are in one process."""

    sees_ticks = False
    """Whether a message counts as ticked when all members *here* have it, because the system has no word for
    it that the writer would hear; all members have to be in one process then."""

    def __init__(self, loop: Loop, assignment: Assignment) -> None:
        self.plan: Plan = assignment.plan
        self.ready = 0  # members that know of everybody
        self.window = 0  # until told to go
        self._is_founding = False
        super().__init__(loop, assignment)
        self._here: dict[int, int] = {}  # {message: members here that have it}
        self._awaited = sum(not isinstance(device, GroupWriting) for device in self.devices)
        self._writer = next((each for each in self.devices if isinstance(each, GroupWriting)), None)
        self._since = float("inf")

    def make_device(self, index: int) -> Endpoint:
        """The very first one writes."""
        is_writer = self.assignment.first + index == 0
        return Writer(self, index) if is_writer else Member(self, index)

    def online(self) -> int:
        """Members that are logged in; then, those that know of the whole group."""
        return self.ready if self._is_founding else super().online()

    def in_flight(self) -> int:
        """Messages that are sent and not ticked."""
        return len(self._writer.due) if self._writer is not None else 0

    def payload(self, number: int, at: float) -> bytes:
        """What a message of this number that is sent now carries."""
        return _SENT_AT.pack(at, number).ljust(self.plan.ciphertext_bytes, b"c")

    def arrived(self, ciphertext: bytes, at: float) -> None:
        """A member has a message."""
        sent, number = _SENT_AT.unpack_from(ciphertext)
        self.counts["delivered"] += 1
        here = self._here.get(number, 0) + 1
        if here < self._awaited:
            self._here[number] = here
            return
        self._here.pop(number, None)
        if sent >= self._since:
            self.record("last", at - sent)
        if self.sees_ticks and self._writer is not None:
            self._writer.was_ticked(number, at)
            self._writer.fill()
            self._writer.flush()

    def order(self, word: str, argument: float) -> None:
        """`found`, `go`, `time` since when, `halt`."""
        if word == "time":
            self._since = argument
        elif word == "halt":
            self.window = 0
        elif word == "found":
            self._found()
        elif word == "go":
            self._go()
        else:
            super().order(word, argument)

    def _found(self) -> None:
        self._is_founding = True
        for device in self.devices:
            assert isinstance(device, Gathered)
            device.join()
            device.flush()

    def _go(self) -> None:
        if self._writer is not None:
            self.window = self.plan.window
            self._writer.fill()
            self._writer.flush()


# --- the bench's side ---


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the scenario's own options."""
    parser.add_argument(
        "--members", type=positive, default=DEFAULT.members, help="members of the group (1,024)"
    )
    parser.add_argument("--window", type=positive, default=DEFAULT.window, help="messages on their way (4)")
    parser.add_argument(
        "--ciphertext-bytes", type=positive, default=DEFAULT.ciphertext_bytes, metavar="N", help="(100)"
    )
    add_times(parser, DEFAULT.duration, DEFAULT.warmup)


def plan(args: argparse.Namespace) -> Plan:
    """The scenario's parameters.

    Raises:
        ValueError: a group that cannot be, or a ciphertext that has no room for its time.
    """
    if not 2 <= args.members <= MAX_GROUP_MEMBERS:
        raise ValueError(f"--members is between 2 and {MAX_GROUP_MEMBERS}")
    if args.ciphertext_bytes < _SENT_AT.size:
        raise ValueError(f"--ciphertext-bytes is at least {_SENT_AT.size}")
    return Plan(args.members, args.window, args.ciphertext_bytes, args.duration, args.warmup)


def accounts(plan: Plan) -> int:
    """One for a member."""
    return plan.members


def measure(stage: Stage, plan: Plan) -> Measurement:
    """Connect everybody, create the group, write, and measure after a while of warming up.

    Raises:
        BenchError: a device was refused, or lost.
    """
    chosen = stage.node.accounts[: plan.members]
    plan = dataclasses.replace(
        plan,
        group=int.from_bytes(os.urandom(7)) + 1,
        users=tuple(each.address.user for each in chosen if isinstance(each, Account)),
    )
    make_crew = stage.crew("fanout", FanoutCrew)
    if make_crew.sees_ticks:
        stage = dataclasses.replace(stage, load_processes=1)
    with stage.fleet(make_crew, chosen, plan) as fleet:
        stage.progress.phase("logging in")
        fleet.log_in()
        fleet.wait_until(
            lambda seen: seen.online == plan.members,
            LOGIN_SECONDS,
            lambda seen: stage.progress.say(f"{seen.online} of {plan.members} members are online"),
        )
        stage.progress.phase("founding the group")
        fleet.order("found")
        fleet.wait_until(
            lambda seen: seen.online >= plan.members,
            FOUNDING_SECONDS,
            lambda seen: stage.progress.say(f"{seen.online} of {plan.members} members know of the group"),
        )
        watch = Watch(fleet, stage.node, lambda interval: stage.progress.say(_line(interval)))
        fleet.order("go")
        stage.progress.phase("warming up", plan.warmup)
        watch.during(plan.warmup)
        fleet.order("time", now())
        watch.cut()
        stage.progress.phase("measuring", plan.duration)
        everything = total(watch.during(plan.duration))
        fleet.order("halt")
    return Measurement(
        figures=_figures(everything),
        verdict=judge_closed_loop(everything, stage.node.name),
        uses=everything.uses,
        points=points(watch.intervals),
        histograms=everything.times,
    )


def _figures(all_of_it: Total) -> dict[str, Figure]:
    delivered = all_of_it.counts["delivered"]
    return {
        "messages": all_of_it.counts["ticked"],
        "delivered_per_s": round(all_of_it.per_second("delivered"), 1),
        "ticked_per_s": round(all_of_it.per_second("ticked"), 1),
        "last_member_ms": all_of_it.time("last").percentile_ms(50),
        "last_member_p99_ms": all_of_it.time("last").percentile_ms(99),
        "worker_cpu_us_per_delivery": each_us(all_of_it, "worker", delivered),
        "load_cpu_us_per_delivery": each_us(all_of_it, "load", delivered),
        "p50_ms": all_of_it.time("ticked").percentile_ms(50),
        "p99_ms": all_of_it.time("ticked").percentile_ms(99),
    }


def _line(interval: Interval) -> str:
    last = interval.sample.times.get("last")
    late = f", last member {last.percentile_ms(50):.1f} ms" if last is not None else ""
    return f"{interval.per_second('delivered'):,.0f} deliveries a second{late}"
