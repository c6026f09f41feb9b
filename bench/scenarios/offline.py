"""Messages to people who are away: accepted a second, disk that each takes, and how fast they are fetched.

  roost bench offline                      100 people are away and get 1,000 messages each

200 devices write to recipients who are not there, each with a window of 8, until all messages are accepted.
Then the disk is looked at, and the recipients log in together, and fetch and acknowledge what waits for them.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.accounts import Account
from bench.load.crew import Assignment, Crew
from bench.load.device import Device
from bench.load.endpoint import Endpoint
from bench.load.loop import Loop
from bench.load.roles import Writing
from bench.load.wire import (
    ACCEPTED,
    ACK,
    DELIVER,
    FETCH_PROGRESS,
    PROGRESSES,
    SEND,
    accepted_before,
    bind,
)
from bench.measurement import Figure, Measurement, Stage, each_us, points
from bench.scenarios.options import positive
from bench.timeline import Total, Watch, total
from bench.verdict import both, judge_phase

RECIPIENT: Final = 0  # the handle that a writer binds for the one it writes to

PHASE_SECONDS = 300.0

# So many looks say how fast it goes now.
RECENT = 20

LOGIN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters."""

    recipients: int = 100
    queued: int = 1_000
    """Messages for each."""
    writers: int = 200
    window: int = 8
    """Messages that a writer keeps on their way."""
    ciphertext_bytes: int = 100

    @property
    def messages(self) -> int:
        """All of them."""
        return self.recipients * self.queued


DEFAULT = Plan()


class Writer(Writing, Device):
    """Writes so many messages to one who is away, a window at a time."""

    recipient: Account

    def __init__(
        self, crew: WritersCrew, account: Account, source: str, recipient: Account, count: int
    ) -> None:
        super().__init__(crew, account, source)
        self.begin_to_write(recipient, count)

    def greet(self) -> None:
        """Name the recipient, and ask how far the conversation has come."""
        user = self.recipient.address.user
        self.wire.say(bind(RECIPIENT, user), (FETCH_PROGRESS, 1, (user,)))

    def write(self, number: int) -> None:
        """A Send, with a prepared ciphertext."""
        self.wire.say((SEND, RECIPIENT, number, self.crew.ciphertext))

    def hear(self, kind: int, item: tuple[Any, ...], now: float) -> None:
        """Count what was accepted."""
        if kind == PROGRESSES:
            self.number = self.accepted = accepted_before(item, self.recipient.address.user)
            super().greet()
        elif kind == ACCEPTED:
            self.was_accepted(item[2], now)

    def heard_all(self, now: float) -> None:
        """As much to send as was accepted."""
        self.fill(now)


class WritersCrew(Crew):
    """Its plan is (the scenario's, the recipients)."""

    def __init__(self, loop: Loop, assignment: Assignment) -> None:
        self.plan: Plan
        self.recipients: Sequence[Any]
        self.plan, self.recipients = assignment.plan
        self.ciphertext = b"c" * self.plan.ciphertext_bytes
        self.window = 0
        self.ready = 0
        super().__init__(loop, assignment)

    def make_device(self, index: int) -> Endpoint:
        """A writer; recipients and messages are shared out evenly."""
        place = self.assignment.first + index
        count = share_of(self.plan.messages, self.plan.writers, place)
        recipient = self.recipients[place % len(self.recipients)]
        return self.make_writer(self.assignment.accounts[index], self.source(index), recipient, count)

    def make_writer(self, account: Any, source: str, recipient: Any, count: int) -> Writing:
        """One that has so many messages for this recipient."""
        return Writer(self, account, source, recipient, count)

    def came_online(self, device: Endpoint, now: float) -> None:
        """Let it greet, and let the next one log in."""
        assert isinstance(device, Writing)
        device.greet()
        super().came_online(device, now)

    def online(self) -> int:
        """Writers that know where their conversation stands."""
        return self.ready

    def order(self, word: str, argument: float) -> None:
        """`go`."""
        if word != "go":
            super().order(word, argument)
        self.window = self.plan.window
        for device in self.devices:
            assert isinstance(device, Writing)
            device.fill(argument)
            device.flush()


class Fetcher(Device):
    """Acknowledges whatever comes."""

    __slots__ = ("seq",)

    def __init__(self, crew: Crew, account: Account, source: str) -> None:
        super().__init__(crew, account, source)
        self.seq = 0

    def hear(self, kind: int, item: tuple[Any, ...], now: float) -> None:
        """Count what was fetched."""
        if kind == DELIVER:
            self.seq = item[1]
            self.crew.counts["drained"] += 1

    def heard_all(self, now: float) -> None:
        """One acknowledgement for everything that was read."""
        if self.seq:
            self.wire.say((ACK, self.seq))
            self.seq = 0


class FetchersCrew(Crew):
    """Recipients who come back."""

    def make_device(self, index: int) -> Endpoint:
        """A fetcher."""
        return Fetcher(self, self.assignment.accounts[index], self.source(index))


