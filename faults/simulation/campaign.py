"""Many histories, and what came of them all together: the table at the end, and the same as JSON."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from faults.simulation.history import Founder, Outcome, run_history
from faults.simulation.plan import Plan


@dataclass
class Tally:
    """The sums over all histories so far."""

    histories: int = 0
    simulated_seconds: float = 0.0
    wall_seconds: float = 0.0
    messages: int = 0
    shown: int = 0
    frames: int = 0
    commits: int = 0
    healing_seconds: list[float] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count a history."""
        self.histories += 1
        self.simulated_seconds += outcome.simulated_seconds
        self.wall_seconds += outcome.wall_seconds
        self.messages += outcome.messages
        self.shown += outcome.shown
        self.frames += outcome.frames
        self.commits += outcome.commits
        self.healing_seconds.append(outcome.healing_seconds)
        for name, count in outcome.faults.items():
            self.faults[name] = self.faults.get(name, 0) + count
        if outcome.problems:
            self.failed.append(outcome)

    @property
    def speed(self) -> float:
        """Simulated seconds in one of the wall's."""
        return self.simulated_seconds / self.wall_seconds if self.wall_seconds else 0.0

    def as_data(self) -> dict[str, Any]:
        """The table as JSON has it."""
        return {
            "histories": self.histories,
            "simulated_hours": round(self.simulated_seconds / 3_600, 3),
            "simulated_hours_per_wall_hour": round(self.speed, 1),
            "wall_seconds": round(self.wall_seconds, 1),
            "messages": self.messages,
            "shown": self.shown,
            "frames": self.frames,
            "commits": self.commits,
            "healing_seconds_p50": _percentile(self.healing_seconds, 0.5),
            "healing_seconds_p99": _percentile(self.healing_seconds, 0.99),
            "faults": dict(sorted(self.faults.items())),
            "violations": [
                {"seed": outcome.plan.seed, "problems": outcome.problems, "digest": outcome.digest}
                for outcome in self.failed
            ],
        }

    def as_lines(self) -> list[str]:
        """The table as people read it."""
        data = self.as_data()
        lines = [
            f"histories                 {data['histories']:>10,}",
            f"simulated hours           {data['simulated_hours']:>10,.2f}",
            f"simulated hours an hour   {data['simulated_hours_per_wall_hour']:>10,.1f}",
            f"messages written          {data['messages']:>10,}",
            f"messages shown            {data['shown']:>10,}",
            f"frames                    {data['frames']:>10,}",
            f"commits                   {data['commits']:>10,}",
            f"seconds to heal, p50      {data['healing_seconds_p50']:>10,.1f}",
            f"seconds to heal, p99      {data['healing_seconds_p99']:>10,.1f}",
            f"faults injected           {sum(self.faults.values()):>10,}",
        ]
        by_number = sorted(self.faults.items(), key=lambda item: (-item[1], item[0]))
        lines += [f"  {name:<24}{count:>10,}" for name, count in by_number]
        lines.append(f"histories with violations {len(self.failed):>10,}")
        return lines


def _percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 1) if ordered else 0.0


def run_campaign(plans: Iterable[Plan], founder: Founder, tell: Callable[[Outcome], None]) -> Tally:
    """Carry out one plan after the other; `tell` hears of each."""
    tally = Tally()
    for plan in plans:
        outcome = run_history(plan, founder)
        tally.add(outcome)
        tell(outcome)
    return tally
