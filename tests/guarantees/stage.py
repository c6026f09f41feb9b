"""A real node on real sockets, and two registered phones, for every guarantee."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from actors.ports import system_entropy
from protocol import DeviceAddress, KeyPair
from relay.config import Config
from tests.helpers.device import Device, connect
from tests.helpers.relay_node import TEST_CONFIG, RunningNode, open_running_node


@dataclass(slots=True)
class Phone:
    """A registered device that can be connected again and again."""

    running: RunningNode
    keys: KeyPair
    address: DeviceAddress

    async def connect(self, *, resume: int = 0) -> Device:
        """Connect by IK, as a phone does that has been here before."""
        node = self.running.node
        key = node.static.public
        return await connect(node.network, self.running.port.port, self.keys, relay_key=key, resume=resume)


@dataclass(slots=True)
class Stage:
    """The node and its two phones."""

    running: RunningNode
    anna: Phone
    ben: Phone


@asynccontextmanager
async def open_stage(data: Path, config: Config = TEST_CONFIG) -> AsyncIterator[Stage]:
    """A node in a data folder of its own, with Anna and Ben registered."""
    async with open_running_node(data, config=config) as running:
        yield Stage(running, make_phone(running, "+491713920001"), make_phone(running, "+491713920002"))


def make_phone(running: RunningNode, number: str) -> Phone:
    keys = KeyPair.generate(system_entropy)
    return Phone(running, keys, running.add_user(number, keys.public))