# --- the bench's side ---


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the scenario's own options."""
    parser.add_argument("--recipients", type=positive, default=DEFAULT.recipients, help="who are away (100)")
    parser.add_argument(
        "--queued", type=positive, default=DEFAULT.queued, metavar="N", help="messages for each (1000)"
    )
    parser.add_argument("--writers", type=positive, default=DEFAULT.writers, help="devices that write (200)")
    parser.add_argument("--window", type=positive, default=DEFAULT.window, help="of each of them (8)")


def plan(args: argparse.Namespace) -> Plan:
    """The scenario's parameters."""
    return Plan(args.recipients, args.queued, args.writers, args.window)


def accounts(plan: Plan) -> int:
    """Writers and recipients."""
    return plan.writers + plan.recipients


def measure(stage: Stage, plan: Plan) -> Measurement:
    """Write, look at the disk, fetch.

    Raises:
        BenchError: a device was refused, or lost.
    """
    writers = stage.node.accounts[: plan.writers]
    recipients = stage.node.accounts[plan.writers : accounts(plan)]
    _introduce(stage, plan, recipients)
    before = _disk_when_saved(stage)
    stage.progress.phase("the writers log in")
    with stage.fleet(stage.crew("writers", WritersCrew), writers, (plan, recipients)) as fleet:
        fleet.log_in()
        fleet.wait_until(lambda seen: seen.online == plan.writers, LOGIN_SECONDS)
        writing = Watch(
            fleet, stage.node, lambda interval: stage.progress.say(_line(writing, "accepted", plan.messages))
        )
        stage.progress.phase(f"writing {plan.messages:,} messages")
        fleet.order("go", writing.began)
        accepted = total(writing.until_counted("accepted", plan.messages, PHASE_SECONDS))
    after = _disk_when_saved(stage)
    stage.progress.phase(f"fetching {plan.messages:,} messages")
    with stage.fleet(stage.crew("fetchers", FetchersCrew), recipients, plan) as fleet:
        fetching = Watch(
            fleet, stage.node, lambda interval: stage.progress.say(_line(fetching, "drained", plan.messages))
        )
        fleet.log_in()
        drained = total(fetching.until_counted("drained", plan.messages, PHASE_SECONDS))
    return Measurement(
        figures=_figures(
            plan, accepted, drained, None if before is None or after is None else after - before
        ),
        verdict=both(
            judge_phase(accepted, "accepting", stage.node.name),
            judge_phase(drained, "fetching", stage.node.name),
        ),
        uses=accepted.uses,
        points=points([*writing.intervals, *fetching.intervals]),
        histograms=accepted.times,
    )


def _figures(plan: Plan, accepted: Total, drained: Total, grown: int | None) -> dict[str, Figure]:
    return {
        "messages": accepted.counts["accepted"],
        "accepted_per_s": round(accepted.per_second("accepted"), 1),
        "worker_cpu_us_per_message": each_us(accepted, "worker", plan.messages),
        "accepted_p50_ms": accepted.time("accepted").percentile_ms(50),
        "accepted_p99_ms": accepted.time("accepted").percentile_ms(99),
        "bytes_on_disk_per_message": None if grown is None else round(grown / plan.messages),
        "drained_per_s": round(drained.per_second("drained"), 1),
        "drain_cpu_us_per_message": each_us(drained, "worker", plan.messages),
    }


def _introduce(stage: Stage, plan: Plan, recipients: Sequence[Any]) -> None:
    """Have the recipients been there once, for a server that keeps messages only for those it has seen."""
    crew = stage.node.crews.get("absentees")
    if crew is None:
        return
    stage.progress.phase("the recipients are there once")
    with stage.fleet(crew, recipients, plan) as fleet:
        fleet.log_in()
        fleet.wait_until(lambda seen: seen.online == plan.recipients, LOGIN_SECONDS)


def _disk_when_saved(stage: Stage) -> int | None:
    stage.node.save()
    return disk_bytes(stage.node.data)


def disk_bytes(data: Path | None) -> int | None:
    """What a data folder takes on its disk, holes of files left out; None if it is not ours to look into."""
    if data is None:
        return None
    files = (Path(folder) / name for folder, _, names in os.walk(data) for name in names)
    return sum(file.stat().st_blocks * 512 for file in files)


def share_of(amount: int, shares: int, place: int) -> int:
    """How much of an amount falls to one of several, none having two more than another."""
    return amount * (place + 1) // shares - amount * place // shares


def _line(watch: Watch, what: str, count: int) -> str:
    """How many there were, and how long the others take at the rate of the last second or so."""
    done = sum(interval.sample.counts[what] for interval in watch.intervals)
    rate = total(watch.intervals[-RECENT:]).per_second(what)
    left = f", {(count - done) / rate:.0f} s left" if rate else ""
    return f"{done:,}, {rate:,.0f} a second{left}"
