"""What one peer does in all repetitions of a run, or why it did not: it is not installed, or it failed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.document import Document, summary
from bench.errors import BenchError, PeerMissingError
from bench.measurement import Measurement, Scenario, Stage
from bench.node import Node
from bench.peers.catalogue import version_of
from bench.peers.peer import Peer
from bench.peers.process import running_peer

SCENARIOS = ("pairs", "fanout", "login", "offline", "idle")
"""Those that peers play, too."""


@dataclass(slots=True)
class PeerRun:
    """One peer."""

    peer: Peer
    measurements: list[Measurement] = field(default_factory=list)
    skipped: str | None = None
    """It is not installed: how it would be. The run goes on without it, and that is no failure."""
    failed: str | None = None
    """It did not start, or could not be measured to the end: why. The run goes on, and then has failed."""

    def measure(
        self,
        scenario: Scenario,
        plan: Any,
        stage_of: Callable[[Node], Stage],
        *,
        cpus: frozenset[int],
        folder: Path | None,
    ) -> None:
        """Start it, let the scenario play once more, and end it.

        Args:
            scenario: what is played.
            plan: with which parameters; the same as for our own node.
            stage_of: gives the stage that a peer is on.
            cpus: the cores that it may use; empty for all.
            folder: where it has its data; None for the system's.
        """
        if self.skipped is not None or self.failed is not None:
            return
        try:
            with running_peer(self.peer, scenario.accounts(plan), cpus=cpus, folder=folder) as node:
                self.measurements.append(scenario.measure(stage_of(node), plan))
        except PeerMissingError as error:
            self.skipped = str(error)
        except BenchError as error:
            self.failed = str(error)

    def as_document(self) -> Document:
        """What stands under `peers.<name>`: figures as for our own node, and what it promises."""
        if self.skipped is not None:
            return {"skipped": self.skipped}
        if self.failed is not None:
            return {"failed": self.failed}
        return {
            **summary(self.measurements),
            "promises": dataclasses.asdict(self.peer.promises),
            "version": version_of(self.peer),
        }
