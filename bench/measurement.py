"""What a scenario is given, and what it gives back."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from bench.accounts import Account
from bench.errors import BenchError
from bench.histogram import Histogram
from bench.load.crew import Assignment, Crew, share
from bench.load.fleet import Fleet
from bench.load.process import MakeCrew
from bench.node import SETTINGS, Fill, Node
from bench.progress import Progress
from bench.timeline import Interval, Total, Use
from bench.verdict import Verdict

C = TypeVar("C", bound=Crew)

Figure = float | int | None
"""None where a figure could not be read: of a node on another machine, CPU and memory."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the plots: one interval of a repetition."""

    at: float
    """Seconds since the load began."""
    values: dict[str, Figure]


@dataclass(slots=True)
class Measurement:
    """One repetition of a scenario."""

    figures: dict[str, Figure]
    verdict: Verdict
    uses: list[Use]
    """CPU of every process in the measured time."""
    points: list[Point] = field(default_factory=list)
    histograms: dict[str, Histogram] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a scenario plays: a node, cores for the load, and somebody to tell how it goes."""

    node: Node
    load_cpus: frozenset[int]
    load_processes: int
    progress: Progress

    def with_accounts(self, accounts: Sequence[Any]) -> Stage:
        """The same stage for other devices."""
        return dataclasses.replace(self, node=dataclasses.replace(self.node, accounts=accounts))

    def crew(self, name: str, ours: type[C]) -> type[C]:
        """Who plays a part of a scenario: our own crew, or that of the peer that is measured.

        Args:
            name: the part, as peers know it (bench/peers/peer.py).
            ours: the crew that speaks with a Roost node; a peer's derives from it.
        """
        return cast("type[C]", self.node.crews.get(name, ours))

    def fleet(self, make_crew: MakeCrew, accounts: Sequence[Any], plan: object, processes: int = 0) -> Fleet:
        """Load processes for these accounts; enter it to start them.

        Args:
            make_crew: what each process runs.
            accounts: shared out evenly.
            plan: the scenario's parameters.
            processes: how many at least.

        Raises:
            BenchError: the node's name has no address.
        """
        node = self.node
        place = (resolved(node.host), node.port)  # once, and not for each of thousands of connections
        alike = Assignment(0, 1, place, node.relay_key, (), 0, plan, is_local=node.is_local)
        return Fleet(make_crew, share(alike, accounts, max(processes, self.load_processes)), self.load_cpus)


def resolved(host: str) -> str:
    """The IPv4 address of a host.

    Raises:
        BenchError: it has none.
    """
    try:
        return socket.gethostbyname(host)
    except OSError as error:
        raise BenchError(f"{host}: {error.strerror}") from None


class Scenario(Protocol):
    """What a module of bench.scenarios provides; its docstring is what `--help` says.

    It may also have `settings(plan)`, what its node runs with besides, and `fill(plan, data, accounts)`,
    which puts into the node's store what the scenario begins with (`settings_of`, `fill_of`).
    """

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the scenario's own options."""

    def plan(self, args: argparse.Namespace) -> Any:
        """The scenario's parameters, a frozen dataclass.

        Raises:
            ValueError: options that do not go together.
        """

    def accounts(self, plan: Any) -> int:
        """How many accounts it needs."""

    def measure(self, stage: Stage, plan: Any) -> Measurement:
        """Play it once.

        Raises:
            BenchError: it could not be measured.
        """


def settings_of(scenario: Scenario, plan: Any) -> dict[str, str | int]:
    """What a node of the bench's own runs with, where it differs from the defaults."""
    own: Callable[[Any], Mapping[str, str | int]] | None = getattr(scenario, "settings", None)
    return {**SETTINGS, **(own(plan) if own is not None else {})}


def fill_of(scenario: Scenario, plan: Any) -> Fill:
    """What puts into a store what a scenario begins with; nothing for most."""
    own: Callable[[Any, Path, Sequence[Account]], None] | None = getattr(scenario, "fill", None)
    return (lambda data, accounts: None) if own is None else functools.partial(own, plan)


def each_us(all_of_it: Total, name: str, count: int) -> Figure:
    """CPU microseconds that processes of a name used for one of `count`; None if there are none."""
    if not count or not any(use.name.startswith(name) for use in all_of_it.uses):
        return None
    return round(all_of_it.cpu_seconds(name) / count * 1e6, 1)


def points(intervals: Sequence[Interval]) -> list[Point]:
    """The plots' share of what happened second by second; what never happened is left out."""
    if not intervals:
        return []
    began = intervals[0].began
    return [Point(round(each.began + each.seconds - began, 2), _values(each)) for each in intervals]


def _values(interval: Interval) -> dict[str, Figure]:
    values: dict[str, Figure] = {
        f"{what}_per_s": round(interval.per_second(what), 1) for what in sorted(interval.sample.counts)
    }
    for what, histogram in sorted(interval.sample.times.items()):
        values[f"{what}_p50_ms"] = histogram.percentile_ms(50)
        values[f"{what}_p99_ms"] = histogram.percentile_ms(99)
    values["online"] = interval.sample.online
    values["in_flight"] = interval.sample.in_flight
    if interval.node_bytes:
        values["node_mib"] = round(interval.node_bytes / 2**20, 1)
    for name in ("worker", "load"):
        used = [use.cpu_seconds for use in interval.uses if use.name.startswith(name)]
        if used:
            values[f"{name}_cpu_percent"] = round(100 * sum(used) / interval.seconds, 1)
    return values
