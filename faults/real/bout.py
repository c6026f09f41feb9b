"""What came of a plan: each of its steps, and the whole run as it went. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from faults.real.node_health import Health
from faults.real.plan import Plan, Step


@dataclass(slots=True)
class Bout:
    """A step of the plan, and what came of it. Moments are of the machine's monotonic clock."""

    step: Step
    began: float
    mended: float = 0.0
    over: float = 0.0
    """When all had recovered, or were not waited for any more."""
    done: str = ""
    """What the fault says that it did."""
    skipped: str = ""
    """Why it was left out."""
    broken: str = ""
    """What did not hold."""
    back: dict[str, float] = field(default_factory=dict)
    """{device: seconds from the mending until it was back, as far as the run waited for it}"""


@dataclass(slots=True)
class Course:
    """The whole of a run, as it went."""

    plan: Plan
    began: float
    began_at: float
    """The same moment in Unix seconds."""
    ended: float = 0.0
    bouts: list[Bout] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What did not hold that belongs to no step."""
    left_out: int = 0
    """Steps that the time was over for."""
    before: Health | None = None
    after: Health | None = None
    ledgers: list[Path] = field(default_factory=list)
    client_logs: list[Path] = field(default_factory=list)
    node_log: Path | None = None

    def at(self, moment: float) -> float:
        """A moment in Unix seconds."""
        return self.began_at + moment - self.began
