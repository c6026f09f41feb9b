"""A relay of this process that looks like a node of its own: for strikes in tests, in a tenth of the time."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from faults.real.arena import Arena
from faults.real.fault import Stroke
from faults.real.intruder import Door
from relay.config import Config
from relay.status import worker_status
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.stage import Stage, open_stage

CONFIG = replace(TEST_CONFIG, test_hooks=False)


@dataclass
class InsideNode:
    """What a strike asks of a `NodeProcess`."""

    stage: Stage
    folder: Path
    config: dict[str, str | int]

    def __post_init__(self) -> None:
        self.sms = self.folder / "sms.jsonl"
        self.sms.touch()
        self.worker = self.stage.running.worker
        self.stage.running.codes.send_code = self._write_code  # type: ignore[method-assign]  # into a file

    async def _write_code(self, phone: str, code: str, via: str) -> None:
        with self.sms.open("a") as file:
            file.write(json.dumps({"phone": phone, "code": code, "via": via}) + "\n")

    @property
    def port(self) -> int:
        return self.stage.running.port.port

    @property
    def key(self) -> bytes:
        return self.worker.static.public

    @property
    def door(self) -> Door:
        return Door(self.port, self.key)

    @property
    def codes_sent(self) -> int:
        return len(self.sms.read_text().splitlines())

    def workers(self) -> list[int]:
        return [os.getpid()]

    async def status(self) -> dict[str, Any]:
        facts = worker_status(self.worker)
        worker = {"number": 0, "pid": os.getpid(), "restarts": 0, "state": "ready"}
        return {**facts, "workers": [worker]}


@asynccontextmanager
async def open_inside_node(
    folder: Path, config: Config = CONFIG, settings: dict[str, str | int] | None = None
) -> AsyncIterator[InsideNode]:
    """Run it for the length of a block; `settings` is what a strike is to believe of its configuration."""
    async with open_stage(folder, config=config) as stage:
        yield InsideNode(stage, folder, settings or {})


def arena_of(node: InsideNode) -> Arena:
    """An arena in which there is nothing but the node."""
    return Arena(node.folder, node, None, None, None, None, print)  # type: ignore[arg-type]  # all that is asked for


def stroke(seconds: float = 0.5, size: float = 0.0, seed: int = 1) -> Stroke:
    """One that is soon over."""
    return Stroke(seconds, size, Random(seed))
