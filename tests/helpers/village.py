"""A relay node and whole phones, in one process, on a simulated network: people to try things with.

Under the virtual clock (a test that uses it has to name `autojump_clock`). Phones are the product's own, with
stores on disk; what they ask of the relay takes no time that anybody waits for.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import trio

from actors.ports import Entropy
from client import Account, Applicant, MessageState, Phone, RelayUrl, open_application, open_phone
from protocol import KeyPair
from tests.helpers.relay_node import TEST_CONFIG, RunningNode, open_running_node
from tests.helpers.sim_network import SimNetwork, open_sim_network

PATIENCE_SECONDS = 600.0  # of virtual time: several of the longest waits of a phone


class VillageClock:
    """The wall clock of a village: trio's, on a fixed day."""

    def now(self) -> float:
        return 1_795_348_800.0 + trio.current_time()


@dataclass(slots=True)
class Village:
    """A node, and the homes of those who live there."""

    network: SimNetwork
    running: RunningNode
    folder: Path
    entropy: Entropy
    clock: VillageClock
    keys: dict[str, bytes] = field(default_factory=dict)
    """{name: the static key of the phone, which is what the relay knows it by}"""

    def home(self, name: str) -> Path:
        """Where somebody's phone has its store."""
        return self.folder / name

    async def register(self, name: str, number: str, *, takes_over: bool = False) -> Account:
        """Make a phone of a home."""
        relay = RelayUrl("127.0.0.1", self.running.port.port, self.running.worker.static.public)
        async with open_application(
            self.home(name),
            Applicant(relay, number, takes_over=takes_over),
            network=self.network,
            entropy=self.entropy,
            clock=self.clock,
        ) as application:
            await application.request_code()
            account = await application.register(self.running.codes.codes[number])
        self.keys[name] = KeyPair.from_private_bytes(account.noise_private).public
        return account

    def open(self, name: str) -> AbstractAsyncContextManager[Phone]:
        """Switch somebody's phone on, for the length of a block."""
        return open_phone(self.home(name), network=self.network, entropy=self.entropy, clock=self.clock)


@asynccontextmanager
async def open_village(folder: Path, seed: int = 0) -> AsyncIterator[Village]:
    """Run a node in which nobody lives yet."""
    entropy, clock = Random(seed).randbytes, VillageClock()
    async with (
        open_sim_network() as network,
        open_running_node(
            folder / "relay", network, config=TEST_CONFIG, entropy=entropy, clock=clock
        ) as running,
    ):
        yield Village(network, running, folder, entropy, clock)


async def comes_to(phone: Phone, message_id: str, state: MessageState) -> None:
    """Wait until a message of this phone is so far, or further by tick."""
    with trio.fail_after(PATIENCE_SECONDS):
        entry = await phone.wait_for(message_id, state)
    assert state <= entry.state <= MessageState.READ, entry.error_name


async def ends(phone: Phone, message_id: str) -> str | None:
    """Wait until a message has failed; returns the name of the reason."""
    with trio.fail_after(PATIENCE_SECONDS):
        entry = await phone.wait_for(message_id, MessageState.FAILED)
    assert entry.state is MessageState.FAILED
    return entry.error_name


def texts(phone: Phone) -> list[str | None]:
    """What a phone has been written by others, in the order of its history."""
    return [entry.text for entry in phone.history() if not entry.outgoing]
