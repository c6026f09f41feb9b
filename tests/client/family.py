"""A real relay on a simulated network, with phones that are registered there and devices linked to them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from actors.ports import system_clock, system_entropy
from client.devices import OwnDevice
from client.linking import Invitation, Newcomer, open_newcomer
from client.phone import Phone, open_phone
from client.records import Account
from client.registration import Applicant, open_application
from client.relay_url import RelayUrl
from client.store import Store
from tests.helpers.relay_node import RunningNode, open_running_node
from tests.helpers.sim_network import SimNetwork, open_sim_network

ANN = "+491713920001"
WAIT_SECONDS = 60.0  # of the virtual clock


@dataclass(slots=True)
class Family:
    """The relay, and the folders of the devices."""

    node: RunningNode
    network: SimNetwork
    folder: Path

    @property
    def url(self) -> RelayUrl:
        """The relay's address."""
        return RelayUrl("127.0.0.1", self.node.port.port, self.node.worker.static.public)

    def home(self, name: str) -> Path:
        """The folder of a device."""
        return self.folder / name

    async def register(self, name: str = "ann", phone: str = ANN, *, takes_over: bool = False) -> Account:
        """Make a folder the phone of a number."""
        applicant = Applicant(self.url, phone, takes_over=takes_over)
        async with open_application(
            self.home(name), applicant, network=self.network, entropy=system_entropy, clock=system_clock
        ) as application:
            await application.request_code()
            return await application.register(self.node.codes.codes[phone])

    def open(self, name: str) -> AbstractAsyncContextManager[Phone]:
        """Be the phone of a folder."""
        return open_phone(self.home(name), network=self.network)

    def store(self, name: str) -> Store:
        """Look into a folder."""
        return Store.open(self.home(name), system_entropy, system_clock)

    def newcomer(self, name: str) -> AbstractAsyncContextManager[Newcomer]:
        """A new device, which calls itself by the name of its folder."""
        return open_newcomer(
            self.home(name),
            self.url,
            name,
            network=self.network,
            entropy=system_entropy,
            clock=system_clock,
        )

    async def link(
        self, primary: Phone, name: str, choose: Callable[[Invitation], str] = lambda shown: shown.code
    ) -> tuple[OwnDevice, Account]:
        """Link a device to a phone that is online."""
        async with self.newcomer(name) as newcomer:
            shown = Shown()
            accounts: list[Account] = []

            async def wait() -> None:
                accounts.append(await newcomer.link(shown.show, shown.complain))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                invitation = await shown.next()
                device = await primary.link_device(choose(invitation), system_entropy)
            return device, accounts[0]


class Shown:
    """What a new device shows."""

    def __init__(self) -> None:
        self.invitations: list[Invitation] = []
        self.complaints: list[str] = []
        self._send, self._receive = trio.open_memory_channel[Invitation](10)

    def show(self, invitation: Invitation) -> None:
        self.invitations.append(invitation)
        self._send.send_nowait(invitation)

    def complain(self, sentence: str) -> None:
        self.complaints.append(sentence)

    async def next(self) -> Invitation:
        """The next one that is shown."""
        with trio.fail_after(WAIT_SECONDS):
            return await self._receive.receive()


@asynccontextmanager
async def open_family(folder: Path) -> AsyncIterator[Family]:
    """A relay without anybody."""
    async with (
        open_sim_network() as network,
        open_running_node(folder / "node", network) as node,
    ):
        yield Family(node, network, folder)
