"""What a node's log complains of, and which of it no fault explains."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

GRAVE = ("error", "critical")

AFTERMATH_SECONDS = 2.0
"""A line may be written so long after all is over that it tells of."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """A line that tells of an error."""

    at: float
    """Unix seconds; 0 if the line does not say."""
    event: str
    line: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Excuse:
    """Between two moments (Unix seconds) these events are to be expected.

    So is that workers are killed: nobody but a fault does that.
    """

    began: float
    over: float
    events: tuple[str, ...] = ()

    def covers(self, complaint: Complaint) -> bool:
        """Whether it explains a line."""
        if not self.began <= complaint.at <= self.over + AFTERMATH_SECONDS:
            return False
        return complaint.event in self.events or _tells_of_a_killing(complaint)


def _tells_of_a_killing(complaint: Complaint) -> bool:
    return complaint.event == "child_terminated" and complaint.facts.get("exit_status") == -signal.SIGKILL


def complaints(log: Path) -> list[Complaint]:
    """All lines of a log that tell of errors, but for what a killed process has not finished."""
    if not log.exists():
        return []
    with log.open(errors="replace") as lines:
        return list(_complaints(lines))


def _complaints(lines: Iterable[str]) -> Iterator[Complaint]:
    for line in lines:
        text = line.strip()
        if text.startswith("Traceback"):
            yield Complaint(0.0, "traceback", text, {})
        elif text.startswith("{"):
            try:
                facts = json.loads(text)
                if facts.get("level") in GRAVE:
                    at = datetime.fromisoformat(facts["at"].replace("Z", "+00:00")).timestamp()
                    yield Complaint(at, str(facts["event"]), text, facts)
            except (ValueError, KeyError, AttributeError):
                continue  # torn


def unexplained(found: Iterable[Complaint], excuses: Sequence[Excuse]) -> list[Complaint]:
    """Those that nothing explains."""
    return [complaint for complaint in found if not any(excuse.covers(complaint) for excuse in excuses)]
