"""The parent's side of a node in a test: its workers live in the test's own process, and answer directly."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from actors import ActorSystem, open_actor_system
from relay.config import Config
from relay.crew import Crew
from relay.device_port import DevicePort
from relay.node import Node
from relay.phase import Phase
from relay.worker import Worker
from relay.worker_process import questions
from supervisors import Reserve


class CrewAtHome(Crew):
    """A crew whose workers are asked without a socket; those at None do not answer."""

    def __init__(self, workers: Mapping[int, Worker | None]) -> None:
        super().__init__(Path("nowhere"), len(workers))
        self.workers = dict(workers)
        for number, worker in self.workers.items():
            if worker is not None:
                self.posts[number].line.began(4_711 + number)
                self.posts[number].line.is_up()

    async def ask(self, question: str) -> dict[int, Any]:
        asked = {number: questions(worker) for number, worker in self.workers.items() if worker is not None}
        # Through JSON and back, as over the socket.
        return {number: json.loads(json.dumps(await ways[question]())) for number, ways in asked.items()}


def node_over(crew: Crew, system: ActorSystem, config: Config | None = None) -> Node:
    """A node that is ready, over a crew that somebody else looks after."""
    node = Node(
        config=config if config is not None else Config(),
        address="roost://127.0.0.1:5252#key",
        system=system,
        port=DevicePort(),
        door=None,
        crew=crew,
        reserve=Reserve(),
        commands=[],
    )
    node.phase = Phase.READY
    return node


@asynccontextmanager
async def open_parent(*workers: Worker | None, config: Config | None = None) -> AsyncIterator[Node]:
    """A node's parent over workers of this process, with an actor system of its own."""
    async with open_actor_system() as system:
        yield node_over(CrewAtHome(dict(enumerate(workers))), system, config)
